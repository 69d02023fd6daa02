"""The dialect of S3 clients, translated at the edge: behind it there is only COS.

Applies to requests signed with Signature Version 4 (`Request.is_s3`): names `x-amz-*` become
`x-cos-*` on the way in and again on the way out; a few values and documents differ. What COS has no
word for is left out. https://cloud.tencent.com/document/product/436/37421
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.ElementTree import fromstring
from multidict import CIMultiDict

from localcloud import s3_checksums
from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Param, Request, Response
from localcloud.limits import MAX_XML

_OURS, _THEIRS = "x-cos-", "x-amz-"
_DROPPED = frozenset(
    ("x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-security-token",
     "x-amz-trailer", "x-amz-te", "x-amz-user-agent", "x-amz-sdk-checksum-algorithm",
     "x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type",
     "x-amz-request-payer", "x-amz-expected-bucket-owner", *s3_checksums.HEADERS)
)  # fmt: skip
_VALUES = {
    "x-amz-metadata-directive": {"COPY": "Copy", "REPLACE": "Replaced"},
    "x-amz-tagging-directive": {"COPY": "Copy", "REPLACE": "Replaced"},
    "x-amz-storage-class": {"GLACIER": "ARCHIVE"},
}
_GROUPS = (b"http://acs.amazonaws.com/groups/global/", b"http://cam.qcloud.com/groups/global/")
_V2_ONLY = ("list-type", "continuation-token", "start-after", "fetch-owner", "x-id")


def translate(cloud: Cloud, request: Request) -> Request:
    """The request as COS words it. Raises `ServiceError` for what cannot be translated."""
    if not request.is_s3:
        return request
    headers = renamed(cloud, request.headers)
    if request.key and request.method in ("PUT", "POST"):
        _conditions(headers)
    body = _checked(request)
    if request.has("acl") and request.method == "PUT":
        body = _replaced(body)
    return replace(request, headers=headers, query=_query(request), body=body)


def renamed(cloud: Cloud, sent: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers, or the fields of a form, under COS's names and in its words."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in sent.items():
        small = name.lower()
        if small == "content-encoding":
            kept = [word for word in value.split(",") if word.strip().lower() != "aws-chunked"]
            if kept:
                headers.add(name, ",".join(kept).strip())
        elif small == "content-length" and "x-amz-decoded-content-length" in sent:
            headers.add(name, sent["x-amz-decoded-content-length"])
        elif small == "x-amz-copy-source":
            headers.add("x-cos-copy-source", _copy_source(cloud, value))
        elif not small.startswith(_THEIRS):
            headers.add(name, value)
        elif small not in _DROPPED:
            word = _VALUES.get(small, {}).get(value, value)
            if small.startswith("x-amz-grant-"):
                word = word.replace(_GROUPS[0].decode(), _GROUPS[1].decode())
            headers.add(_OURS + small.removeprefix(_THEIRS), word)
    return headers


def _conditions(headers: CIMultiDict[str]) -> None:
    """What a write depends on. Raises `ServiceError` NotImplemented for what COS has no words
    for."""
    if "If-Match" in headers:
        raise ServiceError("NotImplemented", "If-Match of a write: COS has no such condition")
    value = headers.pop("If-None-Match", None)
    if value is None:
        return
    if value.strip() != "*":
        raise ServiceError("NotImplemented", f"If-None-Match of a write is {value[:50]!r}: only *")
    headers["x-cos-forbid-overwrite"] = "true"


def refusal(request: Request, error: ServiceError) -> ServiceError:
    """The error as an S3 client expects it; `request` is the one that was sent."""
    if request.is_s3 and error.code == "FileAlreadyExists":
        return ServiceError("PreconditionFailed", error.message)
    return error


def answer(request: Request, response: Response) -> Response:
    """The answer as an S3 client reads it; `request` is the one that was sent."""
    if not request.is_s3:
        return response
    response.headers = {
        _THEIRS + name[len(_OURS) :] if name.lower().startswith(_OURS) else name: value
        for name, value in response.headers.items()
    }
    response.headers["x-amz-request-id"] = request.request_id
    if isinstance(response.body, bytes) and request.method == "GET":
        if request.has("acl"):
            response.body = response.body.replace(_GROUPS[1], _GROUPS[0])
        elif _is_v2(request) and response.status == 200:
            response.body = _version_2(request, response.body)
    return response


def _is_v2(request: Request) -> bool:
    return request.get("list-type") == "2" and not request.key


def _query(request: Request) -> tuple[Param, ...]:
    """Without the signature of a link, which COS would take for a sub-resource of a bucket."""
    params = [
        param for param in request.query if not param.name.lower().startswith((_THEIRS, "x-id"))
    ]
    if _is_v2(request) and request.bucket:
        params = [param for param in params if param.name not in _V2_ONLY]
        token = request.get("continuation-token")
        params.append(Param("marker", _marker(token) if token else request.get("start-after")))
    return tuple(params)


def _marker(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        message = "The continuation token provided is incorrect"
        raise ServiceError("InvalidArgument", message) from None


def _version_2(request: Request, listing: bytes) -> bytes:
    """ListObjectsV2 out of what List Objects answered."""
    old = fromstring(listing)
    encoded = request.get("encoding-type") == "url"
    new = Element("ListBucketResult")
    entries = 0
    for node in old:
        if node.tag == "NextMarker":
            marker = unquote(node.text or "") if encoded else node.text or ""
            token = base64.urlsafe_b64encode(marker.encode()).decode()
            SubElement(new, "NextContinuationToken").text = token
        elif node.tag != "Marker":
            if node.tag == "Contents" and request.get("fetch-owner") != "true":
                for owner in node.findall("Owner"):
                    node.remove(owner)
            entries += node.tag in ("Contents", "CommonPrefixes")
            new.append(node)
    SubElement(new, "KeyCount").text = str(entries)
    for name, tag in (("continuation-token", "ContinuationToken"), ("start-after", "StartAfter")):
        if request.get(name):
            shown = quote(request.get(name), safe="/-_.~") if encoded else request.get(name)
            SubElement(new, tag).text = shown
    document: bytes = tostring(new, encoding="utf-8", xml_declaration=True)
    return document


def _copy_source(cloud: Cloud, value: str) -> str:
    """`/bucket/key?versionId=x` as `<bucket>.cos.<region>.myqcloud.com/key?versionId=x`."""
    bucket, slash, rest = unquote(value).removeprefix("/").partition("/")
    if not (bucket and slash and rest):
        raise ServiceError(
            "InvalidCopySource", f"x-amz-copy-source is {value[:200]!r}: bucket/key is expected"
        )
    region = cloud.storage.bucket(bucket).region
    return f"{bucket}.cos.{region}.myqcloud.com/{value.removeprefix('/').partition('/')[2]}"


def _checked(request: Request) -> AsyncIterator[bytes]:
    if request.method == "POST" and request.has("uploadId"):
        return request.body  # it describes the finished object, not this body
    for name in s3_checksums.HEADERS:
        if name in request.headers:
            return s3_checksums.checked(request.body, name, request.headers[name])
    return request.body


async def _replaced(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    data = b""
    async for chunk in body:
        data += chunk
        if len(data) > MAX_XML:
            raise ServiceError("XMLSizeLimit", f"the body has more than {MAX_XML} bytes")
    yield data.replace(*_GROUPS)

"""PUT Object - Copy, and the bytes of stored objects as a stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

from localcloud.cloud import Cloud
from localcloud.cos import acl, conditions, objects, tagging, xml
from localcloud.errors import ServiceError
from localcloud.http import FileSlice, Request, Response, decode, parse_query, xml_response
from localcloud.identity.authorization import require
from localcloud.limits import BODY_CHUNK
from localcloud.storage import StoredObject

_SOURCE = re.compile(
    r"/?(?P<bucket>[a-z0-9-]+)\.cos(?:-internal)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?:myqcloud\.com|tencentcos\.cn)/(?P<key>[^?]+)(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_DIRECTIVES = ("Copy", "Replaced")


async def copy_object(cloud: Cloud, request: Request) -> Response:
    """PUT Object - Copy."""
    source = copy_source(cloud, request)
    replaced = _directive(request, "x-cos-metadata-directive") == "Replaced"
    retagged = _directive(request, "x-cos-tagging-directive") == "Replaced"
    if (source.bucket, source.key) == (request.bucket, request.key) and not (replaced or retagged):
        raise ServiceError(
            "InvalidRequest",
            "an object is copied onto itself only to replace its metadata: "
            "x-cos-metadata-directive must be Replaced",
        )
    tags = tagging.from_header(request.headers.get("x-cos-tagging", ""))
    own_type = request.headers.get("Content-Type", "") if replaced else ""
    stored = await objects.store(
        cloud,
        request,
        request.bucket,
        request.key,
        read_file(FileSlice(source.path, 0, source.size)),
        content_type=own_type or source.content_type,
        headers=objects.kept_headers(request.headers) if replaced else source.headers,
        tags=tags if retagged else source.tags,
        acl=acl.of_object(request),
        only_new=objects.only_new(request),
        event="cos:ObjectCreated:Copy",
    )
    answer = xml_response(
        xml.document(
            "CopyObjectResult",
            [
                xml.element("ETag", f'"{stored.etag}"'),
                xml.element("LastModified", xml.iso_time(stored.last_modified)),
                xml.element("CRC64", stored.crc64),
            ],
        )
    )
    answer.headers |= objects.written_headers(stored)
    if source.version:
        answer.headers["x-cos-copy-source-version-id"] = source.version
    return answer


def copy_source(cloud: Cloud, request: Request) -> StoredObject:
    """The object that x-cos-copy-source names, if the x-cos-copy-source-If-... conditions hold.

    Raises `ServiceError` InvalidCopySource, AccessDenied, NoSuchKey, PreconditionFailed.
    """
    header = request.headers["x-cos-copy-source"]
    match = _SOURCE.fullmatch(header)
    if match is None:
        raise ServiceError(
            "InvalidCopySource",
            f"x-cos-copy-source is {header[:200]!r}: "
            "<bucket>.cos.<region>.myqcloud.com/<percent-encoded key> is expected",
        )
    bucket = cloud.storage.bucket(match["bucket"])
    if bucket.region != match["region"]:
        raise ServiceError(
            "NoSuchBucket", f"the source bucket is in {bucket.region}, not in {match['region']}"
        )
    key, query = decode(match["key"]), parse_query(match["query"] or "")
    version = next((param.value for param in query if param.name == "versionId"), "")
    require(cloud, request, "cos:GetObject", bucket.name, key, version=version)
    source = cloud.storage.head(bucket.name, key, version)
    if conditions.is_unchanged(request, source, prefix="x-cos-copy-source-"):
        raise ServiceError(
            "PreconditionFailed", "At least one of the preconditions you specified did not hold."
        )
    return source


def _directive(request: Request, name: str) -> str:
    value = request.headers.get(name, "Copy").capitalize()
    if value not in _DIRECTIVES:
        raise ServiceError(
            "InvalidArgument", f"{name} is {value[:50]!r}: {' or '.join(_DIRECTIVES)} is expected"
        )
    return value


async def read_file(part: FileSlice) -> AsyncIterator[bytes]:
    """The bytes of a slice, in pieces; other requests get their turn between them."""
    left = part.length
    with part.path.open("rb") as file:
        file.seek(part.start)
        while left > 0 and (chunk := file.read(min(left, BODY_CHUNK))):
            left -= len(chunk)
            yield chunk
            await asyncio.sleep(0)

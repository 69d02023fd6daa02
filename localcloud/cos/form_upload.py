"""POST Object: what a browser's form uploads. It has a signature of its own, that of its policy."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from multidict import CIMultiDict

from localcloud import s3_compat
from localcloud.cloud import Cloud
from localcloud.cos import acl, objects, tagging, xml
from localcloud.cos.form_reader import FormReader, malformed
from localcloud.cos.post_policy import PostPolicy
from localcloud.cos.upload import Checksums
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.identity.authentication import authenticate_form
from localcloud.identity.authorization import require
from localcloud.limits import MAX_OBJECT
from localcloud.storage import StoredObject

_FILENAME = "${filename}"
_STATUS = ("200", "201", "204")


def is_form(request: Request, sub_resource: str) -> bool:
    """Whether a request is a form upload, which says inside of its body who sends it."""
    is_bucket = request.service == "cos" and bool(request.bucket) and not request.key
    return request.method == "POST" and is_bucket and not sub_resource


async def post_object(cloud: Cloud, request: Request) -> Response:
    """POST / with multipart/form-data, the file last."""
    reader = FormReader(request.headers.get("Content-Type", ""), request.stream())
    sent, filename = await reader.fields()
    fields: CIMultiDict[str] = CIMultiDict(sent)
    if "acl" in fields:
        fields.setdefault("x-cos-acl", fields["acl"])
    # Some browsers send the whole path.
    filename = filename.replace("\\", "/").rpartition("/")[2]
    key = fields.get("key", "").replace(_FILENAME, filename)
    if not key:
        raise ServiceError("InvalidArgument", "the form's field 'key' is missing or empty")
    policy = PostPolicy.parse(fields["policy"]) if fields.get("policy") else None
    upload = replace(request, method="PUT", key=key, headers=fields)
    upload = authenticate_form(upload, policy.text if policy else None, cloud.credentials)
    if policy is not None:
        known = {name.lower(): value for name, value in fields.items()}
        # Policies name the window of the key so.
        known.setdefault("q-sign-time", fields.get("q-key-time", ""))
        policy.check({**known, "bucket": request.bucket, "key": key}, time.time())
    if upload.is_s3:
        fields = s3_compat.renamed(cloud, fields)
        upload = replace(upload, headers=fields)
    require(cloud, upload, "cos:PostObject", upload.bucket, key)
    if "Pic-Operations" in fields:
        raise ServiceError("NotImplemented", "Pic-Operations is no field of a form: use PUT Object")
    _check_answer(fields)
    stored = await objects.store(
        cloud,
        upload,
        upload.bucket,
        key,
        _bounded(reader.content(), policy),
        content_type=fields.get("Content-Type", ""),
        headers=objects.kept_headers(fields),
        tags=tagging.from_header(fields.get("x-cos-tagging", "")),
        acl=acl.of_object(upload),
        only_new=objects.only_new(cloud, upload),
        expected=Checksums.of(fields),
        encryption=fields,
        event="cos:ObjectCreated:Post",
    )
    return _answer(cloud, fields, stored)


async def _bounded(
    content: AsyncIterator[bytes], policy: PostPolicy | None
) -> AsyncIterator[bytes]:
    """The file, held to the policy's content-length-range."""
    largest = MAX_OBJECT if policy is None or policy.largest is None else policy.largest
    size = 0
    async for chunk in content:
        size += len(chunk)
        if size > largest:
            raise ServiceError(
                "EntityTooLarge", f"the file has over {largest} bytes, the most allowed"
            )
        yield chunk
    if policy is not None and size < policy.smallest:
        raise ServiceError(
            "EntityTooSmall", f"the file has {size} bytes: at least {policy.smallest} are allowed"
        )


def _check_answer(fields: CIMultiDict[str]) -> None:
    status = fields.get("success_action_status", "204")
    if status not in _STATUS:
        raise ServiceError(
            "InvalidArgument", f"success_action_status is {status[:20]!r}: {', '.join(_STATUS)}"
        )
    address = fields.get("success_action_redirect", "")
    if address:
        try:
            parts = urlsplit(address)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if not good or any(ord(character) <= 32 or ord(character) == 127 for character in address):
            raise malformed("success_action_redirect must be an absolute http or https address")


def _answer(cloud: Cloud, fields: CIMultiDict[str], stored: StoredObject) -> Response:
    region = cloud.storage.bucket(stored.bucket).region
    place = f"http://{objects.location(stored.bucket, region, stored.key)}"
    headers = {**objects.written_headers(stored), "Location": place}
    if address := fields.get("success_action_redirect", ""):
        said = {"bucket": stored.bucket, "key": stored.key, "etag": f'"{stored.etag}"'}
        front, hash_mark, fragment = address.partition("#")
        joint = "&" if "?" in front else "?"
        # What is not ASCII has no place in a header.
        target = f"{front}{joint}{urlencode(said)}{hash_mark}{fragment}"
        headers["Location"] = "".join(c if c.isascii() else urlencode({"": c})[1:] for c in target)
        return Response(303, headers)
    status = int(fields.get("success_action_status", "204"))
    if status != 201:
        return Response(status, headers)
    answer = xml_response(
        xml.document(
            "PostResponse",
            [
                xml.element("Location", place),
                xml.element("Bucket", stored.bucket),
                xml.element("Key", stored.key),
                xml.element("ETag", f'"{stored.etag}"'),
            ],
        ),
        201,
    )
    answer.headers |= headers
    return answer

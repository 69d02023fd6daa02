"""PUT Object - Copy, and what all copies ask of their source."""

from __future__ import annotations

import re

from localcloud.cloud import Cloud
from localcloud.cos import acl, conditions, objects, restore, sse, symlink, tagging, xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, decode, parse_query, xml_response
from localcloud.identity.authorization import require
from localcloud.limits import MAX_OBJECT
from localcloud.storage import StoredObject

_SOURCE = re.compile(
    r"/?(?P<bucket>[a-z0-9-]+)\.cos(?:-internal)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?:myqcloud\.com|tencentcos\.cn)/(?P<key>[^?]+)(?:\?(?P<query>.*))?",
    re.DOTALL,
)
_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})")
_DIRECTIVES = ("Copy", "Replaced")
# What an object copied onto itself may be changed by.
_CHANGES = (restore.STORAGE_CLASS, sse.SSE, f"{sse.SSE}-customer-algorithm")


async def copy_object(cloud: Cloud, request: Request) -> Response:
    """PUT Object - Copy."""
    source, secret = copy_source(cloud, request)
    if source.size > MAX_OBJECT:
        raise ServiceError(
            "EntityTooLarge", f"the source has over {MAX_OBJECT} bytes: copy it in parts"
        )
    replaced = _directive(request, "x-cos-metadata-directive") == "Replaced"
    retagged = _directive(request, "x-cos-tagging-directive") == "Replaced"
    changed = replaced or retagged or any(name in request.headers for name in _CHANGES)
    if (source.bucket, source.key) == (request.bucket, request.key) and not changed:
        raise ServiceError(
            "InvalidRequest",
            "an object is copied onto itself only to replace its metadata, tags, storage class or "
            "encryption: x-cos-metadata-directive must be Replaced",
        )
    headers = (
        objects.kept_headers(request.headers)
        if replaced
        else {**objects.client_headers(source), **restore.kept_class(request.headers)}
    )
    tags = tagging.from_header(request.headers.get("x-cos-tagging", ""))
    cloud.storage.fetch(source)
    own_type = request.headers.get("Content-Type", "") if replaced else ""
    stored = await objects.store(
        cloud,
        request,
        request.bucket,
        request.key,
        sse.read(source, 0, source.size, secret),
        content_type=own_type or source.content_type,
        headers=headers,
        tags=tags if retagged else source.tags,
        acl=acl.of_object(request),
        only_new=objects.only_new(cloud, request),
        encryption=request.headers,
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


def copy_source(cloud: Cloud, request: Request) -> tuple[StoredObject, sse.CustomerKey | None]:
    """The object that x-cos-copy-source names, if the x-cos-copy-source-If-... conditions hold,
    and the customer's key that opens it.

    Raises `ServiceError` InvalidCopySource, AccessDenied, NoSuchKey, PreconditionFailed,
    InvalidObjectState.
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
    source = symlink.follow(cloud, request, source)
    restore.check_readable(source, cloud.clock())
    secret = sse.unlock(request.headers, source.headers, of_source=True)
    if conditions.is_unchanged(request, source, prefix="x-cos-copy-source-"):
        raise ServiceError(
            "PreconditionFailed", "At least one of the preconditions you specified did not hold."
        )
    return source, secret


def source_range(request: Request, source: StoredObject) -> tuple[int, int]:
    """(start, length) of x-cos-copy-source-range, the whole source without it.

    Raises `ServiceError` InvalidRange for what is no range within the source: a part that is not
    what was meant would go unnoticed.
    """
    header = request.headers.get("x-cos-copy-source-range", "")
    if not header:  # the SDK sends it empty
        return 0, source.size
    match = _RANGE.fullmatch(header.strip())
    if match is None or not int(match[1]) <= int(match[2]) < source.size:
        raise ServiceError(
            "InvalidRange",
            f"x-cos-copy-source-range is {header[:60]!r}: bytes=<first>-<last> within the source's "
            f"{source.size} bytes is expected",
        )
    return int(match[1]), int(match[2]) - int(match[1]) + 1


def _directive(request: Request, name: str) -> str:
    value = request.headers.get(name, "Copy").capitalize()
    if value not in _DIRECTIVES:
        raise ServiceError(
            "InvalidArgument", f"{name} is {value[:50]!r}: {' or '.join(_DIRECTIVES)} is expected"
        )
    return value

"""`?symlink`: an object that stands for another one of its bucket.

Its bytes are the target's key; reading it reads the target, one step far, for a reader who may read
both. https://cloud.tencent.com/document/product/436/109082
"""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from localcloud.cloud import Cloud
from localcloud.cos import acl, objects, tagging, xml
from localcloud.cos.restore import STORAGE_CLASS
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, decode
from localcloud.identity.authorization import require
from localcloud.storage import StoredObject

HEADER = "x-cos-symlink-target"
_TARGET = ":symlink"  # the target's key as it is; never sent


async def put_symlink(cloud: Cloud, request: Request) -> Response:
    """PUT ?symlink: x-cos-symlink-target is the target's key, percent-encoded."""
    target = decode(request.headers.get(HEADER, "")).removeprefix("/")
    if not target:
        raise ServiceError("InvalidArgument", f"{HEADER} is missing: the key of the target")
    objects.check_key(target)
    if target == request.key:
        raise ServiceError("InvalidArgument", f"{HEADER} is the link itself: another key")
    guessed = mimetypes.guess_type(target)[0] or ""
    headers = {**objects.kept_headers(request.headers), _TARGET: target}
    headers.pop(STORAGE_CLASS, None)  # a symlink is STANDARD, whatever its target is
    stored = await objects.store(
        cloud,
        request,
        request.bucket,
        request.key,
        target.encode(),
        content_type=request.headers.get("Content-Type") or guessed,
        headers=headers,
        tags=tagging.from_header(request.headers.get("x-cos-tagging", "")),
        acl=acl.of_object(request),
        only_new=objects.only_new(cloud, request),
    )
    return Response(200, objects.written_headers(stored))


async def get_symlink(cloud: Cloud, request: Request) -> Response:
    """GET ?symlink: where it leads, and its own validators."""
    stored = cloud.storage.head(request.bucket, request.key, request.get("versionId"))
    target = stored.headers.get(_TARGET)
    if target is None:
        raise ServiceError("NotSymlink", "The object is no symlink")
    headers = {
        HEADER: quote(target, safe="/-_.~"),
        "ETag": f'"{stored.etag}"',
        "Last-Modified": xml.http_time(stored.last_modified),
    }
    if stored.version:
        headers["x-cos-version-id"] = stored.version
    return Response(200, headers)


def follow(cloud: Cloud, request: Request, stored: StoredObject) -> StoredObject:
    """What a reader of `stored` gets: itself, or the target of the symlink that it is.

    Raises `ServiceError` SymlinkTargetNotExist, InvalidSymlinkTarget for a link to a link,
    AccessDenied when the reader may read the link alone.
    """
    target = stored.headers.get(_TARGET)
    if target is None:
        return stored
    require(cloud, request, "cos:GetObject", stored.bucket, target)
    return resolve(cloud, stored)


def resolve(cloud: Cloud, stored: StoredObject) -> StoredObject:
    """`follow` for the cloud's own services, which may read the whole bucket."""
    target = stored.headers.get(_TARGET)
    if target is None:
        return stored
    try:
        found = cloud.storage.head(stored.bucket, target)
    except ServiceError:
        raise ServiceError(
            "SymlinkTargetNotExist", f"the symlink's target {target[:100]!r} does not exist"
        ) from None
    if _TARGET in found.headers:
        raise ServiceError("InvalidSymlinkTarget", "the symlink's target is a symlink itself")
    return found

"""`POST ?append&position=`: an object that grows.

The bytes are added to the object's own file behind those that count, then one transaction makes
them count: however large the object is, an append costs what it adds. A process that dies in
between leaves bytes that nobody is shown, and that the next append writes over.
https://cloud.tencent.com/document/product/436/7741
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from localcloud.cloud import Cloud
from localcloud.cos import acl, crc, objects, retention, sse, tagging
from localcloud.cos.upload import Checksums, Received, receive, require_length, unwritable
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.limits import MAX_OBJECT
from localcloud.storage import StoredObject

TYPE, APPENDABLE = "x-cos-object-type", "appendable"
_EVENT = "cos:ObjectCreated:Append"


async def append_object(cloud: Cloud, request: Request) -> Response:
    """Create an appendable object with position 0, or add to one at its end.

    The first ETag is the MD5 of the first piece; each later one is made of the one before and the
    piece's, since nobody reads the whole again.
    """
    require_length(request)
    objects.check_key(request.key)
    position = request.number("position", -1, 0, MAX_OBJECT)
    if sse.customer_key(request.headers) is not None:
        raise ServiceError("InvalidRequest", "an appendable object takes no customer's key")
    before = _current(cloud, request)
    _check_position(before, position)
    received = await receive(
        cloud.storage,
        request.stream(),
        expected=Checksums.of(request.headers),
        limit=MAX_OBJECT - position,
    )
    try:
        async with cloud.locks.of(request.bucket, request.key):
            # While the piece came, somebody else's may have been faster.
            before = _current(cloud, request)
            _check_position(before, position)
            stored = await _stored(cloud, request, before, received)
            stored = _published(cloud, request, before, stored)
    except OSError as error:
        raise unwritable(error) from None
    finally:
        received.path.unlink(missing_ok=True)
    headers = objects.written_headers(stored)
    headers["x-cos-next-append-position"] = str(stored.size)
    return Response(200, headers)


def _current(cloud: Cloud, request: Request) -> StoredObject | None:
    cloud.storage.bucket(request.bucket)
    try:
        stored = cloud.storage.head(request.bucket, request.key)
    except ServiceError:
        return None
    retention.check(stored, cloud.clock())
    if stored.headers.get(TYPE) != APPENDABLE:
        raise ServiceError("ObjectNotAppendable", "The object is not appendable")
    return stored


def _published(
    cloud: Cloud, request: Request, before: StoredObject | None, stored: StoredObject
) -> StoredObject:
    only_new = before is None
    try:
        return objects.publish(cloud, request, stored, _EVENT, only_new=only_new, over=before)
    except ServiceError as error:
        if error.code in ("FileAlreadyExists", "OperationConflict"):
            # Another process was faster: tell where it got to.
            _check_position(_current(cloud, request), before.size if before else 0)
        raise


def _check_position(stored: StoredObject | None, position: int) -> None:
    size = stored.size if stored is not None else 0
    if position != size:
        raise ServiceError(
            "PositionNotEqualToLength",
            f"position is {position}, the object has {size} bytes",
            headers={"x-cos-next-append-position": str(size)},
        )


async def _stored(
    cloud: Cloud, request: Request, before: StoredObject | None, received: Received
) -> StoredObject:
    if before is None:
        _, encryption = sse.wanted(request.headers)
        return StoredObject(
            bucket=request.bucket,
            key=request.key,
            size=received.size,
            etag=received.md5,
            crc64=received.crc64,
            content_type=request.headers.get("Content-Type") or objects.DEFAULT_TYPE,
            last_modified=time.time(),
            path=received.path,
            headers={**objects.kept_headers(request.headers), **encryption, TYPE: APPENDABLE},
            tags=tagging.from_header(request.headers.get("x-cos-tagging", "")),
            acl=acl.of_object(request),
        )
    path = cloud.storage.scratch()
    try:
        cloud.storage.fetch(before)
        await cloud.run(_grow, before, received.path, path, cloud.storage.sync)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    etags = bytes.fromhex(before.etag) + bytes.fromhex(received.md5)
    return replace(
        before,
        size=before.size + received.size,
        etag=hashlib.md5(etags, usedforsecurity=False).hexdigest(),
        crc64=str(crc.joined(int(before.crc64), int(received.crc64), received.size)),
        last_modified=time.time(),
        path=path,
    )


def _grow(before: StoredObject, piece: Path, path: Path, sync: bool) -> None:
    """Make `path` the object's file, by a second name if it can be, with the piece behind it."""
    with contextlib.suppress(OSError):
        path.hardlink_to(before.path)
    if not path.exists():
        shutil.copyfile(before.path, path)
    with path.open("r+b") as file, piece.open("rb") as added:
        file.truncate(before.size)
        file.seek(before.size)
        shutil.copyfileobj(added, file, 1 << 20)
        if sync:
            file.flush()
            os.fsync(file.fileno())

"""A request's body -> a finished scratch file with its checksums."""

from __future__ import annotations

import asyncio
import base64
import binascii
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastcrc import crc64

from localcloud.errors import ServiceError
from localcloud.limits import MAX_OBJECT
from localcloud.storage import Storage


@dataclass(frozen=True)
class Received:
    """A body on disk: its size, MD5 in hex, CRC64 (ECMA-182, as COS prints it)."""

    path: Path
    size: int
    md5: str
    crc64: str


async def receive(
    storage: Storage, body: AsyncIterator[bytes], *, content_md5: str = "", limit: int = MAX_OBJECT
) -> Received:
    """Write a body to a scratch file. Raises ServiceError and leaves nothing when it is refused."""
    path = storage.scratch()
    expected = _expected_md5(content_md5)
    md5, crc, size = hashlib.md5(usedforsecurity=False), 0, 0
    try:
        with path.open("wb", buffering=0) as file:
            async for chunk in body:
                size += len(chunk)
                if size > limit:
                    raise ServiceError("EntityTooLarge", f"over {limit} bytes, the most allowed")
                md5.update(chunk)
                crc = crc64.xz(chunk, crc)
                file.write(chunk)
            if storage.sync:
                await asyncio.to_thread(os.fsync, file.fileno())
        if expected and md5.digest() != expected:
            raise ServiceError("BadDigest", "the body is not the one that Content-MD5 describes")
    except OSError as error:
        path.unlink(missing_ok=True)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "there is no space left to store the object" if full else str(error.strerror)
        raise ServiceError("InternalError", reason) from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Received(path, size, md5.hexdigest(), str(crc))


def _expected_md5(header: str) -> bytes:
    if not header:
        return b""
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise ServiceError("InvalidDigest", "Content-MD5 must be the base64 of 16 bytes")
    return digest

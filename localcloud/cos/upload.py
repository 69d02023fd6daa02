"""A request's body -> a finished scratch file with its checksums."""

from __future__ import annotations

import asyncio
import base64
import binascii
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastcrc import crc64

from localcloud.cos.cipher import Encryptor
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.limits import MAX_OBJECT
from localcloud.storage import Storage

_MAX_CRC64 = 2**64 - 1


@dataclass(frozen=True)
class Received:
    """A body on disk: its size, MD5 in hex, CRC64 (ECMA-182, as COS prints it).

    With a customer's key the MD5 is that of what lies on the disk, the rest that of the plain text.
    """

    path: Path
    size: int
    md5: str
    crc64: str


@dataclass(frozen=True)
class Checksums:
    """What a client says of its body; None where it says nothing."""

    md5: bytes | None = None
    sha1: bytes | None = None
    crc64: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Checksums:
        """Those of the headers. Raises `ServiceError` InvalidDigest for what is none."""
        crc = headers.get("x-cos-hash-crc64ecma")
        if crc and not (crc.isascii() and crc.isdigit() and len(crc) <= 20):
            raise ServiceError("InvalidDigest", f"x-cos-hash-crc64ecma is 0 to {_MAX_CRC64}")
        return cls(
            _digest(headers, "Content-MD5", 16),
            _digest(headers, "x-cos-content-sha1", 20),
            int(crc) if crc else None,
        )

    def check(self, body: bytes) -> None:
        """Raises `ServiceError` BadDigest for a body that is another one."""
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        sha1 = hashlib.sha1(body, usedforsecurity=False).digest()
        _compare(self, md5, sha1, crc64.xz(body))


def require_length(request: Request) -> None:
    """Refuse a body of which nobody knows where it ends. Raises MissingContentLength."""
    if "Content-Length" not in request.headers and "Transfer-Encoding" not in request.headers:
        raise ServiceError("MissingContentLength", "the request has no Content-Length")


async def receive(
    storage: Storage,
    body: AsyncIterator[bytes],
    *,
    expected: Checksums | None = None,
    limit: int = MAX_OBJECT,
    key: bytes | None = None,
) -> Received:
    """Write a body to a scratch file, encrypted where a customer's `key` is given.

    Raises ServiceError and leaves nothing when it is refused.
    """
    path = storage.scratch()
    expected = expected or Checksums()
    encryptor = Encryptor(key) if key is not None else None
    md5, crc, size = hashlib.md5(usedforsecurity=False), 0, 0
    stored_md5 = md5 if encryptor is None else hashlib.md5(usedforsecurity=False)
    sha1 = hashlib.sha1(usedforsecurity=False) if expected.sha1 is not None else None
    try:
        with path.open("wb", buffering=0) as file:
            async for chunk in body:
                size += len(chunk)
                if size > limit:
                    raise ServiceError("EntityTooLarge", f"over {limit} bytes, the most allowed")
                md5.update(chunk)
                crc = crc64.xz(chunk, crc)
                if sha1 is not None:
                    sha1.update(chunk)
                if encryptor is None:
                    file.write(chunk)
                else:
                    hidden = encryptor.update(chunk)
                    stored_md5.update(hidden)
                    file.write(hidden)
            if encryptor is not None:
                file.write(encryptor.table(size, crc))
            if storage.sync:
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        _compare(expected, md5.digest(), sha1.digest() if sha1 is not None else b"", crc)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise unwritable(error) from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Received(path, size, stored_md5.hexdigest(), str(crc))


def unwritable(error: OSError) -> ServiceError:
    """What a client is told when its bytes cannot be kept."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "there is no space left to store the object" if full else str(error.strerror)
    return ServiceError("InternalError", reason)


def _compare(expected: Checksums, md5: bytes, sha1: bytes, crc: int) -> None:
    if expected.md5 is not None and expected.md5 != md5:
        raise ServiceError("BadDigest", "the body is not the one that Content-MD5 describes")
    if expected.sha1 is not None and expected.sha1 != sha1:
        raise ServiceError("BadDigest", "the body is not the one that x-cos-content-sha1 describes")
    if expected.crc64 is not None and expected.crc64 != crc:
        raise ServiceError(
            "BadDigest", f"the body's CRC64 is {crc}, x-cos-hash-crc64ecma is {expected.crc64}"
        )


def _digest(headers: Mapping[str, str], name: str, length: int) -> bytes | None:
    text = headers.get(name)
    if not text:
        return None
    in_base64 = name == "Content-MD5"
    try:
        digest = base64.b64decode(text, validate=True) if in_base64 else bytes.fromhex(text)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != length:
        form = "base64" if in_base64 else "hexadecimal form"
        raise ServiceError("InvalidDigest", f"{name} must be the {form} of {length} bytes")
    return digest

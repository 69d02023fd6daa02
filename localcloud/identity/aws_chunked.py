"""Bodies in the `aws-chunked` encoding: each piece has its length, and often a signature, in front.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, .../sigv4-streaming-trailers
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from typing import Protocol

from localcloud.errors import ServiceError
from localcloud.s3_checksums import Checksum

MAX_LINE = 1024
MAX_TRAILERS = 20
_HEAD = re.compile(rb"([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?")
_EMPTY = hashlib.sha256(b"").hexdigest()
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class _Digest(Protocol):
    def hexdigest(self) -> str: ...


class Signer:
    """Each chunk's signature covers the one before it; the first the request's."""

    def __init__(self, key: bytes, date: str, scope: str, seed: str) -> None:
        self._key, self._date, self._scope, self._previous = key, date, scope, seed

    def check_chunk(self, digest: _Digest, signature: str) -> None:
        """Raises `ServiceError` SignatureDoesNotMatch."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", (_EMPTY, digest.hexdigest()), signature)

    def check_trailer(self, text: bytes, signature: str) -> None:
        """Raises `ServiceError` SignatureDoesNotMatch."""
        digest = hashlib.sha256(text).hexdigest()
        self._check("AWS4-HMAC-SHA256-TRAILER", (digest,), signature)

    def _check(self, kind: str, digests: tuple[str, ...], signature: str) -> None:
        text = "\n".join((kind, self._date, self._scope, self._previous, *digests))
        expected = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise ServiceError(
                "SignatureDoesNotMatch", "a chunk of the body does not match its signature"
            )
        self._previous = expected


async def decode(
    body: AsyncIterator[bytes], signer: Signer | None, trailer: str, length: str
) -> AsyncIterator[bytes]:
    """The bytes inside. `trailer` names the checksum that follows (x-amz-trailer), empty for none;
    `length` is x-amz-decoded-content-length.

    A chunk is handed on before its signature is read: who stores the bytes must wait for the end.
    Raises `ServiceError` InvalidRequest, SignatureDoesNotMatch, BadDigest, IncompleteBody.
    """
    reader = _Reader(body)
    checksum = Checksum.named(trailer) if trailer else None
    received = 0
    while True:
        head = _HEAD.fullmatch(await reader.line())
        if head is None or (signer is not None) != (head[2] is not None):
            raise _malformed("a chunk must begin with its length in hexadecimal")
        left, digest = int(head[1], 16), hashlib.sha256()
        is_last = left == 0
        received += left
        while left:
            piece = await reader.some(left)
            left -= len(piece)
            digest.update(piece)
            if checksum is not None:
                checksum.update(piece)
            yield piece
        if signer is not None:
            signer.check_chunk(digest, head[2].decode())
        if is_last:
            break
        if await reader.line():
            raise _malformed("a chunk is longer than its length says")
    await _trailers(reader, signer, checksum)
    if length and length != str(received):
        raise ServiceError(
            "IncompleteBody", f"{received} bytes arrived, x-amz-decoded-content-length: {length}"
        )


async def _trailers(reader: _Reader, signer: Signer | None, checksum: Checksum | None) -> None:
    found: dict[str, str] = {}
    signed = b""
    signature, lines = "", 0
    while line := await reader.line(at_end=True):
        name, colon, value = line.decode("latin-1").partition(":")
        lines += 1
        if not colon or lines > MAX_TRAILERS:
            raise _malformed(f"trailers are up to {MAX_TRAILERS} lines of <name>:<value>")
        if name.lower() == _TRAILER_SIGNATURE:
            signature = value.strip()
        else:
            found[name.lower().strip()] = value.strip()
            signed += line.strip() + b"\n"
    if checksum is not None:
        if signer is not None:
            signer.check_trailer(signed, signature)
        checksum.compare(found.get(checksum.header, ""))


class _Reader:
    """Lines and pieces of a stream."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body, self._buffer = body, bytearray()

    async def line(self, *, at_end: bool = False) -> bytes:
        """Up to CRLF, without it. `at_end`: the body may end here, which is an empty line."""
        while (cut := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise _malformed(f"a line has more than {MAX_LINE} bytes")
            if not await self._fill():
                if at_end and not self._buffer:
                    return b""
                raise ServiceError("IncompleteBody", "the body broke off within a chunk")
        if cut > MAX_LINE:
            raise _malformed(f"a line has more than {MAX_LINE} bytes")
        found = bytes(self._buffer[:cut])
        del self._buffer[: cut + 2]
        return found

    async def some(self, most: int) -> bytes:
        """At least one byte, and no more than `most`."""
        if not self._buffer and not await self._fill():
            raise ServiceError("IncompleteBody", "the body broke off within a chunk")
        piece = bytes(self._buffer[:most])
        del self._buffer[:most]
        return piece

    async def _fill(self) -> bool:
        async for chunk in self._body:
            if chunk:
                self._buffer += chunk
                return True
        return False


def _malformed(reason: str) -> ServiceError:
    return ServiceError("InvalidRequest", f"the aws-chunked body cannot be read: {reason}")

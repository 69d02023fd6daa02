"""A body at rest under a customer's key: AES-256-CTR, readable from any byte on.

The file is the ciphertext, as long as the plain text, and behind it a table of its segments. An
object of one upload has one segment; parts of a multipart upload keep theirs when they are joined,
so that joining needs no key. CTR tells nothing about a wrong key: `sse` checks it beforehand.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from localcloud.http import FileSlice
from localcloud.limits import BODY_CHUNK

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

_BLOCK = 16
_SEGMENT = struct.Struct(">16sQQ")
_COUNT = struct.Struct(">I")


@dataclass(frozen=True)
class Segment:
    """`length` bytes under one `nonce`; `crc64` is that of the plain text."""

    nonce: bytes
    length: int
    crc64: int


class Encryptor:
    """One segment in the making."""

    def __init__(self, key: bytes) -> None:
        self._nonce = os.urandom(_BLOCK)
        self._context = _context(key, self._nonce, 0)

    def update(self, chunk: bytes) -> bytes:
        """The ciphertext of the next piece."""
        return self._context.update(chunk)

    def table(self, length: int, crc64: int) -> bytes:
        """What stands behind the ciphertext."""
        return table([Segment(self._nonce, length, crc64)])


def table(segments: Iterable[Segment]) -> bytes:
    """The table of `segments`, in their order."""
    rows = [_SEGMENT.pack(s.nonce, s.length, s.crc64) for s in segments]
    return _COUNT.pack(len(rows)) + b"".join(rows)


def segments(path: Path, size: int) -> list[Segment]:
    """The segments of a file with `size` bytes of ciphertext."""
    with path.open("rb") as file:
        return _segments(file, size)


def _segments(file: IO[bytes], size: int) -> list[Segment]:
    file.seek(size)
    (count,) = _COUNT.unpack(file.read(_COUNT.size))
    return [Segment(*row) for row in _SEGMENT.iter_unpack(file.read(count * _SEGMENT.size))]


def decrypt(part: FileSlice, size: int, key: bytes) -> AsyncGenerator[bytes, None]:
    """The plain text of a slice, in pieces. `size` is that of the whole object.

    The file is opened at once: an object that is replaced meanwhile is read as it was.
    """
    return _pieces(part.path.open("rb"), part, size, key)


async def _pieces(
    file: IO[bytes], part: FileSlice, size: int, key: bytes
) -> AsyncGenerator[bytes, None]:
    with file:
        known = _segments(file, size)
        file.seek(part.start)
        first, end = 0, part.start + part.length
        for segment in known:
            start = max(part.start, first)
            left = min(end, first + segment.length) - start
            if left > 0:
                context = _context(key, segment.nonce, start - first)
                while left > 0 and (chunk := file.read(min(left, BODY_CHUNK))):
                    left -= len(chunk)
                    yield context.update(chunk)
                    await asyncio.sleep(0)
            first += segment.length


def _context(key: bytes, nonce: bytes, offset: int) -> CipherContext:
    # 5 MB that a cloud without customers' keys saves.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    blocks, rest = divmod(offset, _BLOCK)
    counter = (int.from_bytes(nonce, "big") + blocks) % (1 << 8 * _BLOCK)
    mode = modes.CTR(counter.to_bytes(_BLOCK, "big"))
    context = Cipher(algorithms.AES(key), mode).encryptor()
    context.update(bytes(rest))
    return context

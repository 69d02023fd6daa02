"""The bytes of a multipart upload's parts, made into one file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from localcloud.cos import cipher, crc
from localcloud.cos.files import read_file
from localcloud.cos.upload import Received, receive, unwritable
from localcloud.http import FileSlice
from localcloud.limits import BODY_CHUNK
from localcloud.storage import Part, Storage


async def join(storage: Storage, parts: Sequence[Part], *, encrypted: bool) -> Received:
    """All `parts` as one scratch file, synced. Those under a customer's key are joined unread."""
    if not encrypted:
        return await receive(storage, _plain(storage, parts))
    for part in parts:
        storage.fetch(part)
    path = storage.scratch()
    try:
        return await asyncio.to_thread(_encrypted, path, parts, sync=storage.sync)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise unwritable(error) from None


async def _plain(storage: Storage, parts: Sequence[Part]) -> AsyncIterator[bytes]:
    for part in parts:
        storage.fetch(part)
        async for chunk in read_file(FileSlice(part.path, 0, part.size)):
            yield chunk


def _encrypted(path: Path, parts: Sequence[Part], *, sync: bool) -> Received:
    segments: list[cipher.Segment] = []
    crc64 = 0
    with path.open("wb") as file:
        for part in parts:
            for segment in cipher.segments(part.path, part.size):
                segments.append(segment)
                crc64 = crc.joined(crc64, segment.crc64, segment.length)
            with part.path.open("rb") as source:
                left = part.size
                while left > 0 and (chunk := source.read(min(left, BODY_CHUNK))):
                    left -= len(chunk)
                    file.write(chunk)
        file.write(cipher.table(segments))
        if sync:
            file.flush()
            os.fsync(file.fileno())
    return Received(path, sum(part.size for part in parts), "", str(crc64))

"""The bytes of a file as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import IO

from localcloud.http import FileSlice
from localcloud.limits import BODY_CHUNK


def read_file(part: FileSlice) -> AsyncGenerator[bytes, None]:
    """The bytes of a slice, in pieces; other requests get their turn between them.

    The file is opened at once: an object that is replaced meanwhile is read as it was.
    """
    return _pieces(part.path.open("rb"), part)


async def _pieces(file: IO[bytes], part: FileSlice) -> AsyncGenerator[bytes, None]:
    left = part.length
    with file:
        file.seek(part.start)
        while left > 0 and (chunk := file.read(min(left, BODY_CHUNK))):
            left -= len(chunk)
            yield chunk
            await asyncio.sleep(0)

"""`x-cos-traffic-limit`: one connection held to so many bits a second, the others unharmed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import replace

from localcloud.cos.files import read_file
from localcloud.errors import ServiceError
from localcloud.http import FileSlice, Request, Response, Stream
from localcloud.limits import MAX_TRAFFIC, MIN_TRAFFIC

_NAME = "x-cos-traffic-limit"
_PIECE = 0.05  # seconds' worth of bytes in one piece: smooth, and few timers


def limit_of(request: Request) -> int | None:
    """The limit in bits a second, of the header or the parameter; None without one.

    Raises `ServiceError` InvalidArgument for one that COS does not take.
    """
    text = request.headers.get(_NAME) or request.get(_NAME)
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_TRAFFIC))
    if is_number and MIN_TRAFFIC <= int(text) <= MAX_TRAFFIC:
        return int(text)
    raise ServiceError(
        "InvalidArgument",
        f"{_NAME} is {text[:50]!r}: {MIN_TRAFFIC} to {MAX_TRAFFIC} (bit/s) are allowed",
    )


async def paced(request: Request, operation: Callable[[Request], Awaitable[Response]]) -> Response:
    """Carry `operation` out, its bodies in both directions no faster than the request asks for."""
    limit = limit_of(request)
    if limit is None:
        return await operation(request)
    response = await operation(replace(request, body=pace(request.body, limit)))
    if request.method != "GET" or isinstance(response.body, bytes):
        return response
    if isinstance(response.body, FileSlice):
        whole = response.body
        response.body = Stream(pace(read_file(whole), limit), whole.length)
    else:
        response.body = Stream(pace(response.body.chunks, limit), response.body.length)
    return response


async def pace(chunks: AsyncIterator[bytes], limit: int) -> AsyncGenerator[bytes, None]:
    """The same bytes in small pieces, `limit` bits a second on the average from the first one."""
    size = max(int(limit / 8 * _PIECE), 1)
    began, sent = time.monotonic(), 0
    async for chunk in chunks:
        for start in range(0, len(chunk), size):
            piece = chunk[start : start + size]
            yield piece
            sent += len(piece)
            ahead = began + sent * 8 / limit - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)

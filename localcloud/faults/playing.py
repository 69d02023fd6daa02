"""An operation with its faults around it, and an answer that breaks off."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from aiohttp import web

from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.faults.engine import acting
from localcloud.faults.rules import Cut, Latency, Refusal, WrongETag
from localcloud.http import NO_ANSWER, FileSlice, Request, Response, Stream
from localcloud.limits import BODY_CHUNK

_ETAG_ELEMENT = re.compile(rb"(?<=<ETag>)[^<]*(?=</ETag>)")
_MD5 = re.compile(rb"[0-9a-f]{32}")


async def play(
    handler: Callable[[Cloud, Request], Awaitable[Response]],
    name: str,
    cloud: Cloud,
    request: Request,
) -> Response:
    """Carry out the operation `name`, unless a fault keeps it from it. Raises `ServiceError`."""
    effects = cloud.faults.of_request(name, request.bucket, request.key)
    for effect in effects:
        if isinstance(effect, Latency):
            await asyncio.sleep(effect.seconds)
        elif isinstance(effect, Refusal):
            retry = effect.retry_after
            raise ServiceError(
                effect.code,
                f"a fault that was asked for befell {name}",
                status=effect.status,
                headers={} if retry is None else {"Retry-After": str(retry)},
            )
    token = acting.set(name)
    try:
        response = await handler(cloud, request)
    finally:
        acting.reset(token)
    for effect in effects:
        if isinstance(effect, WrongETag):
            _spoil(response)
        elif isinstance(effect, Cut):
            response.cut = NO_ANSWER if effect.length is None else effect.length
    return response


def _spoil(response: Response) -> None:
    for header in ("ETag", "Etag", "etag"):
        if header in response.headers:
            response.headers[header] = _other(response.headers[header].encode()).decode()
    if isinstance(response.body, bytes):
        response.body = _ETAG_ELEMENT.sub(lambda found: _other(found[0]), response.body)


def _other(etag: bytes) -> bytes:
    """Another ETag of the same form: the parts' count and the quotes stay."""

    def change(found: re.Match[bytes]) -> bytes:
        return hashlib.md5(found[0], usedforsecurity=False).hexdigest().encode()

    return _MD5.sub(change, etag)


def is_cut(response: Response) -> bool:
    """Whether the answer is not to arrive whole."""
    if response.cut is None:
        return False
    body = response.body
    length = len(body) if isinstance(body, bytes) else body.length
    return length is None or response.cut < length


async def break_off(
    incoming: web.BaseRequest, answer: web.StreamResponse, response: Response
) -> NoReturn:
    """Send the answer's beginning and close the connection. Raises ConnectionResetError, always.

    `answer` has the whole answer's head, with its whole length.
    """
    if response.cut is not None and response.cut >= 0:
        await answer.prepare(incoming)
        incoming.writer.send_headers()
        await _send_beginning(answer, response.body, response.cut)
    if incoming.transport is not None:
        incoming.transport.close()  # after what is on its way; no abort, which would take it back
    raise ConnectionResetError("a fault cut the answer")


async def _send_beginning(answer: Any, body: bytes | FileSlice | Stream, length: int) -> None:
    if isinstance(body, bytes):
        await answer.write(body[:length])
        return
    if isinstance(body, Stream):
        async with contextlib.aclosing(body.chunks) as chunks:
            async for chunk in chunks:
                await answer.write(chunk[:length])
                length -= len(chunk)
                if length <= 0:
                    return
        return
    with body.path.open("rb") as file:
        file.seek(body.start)
        while length > 0 and (chunk := file.read(min(BODY_CHUNK, length))):
            await answer.write(chunk)
            length -= len(chunk)

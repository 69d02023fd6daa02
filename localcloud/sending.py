"""A `Response` as HTTP: its headers, and its body from memory, from a file or as it is made."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from aiohttp import HttpVersion11, hdrs, web

from localcloud.errors import ServiceError
from localcloud.faults import playing
from localcloud.http import NO_ANSWER, XML, FileSlice, Response, Stream, new_id
from localcloud.limits import BODY_CHUNK, READ_PACE, SLOW_READER

_log = logging.getLogger("localcloud")
_INLINE = 64 * 1024  # a file up to this size goes out in one write with its head


def error_answer(
    error: ServiceError, resource: str, request_id: str, service: str = "cos"
) -> Response:
    """The document that tells of an error, with the headers that belong to it."""
    trace_id = new_id()
    trace = f"x-{_prefix(service)}-trace-id"
    headers = {"Content-Type": XML, trace: trace_id, **error.headers}
    if error.errno is not None:
        headers["X-ErrNo"] = str(error.errno)
    return Response(error.status, headers, error.to_xml(resource, request_id, trace_id))


def _prefix(service: str) -> str:
    """What headers of the service itself are called by."""
    return "ci" if service == "ci" else "cos"


def wire(response: Response, request_id: str, service: str, *, head: bool) -> web.StreamResponse:
    """The head of an answer, and its body where that is in memory."""
    prefix = _prefix(service)
    headers: dict[str, Any] = {
        "Server": f"tencent-{prefix}",
        f"x-{prefix}-request-id": request_id,
        **response.headers,
    }
    if response.status in (204, 304):
        headers.pop(hdrs.CONTENT_LENGTH, None)
    if isinstance(response.body, FileSlice | Stream) or head:
        answer = web.StreamResponse(status=response.status, headers=headers)
        if isinstance(response.body, FileSlice | Stream):
            answer.content_length = response.body.length
        elif hdrs.CONTENT_LENGTH not in headers and response.status not in (204, 304):
            answer.content_length = len(response.body)
        return answer
    return web.Response(status=response.status, body=response.body, headers=headers)


async def send(
    incoming: web.BaseRequest, response: Response, request_id: str, service: str
) -> web.StreamResponse:
    """Answer with `response`. Raises ConnectionError where the client goes, or stops reading."""
    head = incoming.method == "HEAD"
    if head and response.status >= 400:
        # An error's document has no place here; neither have its type and length.
        response = Response(response.status, {**response.headers, "Content-Length": "0"})
        response.headers.pop("Content-Type", None)
    if playing.is_cut(response) and not (head and response.cut != NO_ANSWER):
        answer = wire(response, request_id, service, head=True)
        await playing.break_off(incoming, answer, response)
    if isinstance(response.body, Stream) and not head:
        return await _send_stream(incoming, response, request_id, service, response.body)
    file = None
    if isinstance(response.body, FileSlice) and not head:
        try:
            file = response.body.path.open("rb")
            file.seek(response.body.start)
        except OSError as error:
            _log.error("the file of an object cannot be read: %s", error)
            failure = ServiceError("InternalError", "the object's file in the data folder is gone")
            response = error_answer(failure, incoming.raw_path, request_id)
    try:
        if file is not None and isinstance(response.body, FileSlice):
            if response.body.length <= _INLINE:
                response.body = file.read(response.body.length)
            else:
                answer = wire(response, request_id, service, head=False)
                await answer.prepare(incoming)
                await _send_file(incoming, answer, file, response.body)
                return answer
    finally:
        if file is not None:
            file.close()
    answer = wire(response, request_id, service, head=head)
    if response.status >= 400 and "Expect" in incoming.headers:
        # Nobody can tell whether the refused body comes after all.
        answer.force_close()
    return answer


async def _send_stream(
    incoming: web.BaseRequest, response: Response, request_id: str, service: str, body: Stream
) -> web.StreamResponse:
    answer = wire(response, request_id, service, head=False)
    if body.length is None and incoming.version >= HttpVersion11:
        answer.enable_chunked_encoding()
    await answer.prepare(incoming)
    async with contextlib.aclosing(body.chunks) as chunks:
        try:
            async for chunk in chunks:
                async with asyncio.timeout(SLOW_READER):
                    await answer.write(chunk)
        except BaseException as error:
            if incoming.transport is not None:
                incoming.transport.abort()  # the status is out: a cut is all that can be said
            if isinstance(error, ServiceError | OSError):  # TimeoutError is one
                raise ConnectionResetError(f"the answer broke off: {error}") from None
            raise
    await answer.write_eof()
    return answer


async def _send_file(
    incoming: web.BaseRequest, answer: web.StreamResponse, file: Any, part: FileSlice
) -> None:
    transport = incoming.transport
    if transport is None:
        raise ConnectionResetError("the client has gone")
    sent = 0
    encrypted = transport.get_extra_info("sslcontext") is not None
    loop = asyncio.get_running_loop()
    try:
        while sent < part.length:
            size = min(BODY_CHUNK if encrypted else READ_PACE, part.length - sent)
            async with asyncio.timeout(SLOW_READER):
                if encrypted:
                    # It passes through memory; asyncio would take it in steps of 16 KB.
                    chunk = file.read(size)
                    await answer.write(chunk)
                    done = len(chunk)
                else:
                    done = await loop.sendfile(transport, file, part.start + sent, size)
            sent += done
            if done < size:
                break
    except TimeoutError:
        transport.abort()
        raise ConnectionResetError("the client has stopped reading") from None
    if sent < part.length:
        transport.abort()
        raise ConnectionResetError("the object's file is shorter than it was")
    await answer.write_eof()

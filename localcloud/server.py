"""The listener: HTTP in, `Request` out, and who answers it. aiohttp without its router.

aiohttp keeps the case of header names and takes absolute-form targets; the SDK needs both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sqlite3
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from localcloud import addressing, admin, api3, operation_names, routing, s3_compat
from localcloud.ci import styles
from localcloud.ci.audit import door as audit
from localcloud.ci.errors import add_number, as_job_error
from localcloud.ci.processing import rule_of
from localcloud.cloud import Cloud
from localcloud.cos import fetch, form_upload, traffic
from localcloud.cos.settings import cors, website
from localcloud.errors import ServiceError
from localcloud.faults import playing
from localcloud.http import Request, Response, new_id
from localcloud.identity.authentication import authenticate, is_signed
from localcloud.identity.authorization import authorize
from localcloud.limits import (
    BODY_PACE,
    IDLE_BODY,
    IDLE_CONNECTION,
    MAX_CONNECTIONS,
    MAX_HEADER,
    MAX_HEADERS,
    MAX_REQUESTS,
    STOP_SECONDS,
)
from localcloud.sending import error_answer, send, wire
from localcloud.storage import StorageUnavailable
from localcloud.tls.contexts import Contexts
from localcloud.tls.door import Door

_log = logging.getLogger("localcloud")
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
_LINGER = 2.0  # seconds to read on after a refusal, so that the client gets to see it
# In the status line too: it is all that most clients show.
_NO_CONNECT = (
    "The local cloud opens no tunnel here: start it with --tls, or set COS_SCHEME=http "
    "(Scheme='http' in the SDK's CosConfig)"
)


class _Connection(RequestHandler):
    """aiohttp's connection, except that what is no HTTP gets our error document too."""

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            _log.info("the client has gone: %s", exc)
        elif status >= 500:
            _log.error("the local cloud failed to answer", exc_info=exc)
        if status >= 500:
            error = ServiceError("InternalError", "the local cloud failed; its log says where")
        else:
            said = " ".join((message or "").split())[:200]
            error = ServiceError("BadRequest", f"the request is no HTTP that can be read: {said}")
        answer = wire(
            error_answer(error, "/", request_id := new_id()), request_id, "cos", head=False
        )
        answer.force_close()
        return answer

    @property
    def is_without_request(self) -> bool:
        """Whether it waits for the (rest of the) head of a request."""
        return self._current_request is None and not self._messages and not self._force_close


class _Listener(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > MAX_CONNECTIONS:
            self._make_room()

    def _make_room(self) -> None:
        for connection in self._connections:
            if isinstance(connection, _Connection) and connection.is_without_request:
                connection.force_close()
                return


class Server:
    """One listening socket in front of a `Cloud`; with `contexts`, it speaks TLS as well."""

    def __init__(self, cloud: Cloud, contexts: Contexts | None = None) -> None:
        self._cloud = cloud
        self._contexts = contexts
        self._door: Door | None = None
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen; the endpoint as `http://host:port`. Raises OSError when it cannot."""
        listener = _Listener(
            self._handle,
            access_log=None,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
            keepalive_timeout=IDLE_CONNECTION,
            lingering_time=_LINGER,
            auto_decompress=False,
        )
        self._runner = web.ServerRunner(listener, shutdown_timeout=1.0)
        await self._runner.setup()
        if self._contexts is not None:
            self._door = Door(listener, self._contexts)
            bound = await self._door.open(host, port)
        else:
            site = web.TCPSite(self._runner, host, port, backlog=512)
            await site.start()
            bound = self._runner.addresses[0]
        audit.resume(self._cloud)
        # No client can connect to the address that stands for all of them.
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound[0], bound[0])  # noqa: S104
        name = f"[{address}]" if ":" in address else address
        return f"http://{name}:{bound[1]}"

    async def stop(self) -> None:
        """Take no more connections, and finish what is at work within `STOP_SECONDS`."""
        if self._runner is None:
            return
        self._stopping = True
        if self._door is not None:
            await self._door.close()
        for site in list(self._runner.sites):
            await site.stop()
        # aiohttp's own shutdown would stop reading the bodies of requests that are at work.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._idle.wait()
        await self._runner.cleanup()
        await self._cloud.close()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        if incoming.method == "CONNECT":
            refusal = web.Response(status=501, reason=_NO_CONNECT, text=_NO_CONNECT + ".\n")
            refusal.force_close()
            return refusal
        if self._busy >= MAX_REQUESTS:
            error = ServiceError("SlowDown", f"{MAX_REQUESTS} requests are at work: try later")
            return await send(incoming, error_answer(error, "/", new_id()), new_id(), "cos")
        self._busy += 1
        self._idle.clear()
        try:
            answer = await self._cloud.storage.serving(self._handle_one(incoming))
            if self._stopping:
                answer.force_close()
            return answer
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def _handle_one(self, incoming: web.BaseRequest) -> web.StreamResponse:
        request_id, service, resource = new_id(), "cos", "/"
        request: Request | None = None
        _acknowledge(incoming)
        try:
            address = addressing.resolve(incoming.raw_path, incoming.headers.get("Host", ""))
            service, resource = address.service, address.authority + address.raw_path
            request = _request(incoming, address, request_id)
            response = await self._answer(request)
        except ServiceError as error:
            response = error_answer(error, resource, request_id, service)
            if service == "migration":
                response = fetch.refusal(error, request_id)
        except StorageUnavailable as error:
            response = error_answer(_unavailable(incoming, error), resource, request_id)
        except ConnectionError:
            raise
        except (OSError, sqlite3.OperationalError) as error:
            _log.error("%s %r: %s", incoming.method, resource, error)
            response = error_answer(_data_folder(error), resource, request_id)
        # Anything else is a fault of this program: logged whole, told to the client in a sentence.
        except Exception:  # noqa: BLE001
            _log.exception("the local cloud failed at %s %r", incoming.method, resource)
            failure = ServiceError("InternalError", "the local cloud failed; its log says where")
            response = error_answer(failure, resource, request_id)
        if request is not None:
            # An answer is better than none, though a browser may not be shown it.
            with contextlib.suppress(StorageUnavailable):
                cors.decorate(self._cloud, request, response)
        return await send(incoming, response, request_id, service)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS" and request.service == "cos" and request.bucket:
            _check_region(request, self._cloud.storage.bucket(request.bucket).region)
            return await self._play(cors.preflight, operation_names.PREFLIGHT, request)
        if request.service == "website":
            name = operation_names.of_request(request)
            try:
                return await self._play(website.serve, name, request)
            except ServiceError as error:
                return website.page(error, request)
        try:
            return await self._operate(request)
        except ServiceError as error:
            if rule_of(request) is not None:
                add_number(error)
            if request.service == "ci":
                raise as_job_error(error, is_signed=is_signed(request)) from None
            raise

    async def _operate(self, request: Request) -> Response:
        if request.service == "api":
            return await api3.answer(self._cloud, request)
        if request.service == "functions":
            from localcloud.scf import gateway  # not for a cloud without functions

            return await gateway.answer(self._cloud, request)
        sent = authenticate(request, self._cloud.credentials)
        if sent.bucket == admin.PLACE:
            return await admin.answer(self._cloud, sent)
        request = s3_compat.translate(self._cloud, sent)
        if not routing.sub_resource(request):
            request = styles.read_address(self._cloud, request)
        # A form is signed inside of it, and authorised once it is read.
        if not form_upload.is_form(request, routing.sub_resource(request)):
            authorize(self._cloud, request, routing.row(request))
        operation = routing.operation(request)
        if request.bucket and operation is not routing.OPERATIONS["cos", "PUT", "bucket", ""]:
            _check_region(request, self._cloud.storage.bucket(request.bucket).region)
        if self._cloud.faults.active:
            name = operation_names.of_request(request)
            carry_out = partial(playing.play, operation, name, self._cloud)
        else:
            carry_out = partial(operation, self._cloud)
        try:
            return s3_compat.answer(sent, await traffic.paced(request, carry_out))
        except ServiceError as error:
            raise s3_compat.refusal(sent, error) from None

    async def _play(self, handler: routing.Handler, name: str, request: Request) -> Response:
        if self._cloud.faults.active:
            return await playing.play(handler, name, self._cloud, request)
        return await handler(self._cloud, request)


def _check_region(request: Request, region: str) -> None:
    if request.region and request.region != region:
        raise ServiceError(
            "NoSuchBucket",
            f"The specified bucket does not exist in {request.region}: it is in {region}.",
        )


def _request(incoming: web.BaseRequest, address: addressing.Address, request_id: str) -> Request:
    return address.request(
        incoming.method,
        headers=incoming.headers,
        raw_headers=tuple((name.decode("latin-1"), value) for name, value in incoming.raw_headers),
        body=_body(incoming),
        request_id=request_id,
        remote=incoming.remote or "",
        secure=incoming.secure,
    )


async def _body(incoming: web.BaseRequest) -> AsyncIterator[bytes]:
    """The body in pieces. Raises `ServiceError` when the client stops before its end."""
    if incoming.headers.get("Expect", "").lower() == "100-continue" and incoming.can_read_body:
        # Only now, when the request is allowed: a refused upload is never sent.
        await incoming.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        incoming.writer.output_size = 0
    expected, received = incoming.content_length, 0
    clock = asyncio.get_running_loop().time
    # Time that the client lets us wait, and the size at which it has earned new patience.
    patience, enough = IDLE_BODY, BODY_PACE
    try:
        while True:
            chunk = incoming.content.read_nowait(-1)
            if not chunk:
                before = clock()
                async with asyncio.timeout(patience):
                    chunk = await incoming.content.readany()
                patience -= clock() - before
            if not chunk:
                break
            received += len(chunk)
            if received >= enough:
                patience, enough = IDLE_BODY, received + BODY_PACE
            yield chunk
    except TimeoutError:
        raise ServiceError(
            "RequestTimeout", f"less than {BODY_PACE} bytes came in {IDLE_BODY:g} seconds"
        ) from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise ServiceError("IncompleteBody", "the body broke off before its end") from None
    if expected is not None and received < expected:
        raise ServiceError("IncompleteBody", f"{received} of {expected} bytes arrived")


def _acknowledge(incoming: web.BaseRequest) -> None:
    # A client behind Nagle waits with its body for the ACK of the head: do not delay it by 40 ms.
    if incoming.can_read_body and incoming.transport is not None and _QUICKACK is not None:
        connection = incoming.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def _unavailable(incoming: web.BaseRequest, error: StorageUnavailable) -> ServiceError:
    _log.error("%s: %s", incoming.method, error)
    return ServiceError("ServiceUnavailable", str(error))


def _data_folder(error: OSError | sqlite3.Error) -> ServiceError:
    """What a client is told when the disk is full or broken: it may try again later."""
    reason = getattr(error, "strerror", None) or str(error)
    return ServiceError("InternalError", f"the data folder cannot be used: {reason}")

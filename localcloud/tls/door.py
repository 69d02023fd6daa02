"""One port for plain HTTP, TLS and CONNECT: look at a connection's first bytes, then hand it on.

What a client sends is looked at (MSG_PEEK), not taken, so that whoever gets the connection reads it
from its beginning. A tunnel ends here: behind CONNECT is this cloud itself, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import re
import socket
from collections.abc import Callable

from localcloud.addressing import plays
from localcloud.limits import IDLE_CONNECTION
from localcloud.tls.contexts import Contexts

HANDSHAKE_SECONDS = 10.0  # for the head of a CONNECT, and for a TLS handshake
MAX_UNDECIDED = 256  # connections that have not said what they speak, or shake hands
MAX_ENCRYPTED = 512  # open at one time: asyncio keeps 256 KB for each
MAX_HEAD = 16 * 1024
_HELLO = 16 * 1024  # a ClientHello is one record of at most this
_HANDSHAKE = b"\x16"  # the record type that every TLS connection begins with
_CONNECT = b"CONNECT "
_PORTS = (443, 80)
_LINGER = 2.0
_TARGET = re.compile(
    rb"CONNECT (?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:]{2,39}\]):(?P<port>[0-9]{1,5})"
    rb" HTTP/1\.[01]"
)
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_log = logging.getLogger("localcloud")


class _RefusedError(Exception):
    """A CONNECT that opens no tunnel: status and what the client is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Door:
    """Listens, and gives each connection to a new protocol of `listener`, decrypted."""

    def __init__(self, listener: Callable[[], asyncio.BaseProtocol], contexts: Contexts) -> None:
        self._listener = listener
        self._contexts = contexts
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._undecided: dict[asyncio.Task[None], None] = {}
        self._encrypted: list[socket.socket] = []
        self._ports: set[int] = set(_PORTS)

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Listen; the first address that is bound. Raises OSError when it cannot."""
        loop = asyncio.get_running_loop()
        bound = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
        self._sockets = [one.dup() for one in bound.sockets]
        bound.close()
        for one in self._sockets:
            one.setblocking(False)
            one.listen(512)
            self._ports.add(one.getsockname()[1])
            self._accepting.append(asyncio.create_task(self._accept(one)))
        address = self._sockets[0].getsockname()
        return str(address[0]), int(address[1])

    async def close(self) -> None:
        """Take no more; connections that were handed on stay open."""
        tasks = [*self._accepting, *self._undecided]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in self._sockets:
            one.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno in _NO_ROOM:
                    _log.error("no more connections: %s", error.strerror)
                    await asyncio.sleep(0.5)
                continue
            if len(self._undecided) >= MAX_UNDECIDED:
                # Who means it speaks at once: the one that has been silent longest goes.
                next(iter(self._undecided)).cancel()
            task = asyncio.create_task(self._receive(connection))
            self._undecided[task] = None
            task.add_done_callback(self._undecided.pop)

    async def _receive(self, connection: socket.socket) -> None:
        host = "localhost"
        try:
            async with asyncio.timeout(IDLE_CONNECTION):
                first = await _peek(connection, len(_CONNECT))
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                while first != _CONNECT and first and _CONNECT.startswith(first):
                    await asyncio.sleep(0.01)  # readable already: waiting for that is no waiting
                    first = await _peek(connection, len(_CONNECT))
                if first == _CONNECT:
                    host = await self._tunnel(connection)
            if first == _CONNECT:
                async with asyncio.timeout(IDLE_CONNECTION):
                    first = await _peek(connection, 1)
            if first:
                await self._hand_on(connection, host, encrypted=first[:1] == _HANDSHAKE)
                return
        except _RefusedError as refusal:
            with contextlib.suppress(OSError, TimeoutError):
                await _refuse(connection, refusal)
        except (OSError, TimeoutError):
            pass  # it left, or it took too long
        except asyncio.CancelledError:
            connection.close()
            raise
        connection.close()

    async def _hand_on(self, connection: socket.socket, host: str, *, encrypted: bool) -> None:
        loop = asyncio.get_running_loop()
        if encrypted:
            self._make_room()
            self._encrypted.append(connection)
            if alert := self._contexts.objection(connection.recv(_HELLO, socket.MSG_PEEK)):
                async with asyncio.timeout(_LINGER):
                    await _say_last(connection, alert)
                connection.close()
                return
            try:
                context = self._contexts.of(host)
            except OSError as error:
                _log.error("no certificate could be made for %s: %s", host, error.strerror)
                raise
            await loop.connect_accepted_socket(
                self._listener,
                connection,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=_LINGER,
            )
        else:
            await loop.connect_accepted_socket(self._listener, connection)

    def _make_room(self) -> None:
        if len(self._encrypted) >= MAX_ENCRYPTED:
            # Whoever owns a connection closes its socket at the end.
            self._encrypted = [one for one in self._encrypted if one.fileno() >= 0]
        if len(self._encrypted) >= MAX_ENCRYPTED:
            _log.warning("%d encrypted connections are open: one more is closed", MAX_ENCRYPTED)
            raise ConnectionAbortedError

    async def _tunnel(self, connection: socket.socket) -> str:
        """Take the head of a CONNECT and say yes; the host asked for. Raises `_RefusedError`."""
        head = await _read_head(connection)
        asked = _TARGET.fullmatch(head.partition(b"\r\n")[0])
        if asked is None:
            raise _RefusedError(400, "CONNECT wants <host>:<port> and HTTP/1.1")
        host, port = asked["host"].decode().lower(), int(asked["port"])
        if not plays(host):
            raise _RefusedError(403, f"the local cloud does not play {host} and is no open proxy")
        if port not in self._ports:
            allowed = ", ".join(map(str, sorted(self._ports)))
            raise _RefusedError(403, f"the local cloud plays the ports {allowed} and not {port}")
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
        return host


async def _peek(connection: socket.socket, size: int) -> bytes:
    """Up to `size` bytes that wait to be read, at least one; none at the end."""
    loop = asyncio.get_running_loop()
    while True:
        ready = asyncio.Event()
        loop.add_reader(connection, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(connection)
        with contextlib.suppress(BlockingIOError):
            return connection.recv(size, socket.MSG_PEEK)


async def _read_head(connection: socket.socket) -> bytes:
    """Take everything up to the empty line, and no byte more. Raises `_RefusedError`."""
    head = b""
    while len(head) < MAX_HEAD:
        waiting = await _peek(connection, 4096)
        if not waiting:
            raise ConnectionResetError("the client has gone")
        seen = max(len(head) - 3, 0)
        end = (head + waiting).find(b"\r\n\r\n", seen)
        take = len(waiting) if end < 0 else end + 4 - len(head)
        head += connection.recv(take)
        if end >= 0:
            return head
    raise _RefusedError(431, f"the head of a CONNECT has at most {MAX_HEAD} bytes")


async def _refuse(connection: socket.socket, refusal: _RefusedError) -> None:
    # Clients show their users the status line and nothing else: it has to say it all.
    text = str(refusal)
    head = (
        f"HTTP/1.1 {refusal.status} {text}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(text) + 1}\r\nConnection: close\r\n\r\n{text}\n"
    )
    async with asyncio.timeout(_LINGER):
        await _say_last(connection, head.encode("ascii"))


async def _say_last(connection: socket.socket, answer: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, answer)
    connection.shutdown(socket.SHUT_WR)
    # Closing on unread bytes would reset the connection before the answer is read.
    while await loop.sock_recv(connection, 65536):
        pass

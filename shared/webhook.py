"""Telling a webhook: signed, repeated until it is taken, and never to an address inside.

The body is JSON. `X-Signature` is `sha256=` and the HMAC-SHA256 of `<X-Timestamp>.<body>` under
NOTIFY_SECRET; `X-Event-Id` is the same however often an event is told, so that a receiver can drop
what it has seen.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from shared import retries
from shared.errors import CloudError

_SECONDS = 5.0  # that one try may take
_ATTEMPTS = 3


def problem(url: str) -> str:
    """What is wrong with an address, as far as its text tells; empty if nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        return "https://, a host and no user name are expected"
    if not url.isascii() or any(ord(each) <= 32 for each in url):
        return "plain characters are expected"
    address = _literal(host)
    if parts.scheme == "http" and not (address and address.is_loopback):
        return "https:// is expected (http:// for a loopback address alone)"
    if address and not (address.is_global or address.is_loopback):
        return f"{host} is no public address"
    return ""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What `X-Signature` must say; a receiver compares in constant time."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def send(url: str, secret: str, event_id: str, document: Mapping[str, Any], deadline: float) -> int:
    """Post `document`; how many tries it took. Raises `CloudError` WebhookRefused (not taken, or
    an address that may not be called) or WebhookFailed, which may pass."""
    if not secret:
        raise CloudError("WebhookRefused", "NOTIFY_SECRET is not set: nothing is sent unsigned",
                         status=400)  # fmt: skip
    if said := problem(url):
        raise CloudError("WebhookRefused", f"notify: {said}", status=400)
    body = json.dumps(document, ensure_ascii=True).encode()
    tries = 0

    def attempt() -> None:
        nonlocal tries
        tries += 1
        status = _post(url, secret, event_id, body, deadline)
        if status >= 500 or status in (408, 429):
            raise CloudError("WebhookFailed", f"the webhook answered {status}", status=503)
        if not 200 <= status < 300:
            raise CloudError("WebhookRefused", f"the webhook answered {status}", status=400)

    retries.run(attempt, attempts=_ATTEMPTS, deadline=deadline)
    return tries


def _post(url: str, secret: str, event_id: str, body: bytes, deadline: float) -> int:
    parts = urlsplit(url)
    seconds = min(_SECONDS, deadline - time.monotonic())
    if seconds < retries.SHORTEST_CALL:
        raise CloudError("DeadlineExceeded", "the invocation has no time left for the webhook")
    host = parts.hostname or ""
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Event-Id": event_id,
        "X-Signature": signature(secret, timestamp, body),
    }
    connection = HTTPConnection(host, port, timeout=seconds)
    # The timeout of a socket is one of each read: a receiver that drips would hold us for ever.
    watch = threading.Timer(seconds, _cut, (connection,))
    watch.daemon = True
    watch.start()
    try:
        # The address that was checked is the one that is called, whatever the name says later.
        raw = socket.create_connection((_resolved(host, port), port), seconds)
        connection.sock = (
            ssl.create_default_context().wrap_socket(raw, server_hostname=host) if is_tls else raw
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        return connection.getresponse().status  # a redirection is not followed
    except (OSError, HTTPException) as error:
        raise CloudError("WebhookFailed", f"the webhook: {type(error).__name__}") from None
    finally:
        watch.cancel()
        connection.close()


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # it is not connected yet, or not any more
        connection.sock.shutdown(socket.SHUT_RDWR)


def _resolved(host: str, port: int) -> str:
    """The address to call. Raises `CloudError` for one inside, OSError for a name without any."""
    found = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    is_local = (literal := _literal(host)) is not None and literal.is_loopback
    for address in found:
        if not is_local and not ipaddress.ip_address(address.partition("%")[0]).is_global:
            raise CloudError("WebhookRefused", f"{host} leads to no public address", status=400)
    return found[0]


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None

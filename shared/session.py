"""The HTTP session below the SDK: kept connections, a time limit for each call, its answer's facts.

The SDK switches TCP_NODELAY off behind a proxy, which costs 44 ms for each request with a body.
"""

from __future__ import annotations

import socket
import threading
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from requests import PreparedRequest, Response
from requests import Session as RequestsSession
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager

_NODELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
_LONGEST_WAIT = 900.0  # seconds: no invocation lasts longer


class Answer(NamedTuple):
    """What the headers of the last answer say; empty when none came.

    `date` is the service's clock in Unix seconds, 0 if unknown; `retry_after` is in seconds.
    """

    request_id: str = ""
    date: float = 0.0
    retry_after: float = 0.0

    @classmethod
    def of(cls, response: Response) -> Answer:
        headers = response.headers
        return cls(
            headers.get("x-cos-request-id", headers.get("x-ci-request-id", "")),
            unix_time(headers.get("Date", "")),
            _seconds(headers.get("Retry-After", "")),
        )


class _Adapter(HTTPAdapter):
    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(
            proxy, socket_options=_NODELAY, **proxy_kwargs
        )
        return manager


class Session(RequestsSession):
    """Keeps connections between invocations. For each thread, `state.timeout` caps the next call
    (seconds) and `state.answer` tells of the last."""

    def __init__(self) -> None:
        super().__init__()
        self.state = threading.local()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_connections=10, pool_maxsize=10))

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        timeout = getattr(self.state, "timeout", None)
        if timeout is not None:
            kwargs["timeout"] = timeout
        response = super().send(request, **kwargs)
        self.state.answer = Answer.of(response)
        return response


def unix_time(date: str) -> float:
    """An HTTP date as Unix seconds; 0 for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return 0.0


def _seconds(text: str) -> float:
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdecimal() else 0.0

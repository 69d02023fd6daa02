"""An HTTP request -> the jobs that it speaks of, if it may come in at all."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from callback_limit import Limit
from callback_notice import MAX_BODY, Notice, NoticeError, read

from shared.events import EventError
from shared.http_requests import BodyTooLargeError, HttpRequest, answer, parse_http
from shared.settings import Settings

_limits: dict[float, Limit] = {}  # of this instance, by rate: settings may change in its life


class RefusedError(Exception):
    """The request is answered with `answer`; the message is for the log."""

    def __init__(
        self, status: int, code: str, reason: str, headers: Mapping[str, str] | None = None
    ):
        super().__init__(reason)
        self.answer: dict[str, Any] = answer(status, {"code": code})
        self.answer["headers"] |= headers or {}


def let_in(event: object, settings: Settings) -> Notice:
    """What the callback of an HTTP event says. Raises `RefusedError`."""
    try:
        request = parse_http(event)
    except EventError as error:
        raise RefusedError(400, "BadRequest", str(error)) from None
    if not _knows_token(request, settings):
        # Whoever has no token learns nothing, not even what is wrong with the request.
        raise RefusedError(404, "NotFound", "the path ends in no known token")
    if request.method != "POST":
        raise RefusedError(405, "MethodNotAllowed", f"the method is {request.method}",
                           {"Allow": "POST"})  # fmt: skip
    limit = _limits.setdefault(settings.callback_rate, Limit(settings.callback_rate))
    if not limit.take():
        raise RefusedError(429, "TooManyRequests", "more callbacks than CALLBACK_RATE allows",
                           {"Retry-After": "1"})  # fmt: skip
    try:
        return read(request.body(MAX_BODY))
    except BodyTooLargeError as error:
        raise RefusedError(413, "BodyTooLarge", str(error)) from None
    except (EventError, NoticeError) as error:
        raise RefusedError(400, "BadRequest", str(error)) from None


def _knows_token(request: HttpRequest, settings: Settings) -> bool:
    given = request.last_part.encode("utf-8", "replace")
    known = False
    for own in settings.callback_tokens:
        # All of them, whichever fits: the time taken tells nothing.
        known |= hmac.compare_digest(given, own.encode())
    return known

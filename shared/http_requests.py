"""HTTP events -> requests: what a function URL and an API gateway hand to a function.

https://cloud.tencent.com/document/product/583/96099 and .../583/12513. The two share their fields;
gateways add some, and write names of headers as the client did.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.events import EventError

MAX_HEADERS = 200
MAX_PATH = 4096  # characters


class BodyTooLargeError(ValueError):
    """The body has more bytes than are allowed; the message says how many are."""


@dataclass(frozen=True)
class HttpRequest:
    """One request. `path` is as the client wrote it, without the query; the names in `headers` are
    in lower case. `text` is the body as the event holds it, in Base64 if `encoded`."""

    method: str
    path: str
    headers: Mapping[str, str]
    text: str = field(default="", repr=False)
    encoded: bool = False

    @property
    def last_part(self) -> str:
        """What stands behind the last slash of the path that has something behind it."""
        return self.path.rstrip("/").rpartition("/")[2]

    def body(self, most: int) -> bytes:
        """The body's bytes. Raises `BodyTooLargeError` for more than `most`, and `EventError` for
        a body that is no Base64 although the event says so."""
        # Four characters of Base64 are three bytes; a character of text is one at least.
        least = len(self.text) // 4 * 3 - 2 if self.encoded else len(self.text)
        if least <= most:
            try:
                text = self.text
                data = base64.b64decode(text, validate=True) if self.encoded else text.encode()
            except (binascii.Error, ValueError):
                raise EventError(
                    "body is no Base64, as isBase64Encoded says, or no Unicode"
                ) from None
            if len(data) <= most:
                return data
        raise BodyTooLargeError(f"the body has more than {most} bytes")


def is_http(event: object) -> bool:
    """Whether an event comes from an HTTP trigger."""
    return isinstance(event, Mapping) and isinstance(event.get("httpMethod"), str)


def parse_http(event: object) -> HttpRequest:
    """The request of an event. Raises `EventError` for what no HTTP trigger sends."""
    if not isinstance(event, Mapping) or not is_http(event):
        raise EventError("the event has no httpMethod: one of an HTTP trigger is expected")
    path = event.get("path")
    if not isinstance(path, str) or len(path) > MAX_PATH:
        raise EventError(f"path is no text of at most {MAX_PATH} characters")
    body = event.get("body")
    if body is not None and not isinstance(body, str):
        raise EventError(f"body is a {type(body).__name__}: a text is expected")
    return HttpRequest(
        method=str(event["httpMethod"]).upper()[:16],
        path=path.partition("?")[0],
        headers=_headers(event.get("headers")),
        text=body or "",
        encoded=event.get("isBase64Encoded") is True,
    )


def answer(status: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a function returns so that its trigger answers with this JSON."""
    return {
        "isBase64Encoded": False,
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(document),
    }


def _headers(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or len(given) > MAX_HEADERS:
        raise EventError(f"headers is no object of at most {MAX_HEADERS} fields")
    return {str(name).lower(): str(value) for name, value in given.items()}

"""Talk to a running local cloud about itself, from another process on the same machine."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from defusedxml.ElementTree import ParseError, fromstring

from localcloud.config import Config
from shared import signing

_SECONDS = 5.0
_WINDOW = 300
_MAX_ANSWER = 4 * 1024 * 1024


class AdminError(RuntimeError):
    """The cloud did not do it; the message says why."""


class NotRunningError(AdminError):
    """Nobody answers as a local cloud at this port."""


def call(config: Config, port: int, method: str, what: str, document: Any = None) -> dict[str, Any]:
    """Make an admin call to the cloud at `port`, signed with the keys of `config`.

    `what` is `status` or `faults`; `document` is sent as JSON. Raises `AdminError`.
    """
    path, now = f"/_localcloud/{what}", int(time.time())
    headers = {"Host": f"127.0.0.1:{port}"}
    signature = signing.sign(
        method,
        path,
        headers=headers,
        params={},
        secret_id=config.secret_id,
        secret_key=config.secret_key,
        window=(now - _WINDOW, now + _WINDOW),
    )
    headers["Authorization"] = signature.to_header()
    body = None if document is None else json.dumps(document).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise NotRunningError(f"no local cloud answers at 127.0.0.1:{port}: {error}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise AdminError(_reason(content, port))
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NotRunningError(f"what answers at 127.0.0.1:{port} is no local cloud")
    return told


def _reason(content: bytes, port: int) -> str:
    try:
        message = fromstring(content).findtext("Message")
    except (ParseError, ValueError):
        message = None
    if not message:
        raise NotRunningError(f"what answers at 127.0.0.1:{port} is no local cloud")
    return f"the local cloud at 127.0.0.1:{port} refuses: {message}"

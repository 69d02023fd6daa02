"""Tells a URL of a job's end: a POST to this machine, and to nowhere else.

The local cloud opens no network. A callback goes to one of the cloud's own functions, or to an
origin that `localcloud serve --callback` names, which must be loopback; any other is not sent, and
the log says so. The service wants the opposite, no intranet address (CI manual 004:9318): a program
is given its address from outside.
"""

from __future__ import annotations

import http.client
import json
import logging
from typing import Any
from urllib.parse import urlsplit

from localcloud.ci.own_functions import shown

_log = logging.getLogger("localcloud")
_SECONDS = 5.0
TRIES = 3


def may_go(url: str, origins: tuple[str, ...]) -> bool:
    """Whether `url` is on one of the `origins` (`http://127.0.0.1:8080`)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" in origins


def post(url: str, document: bytes | dict[str, Any]) -> bool:
    """Send it; whether the answer was 2xx. Redirections are not followed. Blocks."""
    parts = urlsplit(url)
    if isinstance(document, bytes):
        body, kind = document, "application/xml"
    else:
        body, kind = json.dumps(document, ensure_ascii=False).encode(), "application/json"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("POST", target, body=body, headers={"Content-Type": kind})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        _log.warning("the callback to %s failed: %s", shown(url), error)
        return False
    finally:
        connection.close()
    if not 200 <= status < 300:
        _log.warning("the callback to %s was answered with %d", shown(url), status)
    return 200 <= status < 300

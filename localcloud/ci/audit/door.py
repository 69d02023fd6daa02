"""The rows of content audit for the routing table; the first request loads what they need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from localcloud.cloud import Cloud
from localcloud.http import Request, Response

_Handler = Callable[[Cloud, Request], Awaitable[Response]]
PROCESS = "sensitive-content-recognition"
_STORE = "audits.sqlite3"
# The kinds by the path of their jobs; `live` streams share that of `video`.
_PATHS = {
    "image": "image/auditing",
    "text": "text/auditing",
    "audio": "audio/auditing",
    "video": "video/auditing",
    "document": "document/auditing",
    "webpage": "webpage/auditing",
    "virus": "virus/detect",
}


async def recognize(cloud: Cloud, request: Request) -> Response:
    """GET ?ci-process=sensitive-content-recognition."""
    from localcloud.ci.audit import operations

    return await operations.recognize(cloud, request)


async def cancel(cloud: Cloud, request: Request) -> Response:
    """POST /video/cancel_auditing/<jobId>."""
    from localcloud.ci.audit import operations

    return await operations.cancel(cloud, request)


async def report(cloud: Cloud, request: Request) -> Response:
    """POST /report/badcase."""
    from localcloud.ci.audit import operations

    return await operations.report(cloud, request)


def _submit(kind: str) -> _Handler:
    async def submit(cloud: Cloud, request: Request) -> Response:
        from localcloud.ci.audit import kinds, operations

        return await operations.submit(cloud, request, kinds.KINDS[kind])

    return submit


def _query(kind: str) -> _Handler:
    async def query(cloud: Cloud, request: Request) -> Response:
        from localcloud.ci.audit import kinds, operations

        return await operations.query(cloud, request, kinds.KINDS[kind])

    return query


OPERATIONS: dict[tuple[str, str, str, str], _Handler] = {
    ("cos", "GET", "object", PROCESS): recognize,
    ("cos", "GET", "bucket", PROCESS): recognize,
    **{("ci", "POST", "bucket", path): _submit(kind) for kind, path in _PATHS.items()},
    **{("ci", "GET", "job", path): _query(kind) for kind, path in _PATHS.items()},
    ("ci", "POST", "job", "video/cancel_auditing"): cancel,
    ("ci", "POST", "bucket", "report/badcase"): report,
}


def resume(cloud: Cloud) -> None:
    """Take up audits that an earlier process left unfinished."""
    if (cloud.config.data / _STORE).exists():
        from localcloud.ci.audit import service

        service.of(cloud).resume()

"""What a reader asks of an object besides its bytes: conditions, a range, other headers."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.storage import StoredObject

# response-<name> of the query -> the header that it replaces.
_OVERRIDES = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
    "response-content-type": "Content-Type",
    "response-expires": "Expires",
}
_CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


def overrides(request: Request) -> dict[str, str]:
    """The headers that `response-...` parameters set. Raises `ServiceError` InvalidArgument."""
    chosen = {_OVERRIDES[p.name]: p.value for p in request.query if p.name in _OVERRIDES}
    for name, value in chosen.items():
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise ServiceError("InvalidArgument", f"response-{name.lower()} has control characters")
    return chosen


def is_asked(request: Request) -> bool:
    """Whether the request has any condition."""
    return any(name in request.headers for name in _CONDITIONS)


def is_unchanged(request: Request, stored: StoredObject, prefix: str = "") -> bool:
    """Whether the client has the object already (304). `prefix` names the headers of a copy.

    Order of RFC 9110 13.2.2. Raises `ServiceError` PreconditionFailed.
    """
    headers = request.headers
    modified = int(stored.last_modified)
    wanted = headers.get(f"{prefix}If-Match")
    if wanted is not None:
        failed = not _has(wanted, stored.etag)
    else:
        since = _date(headers.get(f"{prefix}If-Unmodified-Since", ""))
        failed = since is not None and modified > since
    if failed:
        raise ServiceError(
            "PreconditionFailed", "At least one of the preconditions you specified did not hold."
        )
    unwanted = headers.get(f"{prefix}If-None-Match")
    if unwanted is not None:
        return _has(unwanted, stored.etag)
    since = _date(headers.get(f"{prefix}If-Modified-Since", ""))
    return since is not None and modified <= since


def wanted_range(request: Request, stored: StoredObject) -> tuple[int, int] | None:
    """What `Range` asks for, unless `If-Range` names another version. Raises InvalidRange."""
    since = request.headers.get("If-Range", "").strip()
    is_current = (
        since.strip('"') == stored.etag or _date(since) == int(stored.last_modified)
        if since
        else True
    )
    return byte_range(request.headers.get("Range", ""), stored.size) if is_current else None


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """`Range` -> (start, length); None for the whole object. Raises `ServiceError` InvalidRange.

    What is no single range of bytes is ignored, as HTTP allows.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    if first:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
    else:
        start = max(size - int(last), 0)
        end = size - 1 if int(last) else -1
    if start >= size or end < start:
        raise ServiceError(
            "InvalidRange",
            f"The requested range is not satisfiable: {header} of {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end - start + 1


def _has(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _date(header: str) -> float | None:
    try:
        return parsedate_to_datetime(header).timestamp() if header else None
    except (ValueError, TypeError, OverflowError):
        return None

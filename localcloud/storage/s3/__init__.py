"""Objects in an S3-compatible store that several processes share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localcloud.storage import StorageUnavailable

if TYPE_CHECKING:
    from localcloud.storage.s3.storage import S3Storage

_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_.-]+/)*")
_MAX_PREFIX = 128


def check(url: str, endpoint: str | None) -> None:
    """Raises ValueError, which says what is wrong, for what names no store."""
    _place(url)
    if endpoint is not None:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"{endpoint!r} is no address such as http://127.0.0.1:9100")
        if parts.username or parts.password:
            raise ValueError("credentials come from the AWS variables, not in the address")


def open_storage(url: str, endpoint: str | None, data: Path) -> S3Storage:
    """The store at `s3://bucket` or `s3://bucket/prefix`, by the credentials of the AWS variables;
    `data` is a folder of this process alone.

    Raises ValueError as `check` does, StorageUnavailable, DataFolderError.
    """
    bucket, prefix = _place(url)
    try:
        from localcloud.storage.s3.storage import S3Storage
        from localcloud.storage.s3.store import Store
    except ModuleNotFoundError as error:
        raise StorageUnavailable(
            f"an S3 store needs {error.name}: pip install boto3 greenlet (the extra s3)"
        ) from None
    return S3Storage(Store(bucket, prefix, endpoint), data)


def _place(url: str) -> tuple[str, str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"{url!r} is neither 'directory' nor s3://bucket/prefix")
    prefix = (match["prefix"] or "").strip("/")
    prefix += "/" if prefix else ""
    if not _PREFIX.fullmatch(prefix) or len(prefix) > _MAX_PREFIX or ".." in prefix:
        raise ValueError(
            f"the prefix {prefix[:_MAX_PREFIX]!r} has other characters than letters, digits, "
            f"'_', '-', '.' and '/', or more than {_MAX_PREFIX}"
        )
    return match["bucket"], prefix

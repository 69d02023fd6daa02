"""What all storages have in common about the versions of a key."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from typing import TypeVar

from localcloud.errors import ServiceError
from localcloud.storage import NULL_VERSION, StoredObject

_Stored = TypeVar("_Stored", bound=StoredObject)


def numbered(stored: _Stored, state: str, last: int) -> _Stored:
    """With its place among the versions of its key, behind the sequence `last`, and its version id
    where there are any; `state` is the bucket's versioning."""
    sequence = max(last + 1, time.time_ns())
    version = ""
    if state == "Suspended":
        version = NULL_VERSION
    elif state:
        # As the service's: later ones are smaller numbers.
        version = base64.b64encode(str(2**64 - 1 - sequence).encode()).decode()
    return replace(stored, version=version, sequence=sequence)


def has_version(stored: StoredObject, version: str) -> bool:
    """Objects of before versioning are the null version."""
    return (stored.version or NULL_VERSION) == version


def check_only_new(visible: StoredObject | None) -> None:
    """Raises FileAlreadyExists for a put that may not overwrite."""
    if visible is not None:
        raise ServiceError("FileAlreadyExists", "the object exists, and overwriting is forbidden")


def check_same(visible: StoredObject | None, expected: StoredObject) -> None:
    """Raises OperationConflict when the object of a key is not as it was."""
    if visible != expected:
        raise ServiceError("OperationConflict", "the object was replaced meanwhile")


def not_found(
    found: StoredObject | None, newest: StoredObject | None, version: str
) -> ServiceError:
    """Why a read has no object: `found` is the delete marker of that version, or None; `newest` is
    what the key has in front, seen or not."""
    if version and found is None:
        return ServiceError("NoSuchVersion", f"The object has no version {version[:100]!r}.")
    marker = found or newest
    told = {}
    if marker is not None and marker.marker:
        told = {"x-cos-delete-marker": "true", "x-cos-version-id": marker.version}
    if version:
        message = "The specified version is a delete marker."
        return ServiceError("MethodNotAllowed", message, headers=told)
    return ServiceError("NoSuchKey", "The specified key does not exist.", headers=told)

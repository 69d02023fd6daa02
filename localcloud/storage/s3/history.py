"""All versions of one key, and what puts and deletes make of them. No store in sight.

A history is what the key has, newest first, delete markers too. The object that is seen is the
first one, unless that is a marker. One document in the store holds it, so that every change of a
key is one conditional write.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from localcloud.storage import NULL_VERSION, StoredObject
from localcloud.storage.versions import has_version, numbered


@dataclass(frozen=True)
class RemoteObject(StoredObject):
    """One whose bytes lie under the name `place` in the store; `path` is where they are, or would
    be, on this machine. A delete marker has a `place` too, at which nothing lies."""

    place: str = ""


History = tuple[RemoteObject, ...]
# What is not in each version's record: it is the same for all, or found from elsewhere.
_APART = ("bucket", "key", "path")
_RECORDED = tuple(field.name for field in fields(RemoteObject) if field.name not in _APART)


def visible(history: History) -> RemoteObject | None:
    """The object that the key shows."""
    return history[0] if history and not history[0].marker else None


def find(history: History, version: str) -> RemoteObject | None:
    """A version, a delete marker too; without `version` the object that is seen."""
    if not version:
        return visible(history)
    return next((item for item in history if has_version(item, version)), None)


def pushed(history: History, new: RemoteObject, state: str) -> History:
    """With an object or delete marker in front, as the bucket's versioning has it."""
    new = numbered(new, state, history[0].sequence if history else 0)
    if not state:
        return (new,)
    kept = tuple(replace(item, version=item.version or NULL_VERSION) for item in history)
    if state == "Suspended":
        kept = tuple(item for item in kept if item.version != NULL_VERSION)
    return (new, *kept)


def changed(history: History, place: str, **values: Any) -> History:
    """With other values for the version at `place`, if it is still there."""
    return tuple(replace(item, **values) if item.place == place else item for item in history)


def lost(before: History, after: History) -> list[RemoteObject]:
    """Those whose bytes nothing refers to any more."""
    kept = {item.place for item in after}
    return [item for item in before if item.place not in kept and not item.marker]


def to_json(history: History) -> bytes:
    """The document of a key; the history is not empty."""
    versions = [{name: getattr(item, name) for name in _RECORDED} for item in history]
    document = {"bucket": history[0].bucket, "key": history[0].key, "versions": versions}
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()


def from_json(data: bytes, path_of: Callable[[str], Path]) -> History:
    """A key's history, the paths of its bodies as `path_of` gives them for their places.

    Raises ValueError, KeyError or TypeError for what is no such document.
    """
    document = json.loads(data)
    return tuple(
        RemoteObject(
            bucket=document["bucket"],
            key=document["key"],
            path=path_of(record["place"]),
            **record,
        )
        for record in document["versions"]
    )

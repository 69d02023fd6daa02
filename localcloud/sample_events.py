"""Sample events to invoke a function with, and changes to events that exist.

Samples are fixed texts: the same request twice gives the same event.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.events import cos_event

EVENT_TIME = 1764000000  # 2025-11-24T16:00:00Z


@dataclass(frozen=True)
class Changes:
    """What a sample should say instead; None leaves it as it is. `size` is in bytes."""

    bucket: str | None = None
    region: str | None = None
    key: str | None = None
    size: int | None = None
    event_name: str | None = None
    event_time: int | None = None
    content_type: str | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of COS sample: what it says, and the names of the events in it."""

    help: str
    event_names: tuple[str, ...]
    keys: tuple[str, ...] = ("uploads/rocket-on-pad.jpg",)


COS_KINDS = {
    "put": Kind("one object, put", ("cos:ObjectCreated:Put",)),
    "post": Kind("one object, posted by a browser's form", ("cos:ObjectCreated:Post",)),
    "multipart": Kind("a multipart upload", ("cos:ObjectCreated:CompleteMultipartUpload",)),
    "copy": Kind("one object, copied", ("cos:ObjectCreated:Copy",)),
    "append": Kind("data appended to an object", ("cos:ObjectCreated:Append",)),
    "several": Kind(
        "three records in one event",
        ("cos:ObjectCreated:Put",) * 3,
        ("uploads/rocket-on-pad.jpg", "uploads/astronaut-portrait.jpg", "uploads/切尔西 猫.webp"),
    ),
    "delete": Kind("one object, deleted", ("cos:ObjectRemove:Delete",)),
    "restore": Kind("an archived object, back again", ("cos:ObjectRestore:Completed",)),
    "malformed": Kind("a record without cosObject", ("cos:ObjectCreated:Put",)),
}


def cos_sample(kind: str, changes: Changes) -> dict[str, Any]:
    """A sample of one of `COS_KINDS`, with changes."""
    sample = COS_KINDS[kind]
    keys = sample.keys if changes.key is None else _numbered(changes.key, len(sample.keys))
    records = [
        cos_event(
            bucket=changes.bucket or "examplebucket-1250000000",
            region=changes.region or "ap-guangzhou",
            key=key,
            size=47185 if changes.size is None else changes.size,
            event_name=changes.event_name or name,
            event_time=EVENT_TIME if changes.event_time is None else changes.event_time,
            meta={"Content-Type": changes.content_type or "image/jpeg"},
            request_id=f"NjkyNDM3ODBfc2FtcGxlXzAwMDA{index}",
        )["Records"][0]
        for index, (key, name) in enumerate(zip(keys, sample.event_names, strict=True))
    ]
    for index, record in enumerate(records):
        record["event"]["reqid"] = 179398952 + index
    if kind == "malformed":
        del records[0]["cos"]["cosObject"]
    return {"Records": records}


def change(event: Any, changes: Changes) -> Any:
    """A copy of a COS event with changes in every record; what is no COS record stays as it is."""
    event = copy.deepcopy(event)
    value = event.get("Records") if isinstance(event, Mapping) else None
    found = value if isinstance(value, list) else []
    for index, record in enumerate(found):
        try:
            _change_record(record, _for_record(changes, index, len(found)))
        except (AttributeError, KeyError, TypeError):
            continue  # a malformed sample is malformed on purpose
    return event


def _for_record(changes: Changes, index: int, count: int) -> Changes:
    if changes.key is None:
        return changes
    return replace(changes, key=_numbered(changes.key, count)[index])


def _numbered(key: str, count: int) -> tuple[str, ...]:
    """One key for each record: the first as given, the others with a number before the suffix."""
    stem, dot, suffix = key.rpartition(".")
    if not dot or "/" in suffix:
        stem, suffix = key, ""
    return (key, *(f"{stem}-{number}{dot}{suffix}" for number in range(2, count + 1)))


def _change_record(record: dict[str, Any], changes: Changes) -> None:
    cos, happened = record["cos"], record["event"]
    where = cos["cosBucket"]
    name, appid = str(where["name"]), str(where["appid"])
    if changes.bucket is not None:
        name, _, appid = changes.bucket.rpartition("-")
        where.update(name=name, appid=appid)
    if changes.region is not None:
        where["region"] = changes.region
    if changes.key is not None or changes.bucket is not None or changes.region is not None:
        raw = str(cos["cosObject"]["key"]).removeprefix("/").split("/", 2)
        rebuilt = cos_event(
            bucket=f"{name}-{appid}",
            region=where["region"],
            key=raw[-1] if changes.key is None else changes.key,
            size=0,
            event_name="",
            event_time=0,
        )["Records"][0]["cos"]["cosObject"]
        cos["cosObject"].update(key=rebuilt["key"], url=rebuilt["url"])
    if changes.size is not None:
        cos["cosObject"]["size"] = changes.size
    if changes.content_type is not None:
        cos["cosObject"].setdefault("meta", {})["Content-Type"] = changes.content_type
    if changes.event_name is not None:
        happened["eventName"] = changes.event_name
    if changes.event_time is not None:
        happened["eventTime"] = changes.event_time

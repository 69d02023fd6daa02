"""Write-back: the record beside the outputs and the tags on the original."""

from __future__ import annotations

import json
import time
from typing import Any

from shared.cos import Cos
from shared.errors import CloudError
from shared.events import Upload
from shared.outcomes import FAILED, Outcome, OutputResult, error_document
from shared.pic_operations import OriginalInfo
from shared.pipelines import Pipeline
from shared.templates import stored_key

VERSION = 1


def record_key(pipeline: Pipeline, upload: Upload, etag: str = "") -> str:
    """The key of the record that `pipeline` writes for `upload`."""
    return stored_key(pipeline.record, upload, pipeline.values(upload, "record", etag))


def document(
    upload: Upload, pipeline: Pipeline, outcome: Outcome, *, etag: str, started: float,
    seconds: float, invocation: str, attempt: int,
) -> dict[str, Any]:  # fmt: skip
    """The record as JSON values. `started` in Unix seconds, `seconds` the time spent; `attempt`
    counts from 1."""
    return {
        "version": VERSION,
        "upload": {
            "bucket": upload.bucket,
            "key": upload.key,
            "region": upload.region,
            "size": upload.size,
            "etag": etag or (outcome.original.etag if outcome.original else ""),
            "version_id": upload.version_id,
            "request_id": upload.request_id,
            "event_time": upload.event_time,
            "event_name": upload.event_name,
        },
        "pipeline": pipeline.name,
        "function": pipeline.function,
        "outcome": outcome.status,
        "reason": outcome.reason,
        "started": timestamp(started),
        "milliseconds": round(seconds * 1000),
        "original": _original(outcome.original),
        "outputs": [_output(output) for output in outcome.outputs],
        "requests": [
            {"id": call.id, "rules": call.rules, "milliseconds": call.milliseconds}
            for call in outcome.calls
        ],
        **outcome.details,
        "error": error_document(outcome.error),
        "invocation": invocation,
        "attempt": attempt,
    }


def timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def write(cos: Cos, upload: Upload, key: str, content: dict[str, Any]) -> None:
    """Store the record as readable JSON. Raises `CloudError`."""
    body = json.dumps(content, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
    cos.put_object(upload.bucket, key, body, "application/json")


def finished(cos: Cos, upload: Upload, key: str) -> str:
    """The outcome that the record at `key` gives this very upload; empty if it gives none.

    For an attempt after one that died: what died between the record and the ledger is finished.
    """
    found = cos.read_object(upload.bucket, key)
    try:
        content = json.loads(found.body) if found else {}
        known = content["upload"]
        same = (known["request_id"], known["version_id"], known["event_time"], known["size"]) == (
            upload.request_id, upload.version_id, upload.event_time, upload.size
        )  # fmt: skip
        return str(content["outcome"]) if same and content["outcome"] != FAILED else ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""


def covers(cos: Cos, upload: Upload, key: str, etag: str) -> bool:
    """Whether the record at `key` is about the object that a listing shows as `upload`: of the same
    `etag`, or of an upload that is no older. What failed counts as not done."""
    found = cos.read_object(upload.bucket, key)
    try:
        content = json.loads(found.body) if found else {}
        known = content["upload"]
        if (known["bucket"], known["key"]) != (upload.bucket, upload.key):
            return False
        same = known["etag"] == etag if known["etag"] and etag else False
        return content["outcome"] != FAILED and (same or known["event_time"] >= upload.event_time)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def tag(cos: Cos, upload: Upload, pipeline: Pipeline, outcome: Outcome) -> str:
    """Tag the original; "written", or why not: that is no reason to lose the outputs."""
    tags = {
        "processed": timestamp(time.time()),
        "pipeline": pipeline.name,
        "outcome": outcome.status,
    }
    try:
        cos.add_tags(upload.bucket, upload.key, tags)
    except CloudError as error:
        return str(error)
    return "written"


def _original(original: OriginalInfo | None) -> dict[str, Any] | None:
    if original is None:
        return None
    return {
        "format": original.format,
        "width": original.width,
        "height": original.height,
        "quality": original.quality,
        "average": original.average,
        "orientation": original.orientation,
        "frames": original.frames,
        "etag": original.etag,
    }


def _output(output: OutputResult) -> dict[str, Any]:
    facts = output.facts
    status = facts.watermark_status
    return {
        "name": output.name,
        "bucket": output.bucket,
        "key": output.key,
        "rule": output.rule,
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "quality": facts.quality,
        "size": facts.size,
        "frames": facts.frames,
        "etag": facts.etag,
        **({} if status is None else {"watermark_status": status}),
    }

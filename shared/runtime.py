"""From `handle(upload, pipeline, cos, etag)` to SCF's `main_handler(event, context)`.

The rule that keeps uploads from being lost: an invocation succeeds only when every upload of its
event has a written record, or needs none. Otherwise it raises at the end, SCF tries the event
again, and keeps it in the dead-letter queue after that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared import records
from shared.cos import Cos
from shared.errors import CloudError, ConfigError
from shared.events import EventError, Upload, parse_record
from shared.events import records as event_records
from shared.outcomes import FAILED, REJECTED, SKIPPED, Outcome, error_document
from shared.pipelines import Pipeline, Pipelines, load
from shared.settings import Settings, SettingsError

# HTTP statuses that speak of permission and place, never of the file's content.
_NOT_THE_FILE = (401, 403, 404, 409)
_MARGIN = 1.0  # seconds between the last call's end and the time limit, for the log and the way out
_DEFAULT_LIMIT = 60.0


class RetryableError(Exception):
    """Raised by `main_handler` so that SCF invokes again; the message lists what is unfinished."""


Handle = Callable[[Upload, Pipeline, Cos, str], Outcome]
MainHandler = Callable[[object, object], dict[str, Any]]


def main_handler(function: str, handle: Handle) -> MainHandler:
    """SCF's entry point for `handle(upload, pipeline, cos, etag) -> Outcome`.

    `handle` raises `CloudError` for what stops it; `etag` is empty unless a template needs it.
    The entry point returns `{"outcomes": [...]}`, an entry per upload and pipeline, the same that
    it logs, and raises `RetryableError` when SCF should try again.
    """

    def run(event: object, context: object) -> dict[str, Any]:
        base = {"function": function, "invocation": str(_context(context, "request_id") or "")}
        try:
            found = event_records(event)
        except EventError as error:
            return {"outcomes": [_log({**base, **_rejected(error)})]}
        try:
            settings = Settings.load()
            pipelines = load(settings.pipelines)
        except (SettingsError, ConfigError) as error:
            # No record can be written, so SCF must keep the event.
            _log({**base, "outcome": FAILED, "problems": list(error.problems)})
            raise RetryableError(f"{type(error).__name__}: {error}") from None
        worker = _Worker(function, handle, settings, pipelines, _deadline(context), base)
        results = [
            result for index, record in enumerate(found) for result in worker.record(record, index)
        ]
        unfinished = [
            f"{entry['key']} ({entry['error']['code']})" for entry, again in results if again
        ]
        if unfinished:
            raise RetryableError("to be tried again: " + ", ".join(unfinished))
        return {"outcomes": [entry for entry, _ in results]}

    return run


@dataclass(frozen=True)
class _Worker:
    """One invocation. `base` holds the fields that all its log lines share."""

    function: str
    handle: Handle
    settings: Settings
    pipelines: Pipelines
    deadline: float
    base: dict[str, Any]

    def record(self, record: object, index: int) -> Iterator[tuple[dict[str, Any], bool]]:
        """One record -> an entry for each pipeline that wants it, and whether to try again."""
        try:
            upload = parse_record(record, index)
        except EventError as error:
            yield _log({**self.base, **_rejected(error)}), False
            return
        base = {
            **self.base,
            "bucket": upload.bucket,
            "key": upload.key,
            "upload": upload.request_id,
        }
        wanted = self.pipelines.match(upload, self.function) if upload.created else ()
        if not wanted:
            reason = "no pipeline wants this upload"
            if not upload.created:
                reason = f"{upload.event_name} is no upload"
            yield _log({**base, "outcome": SKIPPED, "reason": reason}), False
        for pipeline in wanted:
            yield self._pipeline(base, upload, pipeline)

    def _pipeline(
        self, base: dict[str, Any], upload: Upload, pipeline: Pipeline
    ) -> tuple[dict[str, Any], bool]:
        started, clock = time.time(), time.monotonic()
        cos = Cos(self.settings, upload.region, self.deadline)
        etag = ""
        try:
            if pipeline.needs_etag:
                etag = cos.head_object(upload.bucket, upload.key).get("ETag", "").strip('"')
            outcome = self.handle(upload, pipeline, cos, etag)
        except CloudError as error:
            outcome = failure(error)
        entry: dict[str, Any] = {
            **base,
            "pipeline": pipeline.name,
            "outcome": outcome.status,
            "reason": outcome.reason,
            "outputs": [output.key for output in outcome.outputs],
            "requests": [call.id for call in outcome.calls],
            "error": error_document(outcome.error),
            "record": None,
        }
        if outcome.status != SKIPPED:
            try:
                if pipeline.tags:
                    entry["tags"] = records.tag(cos, upload, pipeline, outcome)
                content = records.document(
                    upload,
                    pipeline,
                    outcome,
                    etag=etag,
                    started=started,
                    seconds=time.monotonic() - clock,
                    invocation=self.base["invocation"],
                )
                key = records.record_key(pipeline, upload, etag)
                records.write(cos, upload, key, content)
                entry["record"] = key
            except CloudError as error:
                # Unrecorded work counts as unfinished, whatever CI said.
                entry["outcome"] = FAILED
                entry["error"] = error_document(error)
        entry["milliseconds"] = round((time.monotonic() - clock) * 1000)
        again = outcome.retry or (outcome.status != SKIPPED and entry["record"] is None)
        return _log(entry), again


def failure(error: CloudError) -> Outcome:
    """The outcome of a call that the service refused."""
    if error.code in ("NoSuchKey", "NoSuchResource"):
        return Outcome(SKIPPED, error=error, reason="the object is gone: deleted since the event")
    if error.retryable or error.status in _NOT_THE_FILE or error.code == "InvalidPicOperations":
        return Outcome(FAILED, error=error)
    return Outcome(REJECTED, error=error)


def _context(context: object, name: str) -> Any:
    # SCF hands over a mapping; other hosts and older runtimes an object.
    return context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)


def _deadline(context: object) -> float:
    limit = _context(context, "time_limit_in_ms")
    seconds = limit / 1000 if isinstance(limit, int | float) and limit > 0 else _DEFAULT_LIMIT
    return time.monotonic() + max(seconds - _MARGIN, seconds / 2)


def _rejected(error: EventError) -> dict[str, Any]:
    document = {"code": "InvalidEvent", "message": str(error), "status": 0, "request_id": ""}
    return {"outcome": REJECTED, "error": {**document, "advice": "bind the function to COS events"}}


def _log(entry: dict[str, Any]) -> dict[str, Any]:
    """Print the one structured line of an upload and a pipeline; hands the entry on."""
    print(json.dumps(entry), flush=True)
    return entry

"""From `handle(upload, pipeline, cos, etag)` to SCF's `main_handler(event, context)`.

The rule that keeps uploads from being lost: an invocation succeeds only when every upload of its
event has a written record or a dead letter, or needs none. Otherwise it raises at the end, SCF
tries the event again, and keeps it in its own dead-letter queue after that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared import loops
from shared.attempts import Attempt, Handle
from shared.errors import CloudError, ConfigError
from shared.events import LETTER, EventError, Upload, parse_record
from shared.events import records as event_records
from shared.outcomes import FAILED, REJECTED, SKIPPED, error_document
from shared.pipelines import Pipeline, Pipelines, load
from shared.settings import Settings, SettingsError

_MARGIN = 1.0  # seconds between the last call's end and the time limit, for the log and the way out
_DEFAULT_LIMIT = 60.0


class RetryableError(Exception):
    """Raised by `main_handler` so that SCF invokes again; the message lists what is unfinished."""


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
        worker.answer_letter(event)
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
    seen: list[Upload] = field(default_factory=list)

    def record(self, record: object, index: int) -> Iterator[tuple[dict[str, Any], bool]]:
        """One record -> an entry for each pipeline that wants it, and whether to try again."""
        try:
            upload = parse_record(record, index)
        except EventError as error:
            yield _log({**self.base, **_rejected(error)}), False
            return
        self.seen.append(upload)
        base = {
            **self.base,
            "bucket": upload.bucket,
            "key": upload.key,
            "upload": upload.request_id,
            "bytes": upload.size,
        }
        wanted, reason = self._wanted(upload)
        if reason:
            yield _log({**base, "outcome": SKIPPED, "reason": reason}), False
        for pipeline in wanted:
            if loops.is_own_output(pipeline, upload.bucket, upload.key):
                reason = "the pipeline wrote this object itself"
                skipped = {"pipeline": pipeline.name, "outcome": SKIPPED, "reason": reason}
                yield _log({**base, **skipped}), False
                continue
            attempt = Attempt(
                upload,
                pipeline,
                self.handle,
                settings=self.settings,
                invocation=self.base["invocation"],
                deadline=self.deadline,
                entry={**base, "outputs": [], "requests": [], "record": None},
            )
            attempt.run()
            yield _log(attempt.entry), attempt.again

    def answer_letter(self, event: object) -> None:
        """Drop the dead letter that this event came from: all of its uploads have an end."""
        letter = event.get(LETTER) if isinstance(event, Mapping) else None
        if letter is None or not self.seen:
            return
        from shared.cos import Cos
        from shared.dead_letters import DeadLetters

        upload = self.seen[0]
        cos = Cos(self.settings, upload.region, self.deadline)
        bucket = self.settings.state_bucket or upload.bucket
        try:
            DeadLetters(cos, bucket, self.settings.state_prefix).drop(str(letter))
        except CloudError as error:
            # It stays, and its next retry finds everything done.
            _log({**self.base, "letter": str(letter)[:64], "error": error_document(error)})

    def _wanted(self, upload: Upload) -> tuple[tuple[Pipeline, ...], str]:
        """The pipelines for an upload; if there are none, why."""
        if not upload.created:
            return (), f"{upload.event_name} is no upload"
        if upload.key.startswith(self.settings.state_prefix):
            return (), "the object belongs to the ledger"
        wanted = self.pipelines.match(upload, self.function)
        return wanted, "" if wanted else "no pipeline wants this upload"


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

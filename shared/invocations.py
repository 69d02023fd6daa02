"""What every function that COS events wake has in common: SCF's entry point, and which records of
an event are uploads that a pipeline wants.

The rule that keeps uploads from being lost: an invocation succeeds only when every upload of its
event has reached an end that is written down, or needs none. Otherwise it raises at the end, SCF
tries the event again, and keeps it in its own dead-letter queue after that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from shared import loops
from shared.errors import CloudError, ConfigError
from shared.events import LETTER, ONLY, EventError, Upload, parse_record
from shared.events import records as event_records
from shared.outcomes import FAILED, REJECTED, SKIPPED, error_document
from shared.pipelines import Pipeline, Pipelines, load, waits_for
from shared.settings import Settings, SettingsError

_MARGIN = 1.0  # seconds between the last call's end and the time limit, for the log and the way out
_DEFAULT_LIMIT = 60.0


class RetryableError(Exception):
    """Raised by `main_handler` so that SCF invokes again; the message lists what is unfinished."""


class Ending(NamedTuple):
    """How a step ended: `entry` is its log line, `again` says whether SCF should invoke again."""

    entry: dict[str, Any]
    again: bool = False


class Invocation(NamedTuple):
    """One invocation of `function`; `deadline` is in monotonic seconds, `only` the names of the
    pipelines that its event is limited to, None for all, `letter` the id of the dead letter that it
    comes from."""

    function: str
    id: str
    settings: Settings
    pipelines: Pipelines
    deadline: float
    only: Collection[str] | None = None
    letter: str = ""

    @property
    def base(self) -> dict[str, Any]:
        """The fields that all its log lines share."""
        return {"function": self.function, "invocation": self.id}


class Wanted(NamedTuple):
    """An upload and the pipelines that want it; `base` are the fields of its log lines."""

    upload: Upload
    pipelines: tuple[Pipeline, ...]
    base: dict[str, Any]


MainHandler = Callable[[object, object], dict[str, Any]]
Work = Callable[[Invocation, list[object]], Iterable[Ending]]


def entry_point(function: str, work: Work) -> MainHandler:
    """SCF's `main_handler(event, context)` for `work`, which gets the raw records of an event.

    It logs a line for each ending and returns them as `{"outcomes": [...]}`. It raises
    `RetryableError` when one of them asks for it, or when the settings or pipelines are wrong.
    """

    def run(event: object, context: object) -> dict[str, Any]:
        base = {"function": function, "invocation": request_id_of(context)}
        try:
            found = event_records(event)
        except EventError as error:
            return {"outcomes": [_log({**base, **_rejected(error)})]}
        endings = []
        try:
            settings = Settings.load()
            invocation = Invocation(
                function,
                base["invocation"],
                settings,
                load(settings.pipelines),
                deadline_of(context),
                _only(event),
                str(event.get(LETTER, "")) if isinstance(event, Mapping) else "",
            )
            for ending in work(invocation, found):
                _log(ending.entry)
                endings.append(ending)
        except (SettingsError, ConfigError) as error:
            # No record can be written, so SCF must keep the event.
            _log({**base, "outcome": FAILED, "problems": list(error.problems)})
            raise RetryableError(f"{type(error).__name__}: {error}") from None
        unfinished = [
            f"{ending.entry['key']} ({ending.entry['error']['code']})"
            for ending in endings
            if ending.again
        ]
        if unfinished:
            raise RetryableError("to be tried again: " + ", ".join(unfinished))
        name = f"/{invocation.letter}.json"
        again_dead = any(str(each.entry.get("dead_letter")).endswith(name) for each in endings)
        if invocation.letter and not again_dead:
            _answer_letter(invocation, found)
        return {"outcomes": [ending.entry for ending in endings]}

    return run


def sift(
    invocation: Invocation, record: object, index: int, function: str | None = None
) -> tuple[list[Ending], Wanted | None]:
    """What one record of an event comes to: endings of what is not to be done, and what is.

    `function` limits the pipelines to its own; by default those of all functions count.
    """
    try:
        upload = parse_record(record, index)
    except EventError as error:
        return [Ending({**invocation.base, **_rejected(error)})], None
    base = {
        **invocation.base,
        "bucket": upload.bucket,
        "key": upload.key,
        "upload": upload.request_id,
        "bytes": upload.size,
    }
    if not upload.created:
        return [_skipped(base, f"{upload.event_name} is no upload")], None
    if upload.key.startswith(invocation.settings.state_prefix):
        return [_skipped(base, "the object belongs to the ledger")], None
    matching = invocation.pipelines.match(upload)
    found = [
        pipeline
        for pipeline in matching
        if (function is None or pipeline.function == function)
        and (invocation.only is None or pipeline.name in invocation.only)
    ]
    if not found:
        return [_skipped(base, "no pipeline wants this upload")], None
    gates = waits_for(matching, upload.passed)
    endings, wanted = [], []
    for pipeline in found:
        if gates and pipeline.audit is None:
            # `dispatch` brings it again when they have let it pass, whoever sent it here.
            reason = f"it waits for {', '.join(gates)} to let it pass"
            endings.append(_skipped({**base, "pipeline": pipeline.name}, reason))
        elif loops.is_own_output(pipeline, upload.bucket, upload.key):
            reason = "the pipeline wrote this object itself"
            endings.append(_skipped({**base, "pipeline": pipeline.name}, reason))
        else:
            wanted.append(pipeline)
    return endings, Wanted(upload, tuple(wanted), base) if wanted else None


def _only(event: object) -> frozenset[str] | None:
    """The names of the pipelines that an event is limited to, None for all."""
    only = event.get(ONLY) if isinstance(event, Mapping) else None
    return frozenset(map(str, only)) if isinstance(only, list) else None


def _answer_letter(invocation: Invocation, found: list[object]) -> None:
    """Drop the dead letter that an event came from: all of its uploads have an end."""
    from shared.cos import Cos
    from shared.dead_letters import DeadLetters

    settings = invocation.settings
    try:
        upload = parse_record(found[0])
        cos = Cos(settings, upload.region, invocation.deadline)
        letters = DeadLetters(cos, settings.state_bucket or upload.bucket, settings.state_prefix)
        letters.drop(invocation.letter)
    except EventError:
        return  # no letter of ours
    except CloudError as error:
        # It stays, and its next retry finds everything done.
        _log({**invocation.base, "letter": invocation.letter[:64], "error": error_document(error)})


def _skipped(base: dict[str, Any], reason: str) -> Ending:
    return Ending({**base, "outcome": SKIPPED, "reason": reason})


def _context(context: object, name: str) -> Any:
    # SCF hands over a mapping; other hosts and older runtimes an object.
    return context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)


def request_id_of(context: object) -> str:
    """The invocation's id, the same for each of SCF's retries."""
    return str(_context(context, "request_id") or "")


def deadline_of(context: object) -> float:
    """When the last call must have ended, in monotonic seconds."""
    limit = _context(context, "time_limit_in_ms")
    seconds = limit / 1000 if isinstance(limit, int | float) and limit > 0 else _DEFAULT_LIMIT
    return time.monotonic() + max(seconds - _MARGIN, seconds / 2)


def _rejected(error: EventError) -> dict[str, Any]:
    document = {"code": "InvalidEvent", "message": str(error), "status": 0, "request_id": ""}
    return {"outcome": REJECTED, "error": {**document, "advice": "bind the function to COS events"}}


def _log(entry: dict[str, Any]) -> dict[str, Any]:
    """Print one structured line; hands the entry on."""
    print(json.dumps(entry), flush=True)
    return entry

"""COS event -> which functions want each upload -> an asynchronous invoke of each.

COS binds a rule of a bucket to one function; this is the one, and the others get from it what a
trigger of their own would have brought: the COS event of one upload.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from shared import events
from shared.errors import CloudError
from shared.invocations import Ending, Invocation, Wanted, entry_point, sift
from shared.outcomes import FAILED, SUBMITTED, error_document
from shared.pipelines import DISPATCH, by_function
from shared.scf import Scf, deployed_prefix

if TYPE_CHECKING:
    from shared.dead_letters import DeadLetter

MAX_THREADS = 8
_FOR_LETTERS = 5.0  # seconds of an invocation, a quarter at most, that no invoke may use


class Target:
    """One function that an upload goes to, for `pipelines`, and how far it got.

    `invoked` is the id of the function's invocation; else `error` says why there is none, `letter`
    is the key of the dead letter, and `trouble` says why there is no letter.
    """

    def __init__(self, function: str, pipelines: list[str], wanted: Wanted) -> None:
        self.function = function
        self.pipelines = pipelines
        self.wanted = wanted
        self.error: CloudError | None = None
        self.invoked = self.letter = self.trouble = ""
        self.calls: list[tuple[str, str]] = []
        self.milliseconds = 0


def dispatch(invocation: Invocation, records: list[object]) -> Iterator[Ending]:
    """An ending for each upload and function. What could not be handed over becomes a dead letter
    if anything else of the event was, so that SCF need not repeat that; else SCF comes again."""
    prefix = deployed_prefix(invocation.settings, DISPATCH)
    targets: list[Target] = []
    for index, record in enumerate(records):
        endings, wanted = sift(invocation, record, index)
        yield from endings
        if wanted:
            targets += _targets(wanted)
    _each(targets, lambda target: _send(target, invocation, prefix))
    some = any(target.error is None for target in targets)
    lost = [target for target in targets if target.error and (some or not target.error.retryable)]
    _each(lost, lambda target: _keep(target, invocation))
    for target in targets:
        yield _ending(target)


def _targets(wanted: Wanted) -> list[Target]:
    """One for each function, however many of its pipelines want the upload. What its gates have let
    pass was sent to all audits before."""
    passed = wanted.upload.passed
    found = by_function(each for each in wanted.pipelines if each.audit is None or not passed)
    return [Target(function, names, wanted) for function, names in found.items()]


def _send(target: Target, invocation: Invocation, prefix: str) -> None:
    clock = time.monotonic()
    reserve = min(_FOR_LETTERS, max(0.0, invocation.deadline - clock) / 4)
    upload = target.wanted.upload
    scf = Scf(invocation.settings, upload.region, prefix, invocation.deadline - reserve)
    try:
        # Rebuilt from the upload: the original carries the signature of the uploader's request.
        target.invoked = scf.invoke(target.function, events.document(upload))
    except CloudError as error:
        if error.code.startswith("ResourceNotFound"):
            error.message += f" (pipelines.yml names it in {', '.join(target.pipelines)})"
        target.error = error
    target.calls += scf.calls
    target.milliseconds = round((time.monotonic() - clock) * 1000)


def _keep(target: Target, invocation: Invocation) -> None:
    """Write a dead letter for what the function of `target` has not got."""
    # Only now: without it a cold start spares the whole SDK of COS.
    from shared.cos import Cos
    from shared.dead_letters import DeadLetters

    upload, settings = target.wanted.upload, invocation.settings
    cos = Cos(settings, upload.region, invocation.deadline)
    letters = DeadLetters(cos, settings.state_bucket or upload.bucket, settings.state_prefix)
    try:
        target.letter = letters.bury(_letter(target, invocation))
    except CloudError as error:
        target.trouble = f"no dead letter could be written: {error}"
    target.calls += cos.calls


def _letter(target: Target, invocation: Invocation) -> DeadLetter:
    """A letter without a pipeline: its function has not begun with any. The function drops the
    letter when it has come to an end with all."""
    from shared.dead_letters import DeadLetter

    upload, error = target.wanted.upload, target.error
    return DeadLetter(
        bucket=upload.bucket,
        key=upload.key,
        function=target.function,
        pipeline="",
        event=events.document(upload),
        error=error_document(error) or {},
        attempts=max(1, len(target.calls)),
        time=time.time(),
        retryable=error is not None and error.retryable,
        upload=upload.request_id,
        invocation=invocation.id,
        requests=[id for _, id in target.calls if id],
    )


def _ending(target: Target) -> Ending:
    entry = {
        **target.wanted.base,
        "target": target.function,
        "pipelines": target.pipelines,
        "outcome": FAILED if target.error else SUBMITTED,
        "reason": target.trouble,
        "error": error_document(target.error),
        "invoked": target.invoked,
        "calls": [f"{operation} {id}" for operation, id in target.calls],
        "milliseconds": target.milliseconds,
    }
    if target.letter:
        entry["dead_letter"] = target.letter
    return Ending(entry, again=target.error is not None and not target.letter)


def _each(targets: list[Target], work: Callable[[Target], None]) -> None:
    """Do `work` for all, several at a time: an event may have a thousand records."""
    if len(targets) < 2:
        for target in targets:
            work(target)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(MAX_THREADS, len(targets))) as pool:
        list(pool.map(work, targets))


main_handler = entry_point(DISPATCH, dispatch)

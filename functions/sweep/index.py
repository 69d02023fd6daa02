"""Timer: what nobody works on any more is begun again, or given up with a dead letter.

The net below everything else: claims whose invocation died, dead letters that may succeed by now,
and what SCF itself gave up and sent to its dead-letter queue. The work of one run is bounded; the
next run goes on where this one stopped.
"""

from __future__ import annotations

import json
import time
from typing import Any

from sweep_claims import sweep_claims
from sweep_letters import sweep_letters
from sweep_lifecycle import keep_claims_short
from sweep_queue import is_queue_event, letters_of
from sweep_round import Round

from shared.cos import Cos
from shared.dead_letters import DeadLetters
from shared.errors import CloudError
from shared.invocations import RetryableError, deadline_of, request_id_of
from shared.outcomes import error_document
from shared.scf import Scf, deployed_prefix
from shared.settings import Settings, SettingsError


def main_handler(event: object, context: object) -> dict[str, Any]:
    """SCF's entry point, for a timer's event and for a CMQ topic's.

    Returns the counts of what was done, by bucket, the same that it logs. Raises `RetryableError`
    when messages of a queue could not be kept, or nothing could be swept at all.
    """
    invocation, deadline = request_id_of(context), deadline_of(context)
    try:
        settings = Settings.load()
        prefix = deployed_prefix(settings, "sweep")
    except SettingsError as error:
        raise RetryableError(f"SettingsError: {error}") from None
    if is_queue_event(event):
        return _keep(event, settings, invocation, deadline, prefix)
    scf = Scf(settings, settings.region, prefix, deadline)
    if not settings.buckets:
        raise RetryableError("COS_BUCKET is not set: it names the buckets to sweep")
    told, problems = {}, []
    for bucket in settings.buckets:
        begun = time.monotonic()
        work = Round(settings, bucket, invocation, deadline, scf.invoke)
        try:
            if work.begin():
                _sweep(work)
            else:
                work.counts["skipped"] = "another round is at work"
        except CloudError as error:
            work.counts["error"] = error_document(error)
            problems.append(f"{bucket}: {error}")
        milliseconds = round((time.monotonic() - begun) * 1000)
        told[bucket] = {**work.counts, "milliseconds": milliseconds}
        print(json.dumps({"function": "sweep", "invocation": invocation, "bucket": bucket,
                          **told[bucket]}), flush=True)  # fmt: skip
    if len(problems) == len(settings.buckets):
        raise RetryableError("nothing could be swept: " + "; ".join(problems))
    return {"swept": told}


def _sweep(work: Round) -> None:
    """The parts of a round. Where it stops is kept however it ends."""
    try:
        keep_claims_short(work)
        sweep_claims(work)
        sweep_letters(work)
    finally:
        work.finish()


def _keep(
    event: object, settings: Settings, invocation: str, deadline: float, prefix: str
) -> dict[str, Any]:
    """What SCF gave up becomes dead letters of ours, where the next rounds find it."""
    kept, problems = 0, []
    for bucket, letter in letters_of(event, settings, prefix):
        cos = Cos(settings, settings.region, deadline)
        try:
            DeadLetters(cos, bucket, settings.state_prefix).bury(letter)
            kept += 1
        except CloudError as error:
            problems.append(f"{letter.key}: {error}")
    counts = {"kept": kept, "problems": problems}
    print(json.dumps({"function": "sweep", "invocation": invocation, **counts}), flush=True)
    if problems:
        raise RetryableError("to be kept again: " + "; ".join(problems))
    return counts

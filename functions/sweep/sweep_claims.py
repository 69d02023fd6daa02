"""Claims whose work has not ended although its invocation has."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from sweep_round import Round

from shared.audits import FINISHER, FUNCTION
from shared.claims import CLOSED_SIZE, DEAD, MAX_ATTEMPTS, SUBMITTED, Claim, Refusal, Step, read
from shared.cos import Listed
from shared.dead_letters import DeadLetter
from shared.errors import CloudError
from shared.events import Upload, parse
from shared.outcomes import error_document

PAGES = 20  # of 1,000 claims each, in one round
MAX_READ = 500  # open claims that one round looks into
# Seconds for which a finisher is asked although its time is over: it alone can act on what was
# submitted, and on what no audit could judge.
LATEST = 86_400.0


def sweep_claims(work: Round) -> None:
    """Go through the chains from where the last round stopped.

    Counts `claims` seen, those `open`, and those `invoked` again or `buried`.
    """
    prefix = f"{work.settings.state_prefix}claims/"
    marker = work.cursor.setdefault("claims", "")
    looked = 0
    before = _chain(marker)
    for _ in range(PAGES):
        page, following = work.cos.list_objects(work.bucket, prefix, marker)
        for listed in page:
            work.count("claims")
            # The newest generation comes first; the others of its chain are history.
            newest, before = _chain(listed.key) != before, _chain(listed.key)
            if not newest or listed.size == CLOSED_SIZE:
                continue
            if work.over or looked >= MAX_READ:
                return
            looked += 1
            try:
                _look(work, listed)
            except CloudError as error:
                work.problem(error)
            work.cursor["claims"] = listed.key
            work.checkpoint()
        marker = work.cursor["claims"] = following
        if not following:
            return


def _chain(key: str) -> str:
    return key.rpartition("/")[0]


def _look(work: Round, listed: Listed) -> None:
    found = work.cos.read_object(work.bucket, listed.key)
    if found is None:
        return
    claim = read(listed.key, found.body)
    if not isinstance(claim, Claim):
        return  # closed since the listing
    work.count("open")
    overdue = found.age - claim.lease
    finisher = _finisher_of(claim)
    if finisher and overdue <= LATEST:
        if claim.state == SUBMITTED or overdue > work.settings.sweep_grace:
            work.invoke(finisher, {"Claims": [{"bucket": work.bucket, "key": claim.key}]})
            work.count("asked")
    elif overdue > work.settings.sweep_grace:
        _revive(work, claim)


def _finisher_of(claim: Claim) -> str:
    """The function that can bring the work to its end; empty if that is the one that began it.

    Also of an audit that no attempt could make: the upload is to be treated as for review.
    """
    if claim.state == SUBMITTED:
        return str(claim.details.get("finisher") or "")
    is_audit = claim.details.get("function") == FUNCTION
    return FINISHER if is_audit and claim.attempt >= MAX_ATTEMPTS else ""


class _Work(NamedTuple):
    """What an open claim is about."""

    upload: Upload
    event: dict[str, Any]
    function: str
    pipeline: str


def _revive(work: Round, claim: Claim) -> None:
    what = _work_of(claim)
    if claim.attempt < MAX_ATTEMPTS and claim.state != SUBMITTED:
        if not work.begun.is_due(claim.key, work.settings.sweep_rest):
            return  # the invocation of a round before waits in SCF's queue
        work.invoke(what.function, what.event)
        work.begun.add(claim.key)
        work.count("invoked")
    elif _bury(work, claim, what):
        work.count("buried")


def _work_of(claim: Claim) -> _Work:
    try:
        event = dict(claim.details["event"])
        [upload] = parse(event)
        return _Work(upload, event, str(claim.details["function"]), str(claim.details["pipeline"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError(
            "InvalidState", f"{claim.key} holds no event to go on with: {error}", status=400
        ) from None


def _bury(work: Round, claim: Claim, what: _Work) -> bool:
    upload = what.upload
    step = Step(upload.bucket, upload.key, what.function, what.pipeline)
    held = work.ledger.claim(step, claim.version, 60.0, claim.details)
    if isinstance(held, Refusal):
        return False  # somebody came
    sentence = "none came to an end: each was killed or ran out of time"
    if claim.state == SUBMITTED:
        sentence = f"the jobs did not end within {claim.lease:.0f} s"
    error = CloudError("AttemptsExhausted", f"{claim.attempt} attempts: {sentence}")
    work.letters.bury(
        DeadLetter(
            bucket=upload.bucket,
            key=upload.key,
            function=what.function,
            pipeline=what.pipeline,
            event=what.event,
            error=error_document(error) or {},
            attempts=claim.attempt,
            time=time.time(),
            retryable=False,
            upload=upload.request_id,
            invocation=claim.holder,
        )
    )
    work.ledger.close(held, DEAD)
    return True

"""What a verdict causes: taken in one order, each action safe to repeat, none on another upload.

Before each action the object is looked at again: a verdict belongs to the content that was judged,
so an old `pass` never clears a new upload, and an old `block` never deletes one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from shared.audit_steps import ASK, Case, Steps, told_of
from shared.audit_subject import Subject, look
from shared.audits import METADATA, NOTIFY, QUARANTINE
from shared.decisions import Decision
from shared.errors import CloudError
from shared.outcomes import DONE, FAILED, SKIPPED, Outcome, error_document
from shared.quarantine import identity
from shared.records import timestamp
from shared.verdicts import PASS, REVIEW, Policy, Verdict, undecided

GONE = Outcome(SKIPPED, reason="the object was deleted before it was judged")
REPLACED = Outcome(
    SKIPPED, reason="the object was replaced or deleted while it was judged: a newer upload is "
    "judged anew"
)  # fmt: skip
# Bytes up to which an object is away as soon as it would be private: quarantine goes first.
_QUICK = 16 << 20


def act(
    case: Case,
    verdict: Verdict,
    subject: Subject,
    *,
    is_fresh: bool = True,
    before: Mapping[str, Any] | None = None,
) -> Outcome:
    """Take the actions of `verdict` on `subject`; the outcome, whose details are the record's.
    `is_fresh`: the caller has looked at the object since it was judged. `before` is the verdict
    that a person's takes the place of: it stays in records and manifests.

    What cannot be done does not keep the rest from being done; the first error is the outcome's.
    """
    wanted = _ordered(case.audit.actions(verdict.result), subject)
    if verdict.result == REVIEW and QUARANTINE not in wanted:
        wanted = (*wanted, ASK)
    # Putting away copies what was judged and nothing else: it need not look first.
    is_fresh = is_fresh or wanted[:1] == (QUARANTINE,)
    if not is_fresh and not subject.is_same(look(case.cos, subject.bucket, subject.key)):
        return REPLACED
    document = {**verdict.document(), **({"before": before} if before else {})}
    steps = Steps(case, verdict, subject, document)
    taken: list[dict[str, Any]] = []
    first = None
    for name in wanted:
        if name != NOTIFY and any(each["action"] == QUARANTINE and each["done"] for each in taken):
            continue  # there is nothing left to do it to
        begun = {"action": name, "time": timestamp(time.time()), "by": case.by}
        try:
            taken.append({**begun, "done": True, **steps.take(name)})
        except CloudError as error:
            if error.code == "ObjectChanged":
                return REPLACED
            first = first or error
            taken.append({**begun, "done": False, "error": error_document(error)})
    return _outcome(case, verdict, subject, taken, error=first, document=document)


def _ordered(wanted: tuple[str, ...], subject: Subject) -> tuple[str, ...]:
    if QUARANTINE not in wanted:
        return wanted
    # The manifest tells what metadata would, and a copy onto itself would wake us.
    others = tuple(each for each in wanted if each not in (QUARANTINE, METADATA))
    if subject.size <= _QUICK:
        return (QUARANTINE, *others)
    return tuple(each for each in wanted if each != METADATA)


def put_away_before(case: Case) -> Outcome | None:
    """What an attempt that died after it had put the object away still owes: telling of it.

    None if the object was not put away.
    """
    manifest = case.store.read(identity(case.upload, case.pipeline.name))
    if manifest is None:
        return None
    try:
        verdict = Verdict.restored(manifest.verdict, case.audit.policy)
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError(
            "InvalidState", f"the manifest {manifest.id}: {error}", status=400
        ) from None
    taken: list[dict[str, Any]] = [
        {
            "action": QUARANTINE,
            "time": manifest.time,
            "by": case.by,
            "done": True,
            **told_of(manifest),
        }
    ]
    first = None
    if NOTIFY in case.audit.actions(verdict.result):
        begun = {"action": NOTIFY, "time": timestamp(time.time()), "by": case.by}
        try:
            steps = Steps(case, verdict, manifest.subject, manifest.verdict)
            taken.append({**begun, "done": True, **steps.take(NOTIFY)})
        except CloudError as error:
            first = error
            taken.append({**begun, "done": False, "error": error_document(error)})
    return _outcome(case, verdict, manifest.subject, taken, error=first, document=manifest.verdict)


def treat_as_review(case: Case, error: CloudError) -> Outcome:
    """The end of what could not be judged, for `error`: it is treated as for review, and the
    outcome is a failure, so that a dead letter tells of it."""
    subject = look(case.cos, case.upload.bucket, case.upload.key)
    if subject is None:
        return put_away_before(case) or GONE
    reason = f"it could not be judged: {error.code}"
    outcome = act(case, undecided("", reason, case.audit.policy), subject)
    if outcome.status == SKIPPED:
        return outcome
    return Outcome(FAILED, error=error, reason=outcome.reason, details=outcome.details)


def _outcome(
    case: Case, verdict: Verdict, subject: Subject, taken: list[dict[str, Any]], *,
    error: CloudError | None, document: Mapping[str, Any],
) -> Outcome:  # fmt: skip
    details = {
        "audit": {
            "verdict": dict(document),
            "judged": subject._asdict(),
            "asked": list(case.asked),
            "actions": taken,
            "by": case.by,
            "time": timestamp(time.time()),
        }
    }
    hits = [label.scene for label in verdict.labels if label.result == verdict.result != PASS]
    said = "; ".join(filter(None, [",".join(hits), verdict.reason]))
    reason = f"{verdict.result}: {said or 'nothing found'}"
    return Outcome(FAILED if error else DONE, error=error, reason=reason, details=details)


def by_person(decision: Decision, kind: str, policy: Policy) -> Verdict:
    """The verdict of somebody who restored an object, or settled a review."""
    what = "let pass" if decision.result == PASS else "blocked"
    reason = f"{what} by {decision.by}"
    return Verdict(decision.result, kind, reason=reason, policy=policy, provider="person")

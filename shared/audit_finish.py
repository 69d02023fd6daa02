"""Finishing what was submitted to CI: for the callback, and for the sweep where no callback came.

Whoever calls knows nothing but the name of a claim. Everything else is read here: the claim, and
the results from CI itself. A forged, early, late or repeated call changes nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from shared import claims, events
from shared.attempts import Attempt, Handle, lease_of
from shared.audit_actions import act, put_away_before, treat_as_review
from shared.audit_requests import fetch_result
from shared.audit_steps import Case
from shared.audit_subject import Subject, look
from shared.audits import FINISHER, METADATA, Audit
from shared.claims import Claim, Closed, Step, Version, read
from shared.cos import Cos
from shared.errors import CloudError
from shared.events import EventError, Upload
from shared.invocations import Ending
from shared.ledger import CosStore, Ledger, Newest
from shared.outcomes import FAILED, SKIPPED, SUBMITTED, Outcome, error_document
from shared.pipelines import Pipeline, load
from shared.settings import Settings
from shared.verdicts import Verdict, merged, undecided

# Seconds by which a claim outlives its jobs' time: the sweep comes twice in them.
GRACE = 900.0
_KEY = re.compile(r"[0-9a-f]{40}/[0-9]{6}")
_UNKNOWN_JOB = ("ResourceNotFound", "NoSuchJob", "JobNotFound")


def finish(bucket: str, key: str, settings: Settings, invocation: str, deadline: float) -> Ending:
    """Finish the work that the claim `key` of the state bucket `bucket` has submitted, or give up
    what no attempt at it could judge.

    The ending's outcome is that of the upload; `submitted` while a job is at work, `skipped` where
    there is nothing to finish. `again`: the same call can succeed later. `ConfigError` goes up.
    """
    entry: dict[str, Any] = {"function": FINISHER, "invocation": invocation, "claim": key,
                             "bucket": bucket, "key": ""}  # fmt: skip
    cos = Cos(settings, settings.region, deadline)
    try:
        return _Finishing(bucket, key, cos, invocation, entry).run()
    except CloudError as error:
        entry |= {"outcome": FAILED, "reason": "", "error": error_document(error)}
        return Ending(entry, again=error.retryable)


class _Finishing:
    def __init__(
        self, bucket: str, key: str, cos: Cos, invocation: str, entry: dict[str, Any]
    ) -> None:
        self._key = key
        self._cos = cos
        self._invocation = invocation
        self._entry = entry
        self._prefix = cos.settings.state_prefix
        self._ledger = Ledger(CosStore(cos, bucket), self._prefix, invocation)

    def run(self) -> Ending:
        newest, why = self._newest()
        if newest is None:
            return self._end(SKIPPED, why)
        claim = newest.claim
        if isinstance(claim, Closed):
            return self._end(SKIPPED, "it was finished before")
        upload, pipeline, audit = self._work_of(claim)
        self._entry |= {"bucket": upload.bucket, "key": upload.key, "upload": upload.request_id,
                        "bytes": upload.size}  # fmt: skip
        if claim.state != claims.SUBMITTED and claim.attempt >= claims.MAX_ATTEMPTS:
            conclusion = self._giving_up(claim, audit)
        elif "jobs" not in claim.details:
            return self._end(SKIPPED, "nothing was submitted yet")
        else:
            verdict = self._verdict(claim, upload, audit)
            if verdict is None:
                return self._end(SUBMITTED, "a job is at work")
            conclusion = self._acting(claim, audit, verdict)
        held = self._ledger.resume(newest, lease_of(self._cos.deadline))
        if held is None:
            return self._end(SKIPPED, "another invocation finishes it")
        attempt = Attempt(
            upload,
            pipeline,
            conclusion,
            settings=self._cos.settings,
            invocation=self._invocation,
            deadline=self._cos.deadline,
            entry={**self._entry, "outputs": [], "requests": [], "record": None},
        )
        attempt.resume(held)
        return Ending(attempt.entry, attempt.again)

    def _newest(self) -> tuple[Newest | None, str]:
        """The claim that counts now, if it is of the upload that the named one is of."""
        start = f"{self._prefix}claims/"
        if not self._key.startswith(start) or not _KEY.fullmatch(self._key[len(start) :]):
            return None, "that is no claim"
        found = self._ledger.store.get(self._key)
        if found is None:
            return None, "there is no such claim"
        asked = read(self._key, found[0])
        chain = self._key.rpartition("/")[0] + "/"
        newest = self._ledger.newest(chain)
        if newest is None or newest.claim.version.token != asked.version.token:
            return None, "a newer upload took its place"
        return newest, ""

    def _acting(self, claim: Claim, audit: Audit, verdict: Verdict) -> Handle:
        """What is done once the claim is held: the actions of the verdict."""
        subject = Subject(**claim.details["judged"])
        asked = tuple(claim.details.get("asked") or ())

        def conclude(upload: Upload, pipeline: Pipeline, cos: Cos, _etag: str) -> Outcome:
            case = Case(upload, pipeline, audit, cos, FINISHER, asked)
            now = look(cos, subject.bucket, subject.key)
            if now is None and (before := put_away_before(case)):
                return before
            copied = METADATA in audit.actions(verdict.result)  # by an attempt that died after it
            if not subject.is_same(now, copied=copied):
                what = "replaced" if now else "deleted"
                return Outcome(SKIPPED, reason=f"the object was {what} before its verdict came")
            return act(case, verdict, now or subject)

        return conclude

    def _giving_up(self, claim: Claim, audit: Audit) -> Handle:
        error = CloudError(
            "AttemptsExhausted", f"{claim.attempt} attempts: none came to an end", status=400
        )

        def conclude(upload: Upload, pipeline: Pipeline, cos: Cos, _etag: str) -> Outcome:
            return treat_as_review(Case(upload, pipeline, audit, cos, FINISHER), error)

        return conclude

    def _work_of(self, claim: Claim) -> tuple[Upload, Pipeline, Audit]:
        try:
            [upload] = events.parse(claim.details["event"])
            name = str(claim.details["pipeline"])
            function = str(claim.details["function"])
            if "jobs" in claim.details:
                Subject(**claim.details["judged"])
                list(claim.details["jobs"]), float(claim.details["asked_at"])
        except (KeyError, TypeError, ValueError, EventError) as error:
            raise self._invalid(f"it holds nothing to finish: {error}") from None
        step = Step(upload.bucket, upload.key, function, name)
        same = Version.of(upload).token == claim.version.token
        if not same or self._ledger.chain(step) != claim.chain:
            raise self._invalid("it is about another upload")
        for pipeline in load(self._cos.settings.pipelines).entries:
            if pipeline.name == name and pipeline.function == function and pipeline.audit:
                return upload, pipeline, pipeline.audit
        raise self._invalid(f"pipelines.yml has no audit {name} any more")

    def _verdict(self, claim: Claim, upload: Upload, audit: Audit) -> Verdict | None:
        """Of all jobs and of what was known before; None while one is at work."""
        is_late = time.time() - float(claim.details["asked_at"]) > audit.timeout
        try:
            found = [
                Verdict.restored(each, audit.policy) for each in claim.details.get("verdicts", [])
            ]
            jobs = [(str(job["kind"]), str(job["id"])) for job in claim.details["jobs"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._invalid(f"its jobs cannot be read: {error}") from None
        for kind, job_id in jobs:
            try:
                verdict = fetch_result(self._cos, upload, kind, job_id, audit)
            except CloudError as error:
                if error.code not in _UNKNOWN_JOB and not is_late:
                    raise
                verdict = undecided(kind, f"CI tells no result: {error.code}", audit.policy,
                                    job_id=job_id)  # fmt: skip
            if verdict is None and is_late:
                sentence = f"the job did not end within {audit.timeout} s"
                verdict = undecided(kind, sentence, audit.policy, job_id=job_id)
            if verdict is None:
                return None
            found.append(verdict)
        return merged(found) if found else undecided("", "nothing was asked", audit.policy)

    def _invalid(self, what: str) -> CloudError:
        return CloudError("InvalidState", f"the claim {self._key}: {what}", status=400)

    def _end(self, outcome: str, reason: str) -> Ending:
        return Ending({**self._entry, "outcome": outcome, "reason": reason, "error": None})


def submitted(
    audit: Audit, subject: Subject, jobs: list[tuple[str, str]], verdicts: list[Verdict],
    asked: tuple[Mapping[str, Any], ...],
) -> Outcome:  # fmt: skip
    """The outcome of an upload whose jobs are at work: its details are all that `finish` needs."""
    details = {
        "finisher": FINISHER,
        "jobs": [{"kind": kind, "id": id} for kind, id in jobs],
        "verdicts": [verdict.document() for verdict in verdicts],
        "judged": subject._asdict(),
        "asked": list(asked),
        "asked_at": time.time(),
        "policy": audit.policy.version,
    }
    return Outcome(SUBMITTED, reason="CI is asked", details=details, lease=audit.timeout + GRACE)

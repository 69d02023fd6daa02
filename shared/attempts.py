"""One attempt at one upload in one pipeline: claim, work, write back, close.

However it ends, it ends in exactly one of: an outcome with its record, a dead letter with its
record, nothing to do, or a claim that lets the next attempt go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from shared import events, records
from shared.claims import DEAD, Claim, Refusal, Step, Version
from shared.cos import Cos
from shared.errors import CloudError
from shared.events import Upload
from shared.ledger import CosStore, Ledger
from shared.outcomes import FAILED, REJECTED, SKIPPED, SUBMITTED, Outcome, error_document
from shared.pipelines import Pipeline
from shared.settings import Settings

Handle = Callable[[Upload, Pipeline, Cos, str], Outcome]
# What is done about an upload whose last attempt has failed, in place of nothing.
GiveUp = Callable[[Upload, Pipeline, Cos, CloudError], Outcome]

# HTTP statuses that speak of permission and place, never of the file's content.
_NOT_THE_FILE = (401, 403, 404, 409)
_LEASE_MARGIN = 5.0  # seconds by which a lease outlives the invocation


class Attempt:
    """What is known while it runs; `entry` becomes the log line.

    `dead_too`: also if the upload was given up before. `deadline` is in monotonic seconds, `again`
    says at the end whether SCF should invoke again.
    """

    def __init__(
        self,
        upload: Upload,
        pipeline: Pipeline,
        handle: Handle,
        *,
        settings: Settings,
        invocation: str,
        deadline: float,
        entry: dict[str, Any],
        give_up: GiveUp | None = None,
        dead_too: bool = False,
    ) -> None:
        self.upload = upload
        self.pipeline = pipeline
        self.entry = entry
        self.again = False
        self._handle = handle
        self._give_up = give_up
        self._dead_too = dead_too
        self._claimed: Claim | None = None
        self._invocation = invocation
        self._deadline = deadline
        self._settings = settings
        self._retries = settings.retries
        self._started, self._clock = time.time(), time.monotonic()
        self._cos = Cos(settings, upload.region, deadline)
        self._state = (settings.state_bucket or upload.bucket, settings.state_prefix)
        store = CosStore(self._cos, self._state[0])
        # Before the claim is taken a third of the time may go by with watching another's.
        patience = max(0.0, min(5.0, (deadline - self._clock) / 3))
        self._ledger = Ledger(store, settings.state_prefix, invocation, patience)
        self._step = Step(upload.bucket, upload.key, pipeline.function, pipeline.name)

    def run(self) -> None:
        """Make the attempt; never raises `CloudError`."""
        self.entry["pipeline"] = self.pipeline.name
        try:
            self._run()
        except CloudError as error:
            # The ledger or the write-back: unrecorded work counts as unfinished, whatever CI said.
            self._end(FAILED, error=error)
            self.again = True
        self.entry["calls"] = [f"{operation} {id}" for operation, id in self._cos.calls]
        self.entry["call_count"] = len(self._cos.calls)
        self.entry["milliseconds"] = round((time.monotonic() - self._clock) * 1000)

    def resume(self, claim: Claim) -> None:
        """Finish work that was submitted, under a claim that was taken over; as `run`."""
        self._claimed = claim
        self.run()

    def _run(self) -> None:
        if self._claimed is not None:
            self._work(self._claimed)
            return
        lease = lease_of(self._deadline)
        details = {
            "event": events.step_document(self.upload, self.pipeline.name),
            "function": self.pipeline.function,
            "pipeline": self.pipeline.name,
        }
        claim = self._ledger.claim(
            self._step, Version.of(self.upload), lease, details, dead_too=self._dead_too
        )
        if isinstance(claim, Refusal):
            if not claim.wait:
                self._let_on()
            self.again = claim.wait
            error = CloudError("ClaimHeld", claim.reason, status=409) if claim.wait else None
            self._end(FAILED if claim.wait else SKIPPED, reason=claim.reason, error=error)
            return
        self._phase("claim")
        self._work(claim)

    def _work(self, claim: Claim) -> None:
        self.entry["attempt"] = claim.attempt
        try:
            etag = self._etag()
            ended = self._ended_before(claim, etag) or self._replaced()
            outcome = ended or self._handle(self.upload, self.pipeline, self._cos, etag)
        except CloudError as error:
            etag, ended, outcome = "", None, failure(error)
        self._phase("work")
        self.entry["outputs"] = [output.key for output in outcome.outputs]
        self.entry["requests"] = [call.id for call in outcome.calls]
        self._end(outcome.status, reason=outcome.reason, error=outcome.error)
        if "audit" in outcome.details:
            self.entry["verdict"] = outcome.details["audit"]["verdict"]["result"]
        if outcome.retry and claim.tries <= self._retries:
            self.again = True
            self._ledger.release(claim)
            return
        if outcome.error and outcome.status == FAILED and self._give_up and not outcome.details:
            outcome = self._give_up(self.upload, self.pipeline, self._cos, outcome.error)
            self._end(outcome.status, reason=outcome.reason, error=outcome.error)
        if outcome.status == SUBMITTED:
            self._name_jobs(self._ledger.submit(claim, outcome.lease, outcome.details))
        else:
            if not ended and outcome.status != SKIPPED:
                self._write_back(claim, outcome, etag)
            self._let_on()
            self._close(claim, outcome)
        self._phase("record")

    def _name_jobs(self, claim: Claim) -> None:
        """Let a callback of CI find the claim by the id of a job.

        Where that fails `sweep` asks for the jobs: it is no reason to submit them again.
        """
        from shared.jobs import Job, Jobs

        jobs = Jobs(self._cos, *self._state)
        try:
            for job in claim.details.get("jobs", ()):
                jobs.write(Job(str(job["id"]), claim.key, self.upload.bucket))
        except CloudError as error:
            self.entry["unnamed_jobs"] = error_document(error)

    def _etag(self) -> str:
        if not self.pipeline.needs_etag:
            return ""
        return head(self._cos, self.upload).get("ETag", "").strip('"')

    def _ended_before(self, claim: Claim, etag: str) -> Outcome | None:
        """What an attempt that died after it had written its record has already done."""
        if claim.attempt == 1 and claim.tries == 1:
            return None
        key = records.record_key(self.pipeline, self.upload, etag)
        status = records.finished(self._cos, self.upload, key)
        if not status:
            return None
        self.entry["record"] = key
        return Outcome(status, reason="an earlier attempt had finished it")

    def _replaced(self) -> Outcome | None:
        """What a gate let through is worked on as it was judged, or not at all."""
        upload = self.upload
        if not upload.passed:
            return None
        if head(self._cos, upload).get("ETag", "").strip('"') == upload.etag:
            return None
        return Outcome(SKIPPED, reason="the object is another one than the gate let through")

    def _let_on(self) -> None:
        """Whoever waits for this pipeline's gate gets the upload, if the record says `pass`.

        Also when it was processed before: an attempt may have died after its record.
        """
        if self.pipeline.audit is None or not self.pipeline.audit.gate:
            return
        from shared.audit_gate import let_on

        if invoked := let_on(self.upload, self._settings, self._cos, self._deadline):
            self.entry["let_on"] = invoked

    def _write_back(self, claim: Claim, outcome: Outcome, etag: str) -> None:
        if self.pipeline.tags:
            self.entry["tags"] = records.tag(self._cos, self.upload, self.pipeline, outcome)
        content = records.document(
            self.upload,
            self.pipeline,
            outcome,
            etag=etag,
            started=self._started,
            seconds=time.monotonic() - self._clock,
            invocation=self._invocation,
            attempt=claim.attempt,
        )
        key = records.record_key(self.pipeline, self.upload, etag)
        records.write(self._cos, self.upload, key, content)
        self.entry["record"] = key

    def _close(self, claim: Claim, outcome: Outcome) -> None:
        if outcome.status == FAILED and outcome.error is not None:
            self._bury(claim, outcome.error)
            self._ledger.close(claim, DEAD)
            return
        self._ledger.close(claim, outcome.status)
        if claim.attempt > 1:
            # An attempt before may have been given up on.
            from shared.dead_letters import DeadLetters

            DeadLetters(self._cos, *self._state).drop(self._step.digest)

    def _bury(self, claim: Claim, error: CloudError) -> None:
        # Imported here and above: an upload that succeeds at once needs none of it.
        from shared.dead_letters import DeadLetter, DeadLetters

        letter = DeadLetter(
            bucket=self.upload.bucket,
            key=self.upload.key,
            function=self.pipeline.function,
            pipeline=self.pipeline.name,
            event=claim.details["event"],
            error=error_document(error) or {},
            attempts=claim.attempt,
            time=time.time(),
            retryable=error.retryable,
            upload=self.upload.request_id,
            invocation=self._invocation,
            requests=[id for _, id in self._cos.calls if id],
        )
        self.entry["dead_letter"] = DeadLetters(self._cos, *self._state).bury(letter)

    def _end(self, status: str, *, reason: str = "", error: CloudError | None = None) -> None:
        self.entry.update(outcome=status, reason=reason, error=error_document(error))

    def _phase(self, name: str) -> None:
        phases = self.entry.setdefault("phases", {})
        spent = round((time.monotonic() - self._clock) * 1000)
        phases[name] = spent - sum(phases.values())


def lease_of(deadline: float) -> float:
    """How many seconds from now an invocation cannot outlive."""
    return deadline - time.monotonic() + _LEASE_MARGIN


def head(cos: Cos, upload: Upload) -> Mapping[str, str]:
    """The headers of the object as it is now under the upload's key."""
    return cos.head_object(upload.bucket, upload.key)


def failure(error: CloudError) -> Outcome:
    """The outcome of a call that the service refused."""
    if error.code in ("NoSuchKey", "NoSuchResource"):
        return Outcome(SKIPPED, error=error, reason="the object is gone: deleted since the event")
    if error.retryable or error.status in _NOT_THE_FILE or error.code == "InvalidPicOperations":
        return Outcome(FAILED, error=error)
    return Outcome(REJECTED, error=error)

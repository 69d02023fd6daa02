"""Operator: everything that is in a bucket already, through the same pipelines as uploads.

An invocation works until its deadline, keeps a cursor object and invokes the function again to go
on. Each of these *hops* has a number, and the ledger lets each run once, one at a time.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from backfill_prepare import new_cursor
from backfill_run import Run

from shared import events
from shared.backfills import DONE, FUNCTION, REFUSED, RUNNING, Place, Plan, PlanError
from shared.batches import BatchCos
from shared.claims import Claim, Refusal, Step, Version
from shared.dead_letters import DeadLetters
from shared.errors import CloudError, ConfigError
from shared.events import LETTER, Upload
from shared.invocations import Invocation, RetryableError, deadline_of, request_id_of
from shared.ledger import CosStore, Ledger
from shared.outcomes import error_document
from shared.pipelines import load
from shared.scf import Scf, deployed_prefix
from shared.settings import Settings, SettingsError

MAX_HOPS = 10_000
MAX_IDLE = 8  # hops in a row that came no further
_RESERVE = 10.0  # seconds of an invocation, a quarter at most, for its end
_PATIENCE = 15.0  # seconds to wait for the hop before to let go
_LONGEST_REST = 60.0
# What an event holds beside a plan's fields when it is a hop and no start.
_HOP_FIELDS = ("name", "bucket", "hop")


class Order(NamedTuple):
    """What an event asks for: `plan` to start, else the hop of this number."""

    name: str
    bucket: str
    hop: int
    plan: Plan | None

    @classmethod
    def read(cls, event: object) -> Order:
        """Raises `PlanError`."""
        if not isinstance(event, Mapping) or "hop" not in event:
            plan = Plan.read(event)
            return cls(plan.name, plan.bucket, 0, plan)
        hop = event["hop"]
        checked = Plan.read({name: event.get(name, "") for name in ("name", "bucket")})
        if not isinstance(hop, int) or isinstance(hop, bool) or hop < 1:
            raise PlanError([f"hop is {hop!r}: the number of a hop is expected"])
        return cls(checked.name, checked.bucket, hop, None)


def main_handler(event: object, context: object) -> dict[str, Any]:
    """SCF's entry point, for a plan and for the event of a hop.

    Returns the state that it logs. Raises `RetryableError` so that SCF invokes again when the
    services are in the way of the cursor itself, or the settings are wrong.
    """
    base = {"function": FUNCTION, "invocation": request_id_of(context)}
    deadline = deadline_of(context)
    try:
        order = Order.read(event)
    except PlanError as error:
        return _log({**base, "state": "refused", "problems": list(error.problems)})
    base["backfill"] = order.name
    try:
        settings = Settings.load()
        if not settings.region:
            raise SettingsError(["neither TENCENTCLOUD_REGION nor COS_REGION is set"])
        prefix = deployed_prefix(settings, FUNCTION)
        invocation = Invocation(
            FUNCTION, base["invocation"], settings, load(settings.pipelines), deadline
        )
        hop = _Hop(order, invocation, prefix)
        told = hop.run()
    except (SettingsError, ConfigError) as error:
        _log({**base, "problems": list(error.problems)})
        raise RetryableError(f"{type(error).__name__}: {error}") from None
    except CloudError as error:
        _log({**base, "error": error_document(error)})
        raise RetryableError(f"to be tried again: {error}") from None
    if isinstance(event, Mapping) and LETTER in event:
        hop.drop_letter(str(event[LETTER]))
    return _log({**base, **told})


class _Hop:
    def __init__(self, order: Order, invocation: Invocation, prefix: str) -> None:
        self._order = order
        self._prefix = prefix
        self._invocation = invocation
        settings, deadline = invocation.settings, invocation.deadline
        left = deadline - time.monotonic()
        reserve = min(_RESERVE, left / 4)
        self._end = deadline - reserve
        # What has begun by then has half of the reserve, the cursor and the next hop the rest.
        self._latest = deadline - reserve / 2
        self._lease = left + 5.0
        bucket = settings.state_bucket or order.bucket
        self._cos = BatchCos(settings, settings.region, deadline)
        self._scf = Scf(settings, settings.region, prefix, deadline)
        self._place = Place(self._cos, bucket, settings.state_prefix, order.name)
        self._letters = DeadLetters(self._cos, bucket, settings.state_prefix)
        self._ledger = Ledger(
            CosStore(self._cos, bucket),
            settings.state_prefix,
            invocation.id,
            patience=0.0 if order.plan else min(_PATIENCE, left / 3),
        )
        self._step = Step(bucket, self._place.key, FUNCTION, order.name)

    def run(self) -> dict[str, Any]:
        """One hop, and the invocation of the next; what to log. Raises `CloudError`."""
        plan, number = self._order.plan, self._order.hop
        known = self._place.read()
        if plan is not None:
            # The clock, so that a cursor that was deleted does not begin with old numbers.
            number = max(int(time.time()), known["hop"] + 1 if known else 0)
        claim = self._claim(number)
        if isinstance(claim, Refusal):
            if claim.wait and plan is None:
                raise CloudError("ClaimHeld", claim.reason)
            return {"state": "skipped", "reason": claim.reason}
        cursor = self._place.read()
        if plan is not None:
            if cursor is not None and cursor["state"] == RUNNING and cursor["plan"] != (
                plan.document()
            ):  # fmt: skip
                self._ledger.close(claim, "skipped")
                reason = "an unfinished backfill of this name has another plan: cancel it first"
                return {"state": "refused", "problems": [f"name is {plan.name!r}: {reason}"]}
            self._place.forget_cancel()
            if cursor is None or cursor["state"] in (DONE, REFUSED) or cursor["plan"] != (
                plan.document()
            ):  # fmt: skip
                cursor = new_cursor(plan, secrets.token_hex(8), time.time())
            elif cursor["state"] != RUNNING:
                # What was cancelled or failed goes on where it stopped.
                cursor["round"] += 1
            cursor.update(state=RUNNING, idle=0, error=None)
        if cursor is None or cursor["state"] != RUNNING:
            self._ledger.close(claim, "skipped")
            return {"state": "skipped", "reason": "there is nothing to go on with"}
        return self._work(claim, cursor, number)

    def _claim(self, number: int) -> Claim | Refusal:
        token = hashlib.sha256(f"hop {number}".encode()).hexdigest()[:32]
        # What the sweep goes on with when this invocation dies.
        details = {"event": self._event(number), "function": FUNCTION, "pipeline": self._order.name}
        return self._ledger.claim(self._step, Version(token, number), self._lease, details)

    def _event(self, number: int) -> dict[str, Any]:
        """The event of a hop: that of its cursor's upload, so that the sweep can read it."""
        cursor = Upload(
            bucket=self._step.bucket,
            region=self._invocation.settings.region,
            key=self._place.key,
            event_name="cos:ObjectCreated:Put",
            event_time=number,
            request_id=f"hop-{number}",
        )
        order = {"name": self._order.name, "bucket": self._order.bucket, "hop": number}
        return {**events.document(cursor), **order}

    def _work(self, claim: Claim, cursor: dict[str, Any], number: int) -> dict[str, Any]:
        cursor["hop"], cursor["hops"] = number, cursor["hops"] + 1
        settings, prefix = self._invocation.settings, self._prefix
        run = Run(
            self._invocation._replace(deadline=self._latest),
            BatchCos(settings, settings.region, self._latest),
            Scf(settings, settings.region, prefix, self._latest),
            self._place,
            cursor,
            end=self._end,
        )
        trouble = None
        if run.prepare():
            run.save()
            trouble = self._go(run, cursor)
        run.save()
        if cursor["state"] == RUNNING:
            if trouble is not None:
                self._rest(cursor["idle"], trouble)
            # Before the claim is closed: the next hop waits for that, and if nobody comes, the
            # claim is still there for the sweep.
            self._next(run, number)
        self._ledger.close(claim, "done")
        if claim.attempt > 1:
            self.drop_letter(self._step.digest)
        told = ("state", "counts", "last_key", "problems", "error", "hops")
        return {name: cursor[name] for name in told}

    def _next(self, run: Run, number: int) -> None:
        try:
            self._scf.invoke(FUNCTION, self._event(number + 1))
        except CloudError as error:
            if error.retryable:
                raise  # the claim stays open: SCF comes again, or the sweep
            run.fail(error)
            run.save()

    def _go(self, run: Run, cursor: dict[str, Any]) -> CloudError | None:
        """Work, and decide what an error means: an end, or another hop after a rest."""
        trouble = None
        try:
            run.work()
        except CloudError as error:
            trouble = error
            cursor["error"] = error_document(error)
            if not error.retryable:
                run.fail(error)
        else:
            cursor["error"] = None
        if cursor["state"] == RUNNING:
            if not run.progress:
                cursor["idle"] += 1
            if cursor["idle"] >= MAX_IDLE or cursor["hops"] >= MAX_HOPS:
                message = f"{cursor['idle']} of {cursor['hops']} invocations came no further"
                last = f"; the last: {trouble}" if trouble else ""
                run.fail(CloudError("NoProgress", message + last))
        return trouble

    def _rest(self, idle: int, trouble: CloudError) -> None:
        left = self._invocation.deadline - time.monotonic() - 2.0
        rest = max(trouble.retry_after, 2.0**idle - 1.0)
        time.sleep(max(0.0, min(rest, _LONGEST_REST, left)))

    def drop_letter(self, letter: str) -> None:
        """Forget the dead letter that this hop came from."""
        try:
            self._letters.drop(letter)
        except CloudError as error:
            _log({**self._invocation.base, "letter": letter[:64], "error": error_document(error)})


def _log(entry: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(entry), flush=True)
    return entry

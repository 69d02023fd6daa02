"""One round of the sweep through the state of one bucket."""

from __future__ import annotations

import json
import time
from typing import Any

from sweep_begun import Begun

from shared.cos import Cos
from shared.dead_letters import DeadLetters, Invoke
from shared.errors import CloudError
from shared.ledger import CosStore, Ledger
from shared.settings import Settings

_RESERVE = 5.0  # seconds of the invocation that are kept for the end of the round
_PERIOD = 1.0  # seconds between two looks at where a round is
_LEASE = 5.0  # seconds after the last of them when a round counts as dead
_PARTS, _BEGUN, _AT_WORK = ("claims", "letters"), "begun", "at_work"
_MAX_TROUBLES = 5  # failures of the service itself that end a round


class Round:
    """What the parts of a round share. `counts` is what the log shows; `cursor` holds where the
    round before stopped, by part, and `begun` the claims that rounds have begun again.
    `invoke(function, event)` begins an asynchronous invocation."""

    def __init__(
        self, settings: Settings, bucket: str, invocation: str, deadline: float, invoke: Invoke
    ) -> None:
        self.settings = settings
        self.bucket = bucket
        self._invocation = invocation
        self.invoke = invoke
        self.counts: dict[str, Any] = {}
        self.cos = Cos(settings, settings.region, deadline)
        self.letters = DeadLetters(self.cos, bucket, settings.state_prefix)
        self.ledger = Ledger(
            CosStore(self.cos, bucket), settings.state_prefix, f"sweep-{invocation}", patience=0
        )
        self._end = deadline - _RESERVE
        self._key = f"{settings.state_prefix}sweep/cursor.json"
        self._troubles = 0
        self._marked = 0.0
        self.cursor: dict[str, str] = {}
        self.begun = Begun()

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def begin(self) -> bool:
        """Read where the round before stopped; False while another is at work, which would begin
        the same claims."""
        found = self._read()
        self.begun = Begun.read(found.get(_BEGUN))
        self.cursor = {name: found[name] for name in _PARTS if isinstance(found.get(name), str)}
        match found.get(_AT_WORK):
            case [str(holder), int(until) | float(until)]:
                if holder != self._invocation and until > time.time():
                    return False
        self._mark()
        return True

    def checkpoint(self) -> None:
        """Keep the place now and then: a round that is killed is gone on with, and soon."""
        if time.monotonic() - self._marked > _PERIOD:
            try:
                self._mark()
            except CloudError as error:
                self.problem(error)

    def _mark(self) -> None:
        self._marked = time.monotonic()
        self._keep({_AT_WORK: [self._invocation, round(time.time() + _LEASE, 1)]})

    def count(self, what: str) -> None:
        """One more of these."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def problem(self, error: CloudError) -> None:
        """Note what stands in the way of one object; the others go on.

        Raises `error` again when it is about the service and not about the object: at once where
        access is denied, else if that goes on.
        """
        self._troubles += error.retryable
        if error.status in (401, 403) or self._troubles > _MAX_TROUBLES:
            raise error
        self.counts.setdefault("problems", []).append(str(error))

    def finish(self) -> None:
        """Keep the cursor for the next round."""
        self._keep({})

    def _keep(self, more: dict[str, Any]) -> None:
        document = {**self.cursor, _BEGUN: self.begun.document(), **more}
        body = json.dumps(document).encode()
        self.cos.put_object(self.bucket, self._key, body, "application/json")

    def _read(self) -> dict[str, Any]:
        found = self.cos.read_object(self.bucket, self._key)
        try:
            document = json.loads(found.body) if found else {}
        except ValueError:
            document = {}
        # From the beginning where it cannot be read: what was swept before is found in order.
        return document if isinstance(document, dict) else {}

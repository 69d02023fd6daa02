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
_BEGUN = "begun"
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
        self._before: dict[str, Any] = {}
        self.cursor: dict[str, str] = {}
        self.begun = Begun()

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def begin(self) -> None:
        """Read where the round before stopped."""
        self._before = self._read()
        known = dict(self._before)
        self.begun = Begun.read(known.pop(_BEGUN, None))
        self.cursor = {name: value for name, value in known.items() if isinstance(value, str)}

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
        """Keep the cursor for the next round, if it has moved."""
        document = {**self.cursor, **({_BEGUN: told} if (told := self.begun.document()) else {})}
        if document != self._before:
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

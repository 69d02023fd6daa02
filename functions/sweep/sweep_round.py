"""One round of the sweep through the state of one bucket."""

from __future__ import annotations

import json
import time
from typing import Any

from shared.cos import Cos
from shared.dead_letters import DeadLetters, Invoke
from shared.errors import CloudError
from shared.ledger import CosStore, Ledger
from shared.settings import Settings

_RESERVE = 5.0  # seconds of the invocation that are kept for the end of the round


class Round:
    """What the parts of a round share. `counts` is what the log shows; `cursor` holds where the
    round before stopped, by part. `invoke(function, event)` begins an asynchronous invocation."""

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
        self._before: dict[str, str] = {}
        self.cursor: dict[str, str] = {}

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def begin(self) -> None:
        """Read where the round before stopped."""
        self._before = self._read()
        self.cursor = dict(self._before)

    def count(self, what: str) -> None:
        """One more of these."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def problem(self, error: CloudError) -> None:
        """Note what stands in the way of one object; the others go on.

        Raises `error` again when it is about the service and not about the object.
        """
        if error.retryable or error.status in (401, 403):
            raise error
        self.counts.setdefault("problems", []).append(str(error))

    def finish(self) -> None:
        """Keep the cursor for the next round, if it has moved."""
        if self.cursor != self._before:
            body = json.dumps(self.cursor).encode()
            self.cos.put_object(self.bucket, self._key, body, "application/json")

    def _read(self) -> dict[str, str]:
        found = self.cos.read_object(self.bucket, self._key)
        try:
            document = json.loads(found.body) if found else {}
            return {str(name): str(value) for name, value in document.items()}
        except (ValueError, AttributeError):
            return {}  # from the beginning: what was swept before is found in order

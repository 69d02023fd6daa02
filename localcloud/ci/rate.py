"""How many persistent processing requests a second CI takes of an account (CI manual 004:7100)."""

from __future__ import annotations

import time
from collections.abc import Callable

from localcloud.ci.errors import refusal


class Rate:
    """A token bucket of one second's worth. `limit` is in requests a second; 0 sets none."""

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._tokens = max(1.0, limit)
        self._at = clock()

    def take(self) -> None:
        """One more request. Raises `ServiceError` SlowDown when it is one too many."""
        if not self._limit:
            return
        now = self._clock()
        self._tokens = min(max(1.0, self._limit), self._tokens + (now - self._at) * self._limit)
        self._at = now
        if self._tokens < 1:
            raise refusal(
                -60949,
                f"CI takes {self._limit:g} persistent processing requests a second: try later",
            )
        self._tokens -= 1

"""How many callbacks an instance takes: a token bucket that refuses and does not wait."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 2.0  # seconds' worth of callbacks that may come at once after a rest


class Limit:
    """`rate` is callbacks a second."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._most = max(1.0, rate * BURST)
        self._left = self._most
        self._clock = clock
        self._at = clock()

    def take(self) -> bool:
        """Whether there is room for one more now."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

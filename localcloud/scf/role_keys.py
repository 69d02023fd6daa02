"""The temporary keys of a function's running role, as a warm instance meets them."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.settings import Credentials

LIFETIME = 7200.0  # seconds; SCF's keys are good for longer than any invocation may take


class RoleKeys:
    """Keys of `issue(seconds)`, new ones after half of their life: called for each invocation.

    An invocation that begins with the oldest still has half a life to finish in.
    """

    def __init__(
        self,
        issue: Callable[[float], Credentials],
        lifetime: float = LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issue = issue
        self._lifetime = lifetime
        self._clock = clock
        self._current: Credentials | None = None
        self._renew_at = 0.0

    def __call__(self) -> Credentials:
        """The keys for an invocation that begins now."""
        if self._current is None or self._clock() >= self._renew_at:
            self._current = self._issue(self._lifetime)
            self._renew_at = self._clock() + self._lifetime / 2
        return self._current

"""How fast one instance may call CI, so that all together stay under the account's limit.

CI takes 100 persistent processing requests a second of an account (CI manual 004:7100). Instances
cannot see each other, and a server that counts for all would be one more thing to fail. So each
begins with its share, the limit divided by the number of instances that may run, and then follows
what the service says: a little faster after each answer, half as fast after each refusal. The same
rule keeps TCP's senders at the capacity of a line that none of them knows.
"""

from __future__ import annotations

import threading
import time

from shared.errors import CloudError
from shared.retries import SHORTEST_CALL

_FASTER = 0.02  # of the share, added to the rate after each answer
_SLOWEST = 0.2  # requests a second, however often the service refuses
_BURST = 1.0  # seconds' worth of requests that may be sent at once after a rest


class Pace:
    """A token bucket whose rate follows the service's answers.

    `limit` and `share` are requests a second: what the account may send and what this instance
    begins with.
    """

    def __init__(self, limit: float, share: float) -> None:
        self._limit = limit
        self._share = self._rate = min(share, limit)
        self._tokens = max(1.0, self._rate * _BURST)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Requests a second at present."""
        return self._rate

    def wait(self, deadline: float) -> None:
        """Take the next place; sleeps until it comes.

        Raises `CloudError` SlowDown when that would be after `deadline` (monotonic seconds).
        """
        with self._lock:
            now = time.monotonic()
            most = max(1.0, self._rate * _BURST)
            self._tokens = min(most, self._tokens + (now - self._at) * self._rate)
            self._at = now
            pause = max(0.0, (1 - self._tokens) / self._rate)
            if pause and now + pause > deadline - SHORTEST_CALL:
                raise CloudError(
                    "SlowDown",
                    f"at {self._rate:.1f} requests a second to CI there is no place left before "
                    "the invocation's deadline",
                    status=429,
                )
            self._tokens -= 1
        if pause:
            time.sleep(pause)

    def answered(self) -> None:
        """The service took a request: go a little faster."""
        with self._lock:
            self._rate = min(self._limit, self._rate + self._share * _FASTER)

    def refused(self) -> None:
        """The service said that it is too much: half as fast, and nothing at once."""
        with self._lock:
            self._rate = max(_SLOWEST, self._rate / 2)
            self._tokens = min(self._tokens, 0.0)

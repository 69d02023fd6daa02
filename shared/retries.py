"""The one retry policy: which errors, how often, how long between, and when to stop.

An error that can pass (`CloudError.retryable`) is tried again after a pause that doubles each time
and is half random, or after the service's own `Retry-After` if that is longer. No attempt begins
that the deadline would cut short: then the error goes up, the invocation fails, and SCF comes again
after a minute, when more has passed than any pause in here could offer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.errors import CloudError

T = TypeVar("T")
BACKOFF = 0.2  # seconds before the second attempt
LONGEST = 5.0  # seconds: the doubling ends here
SHORTEST_CALL = 0.5  # seconds that an attempt needs to be worth beginning


def run(attempt: Callable[[], T], *, attempts: int, deadline: float) -> T:
    """The result of `attempt`, called up to `attempts` times before `deadline` (monotonic seconds).

    Raises the last `CloudError`.
    """
    number = 1
    while True:
        try:
            return attempt()
        except CloudError as error:
            pause = max(error.retry_after, _backoff(number))
            left = deadline - time.monotonic() - pause
            # The deadline has passed already: no pause brings it back.
            worth = error.retryable and error.code != "DeadlineExceeded"
            if not worth or number >= attempts or left < SHORTEST_CALL:
                raise
            time.sleep(pause)
        number += 1


def _backoff(number: int) -> float:
    whole: float = min(BACKOFF * 2.0 ** (number - 1), LONGEST)
    return whole * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret

"""Ends a job that nobody waits for any more: at the next step, frame or try of an encoder.

A thread cannot be ended from outside, so each job looks by itself. One step on the largest picture
that is allowed takes seconds (a blur of 250 megapixels: 13); the encoders that take minutes run in
a process that can be ended (`apart.py`), and libvips stops in the middle of its work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localcloud.imaging.errors import TOO_SLOW, ImageError

_local = threading.local()


@contextmanager
def watching(is_over: Callable[[], bool]) -> Iterator[None]:
    """While the block runs, image work on this thread ends soon after `is_over()` is true."""
    before = current()
    _local.is_over = is_over
    try:
        yield
    finally:
        _local.is_over = before


def current() -> Callable[[], bool] | None:
    """What tells, on any thread, whether this thread's job is to end; None where nothing does."""
    found: Callable[[], bool] | None = getattr(_local, "is_over", None)
    return found


def check() -> None:
    """Raises ImageError -901 once the job is to end."""
    is_over = current()
    if is_over is not None and is_over():
        raise ImageError(TOO_SLOW, "processing was ended: it took too long, or nobody waits for it")

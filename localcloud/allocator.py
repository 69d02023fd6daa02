"""Tells glibc to give the memory of finished pictures back.

By itself it keeps a heap for each thread and stops mapping large blocks one by one once some were
freed: after 2,000 photos the server would hold 150 to 200 MB, now it stays under 100
(`bench/memory.py`).
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# Bytes. A photo's file and its thumbnail stay below, which are needed again and again: mapping
# them anew for each request costs 8 % of its time. A decoded photo is above.
_LARGE = 4 * 1024**2
# The work is in decoders, not in malloc: two threads do not wait for each other.
_ARENAS = 1


def bound() -> None:
    """Call once, before there are threads. Other C libraries than glibc are left alone."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for parameter, value in (
        (_ARENA_MAX, _ARENAS),
        (_MMAP_THRESHOLD, _LARGE),
        (_TRIM_THRESHOLD, _LARGE),
    ):
        mallopt(parameter, value)

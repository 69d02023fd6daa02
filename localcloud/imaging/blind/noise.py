"""Pseudo-random numbers that never change: a mark must be found again by every later version.

numpy's own generators may give other numbers in another release, so these come from the finalizer
of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


def words(key: int, count: int) -> NDArray[np.uint64]:
    """`count` words of 64 bits for a key from 0 to 2**32 - 1."""
    # The key is mixed once by itself, so that neighbouring keys do not overlap.
    seed = _mixed(np.array([key + 1], np.uint64) * _STEP)[0]
    return _mixed(np.arange(1, count + 1, dtype=np.uint64) * _STEP + seed)


@lru_cache(2)
def order(key: int, count: int) -> NDArray[np.intp]:
    """The numbers below `count`, shuffled; not to be written to."""
    # No two words are equal: the mixing maps different numbers to different ones.
    found = np.argsort(words(key, count))
    found.flags.writeable = False
    return found


def signs(key: int, count: int) -> NDArray[np.float32]:
    """-1 or 1."""
    return ((words(key, count) >> np.uint64(63)).astype(np.float32) * 2) - 1


def fractions(key: int, count: int) -> NDArray[np.float32]:
    """From 0 up to, not including, 1."""
    return (words(key, count) >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, factor in _MIX:
        values = (values ^ (values >> shift)) * factor
    return values ^ (values >> np.uint64(31))

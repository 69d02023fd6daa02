"""CRC-64 (ECMA-182, as COS prints it) of two texts joined, from their own two sums."""

from __future__ import annotations

from functools import lru_cache

_POLYNOMIAL = 0xC96C5795D7870F42  # reflected


def joined(first: int, second: int, length: int) -> int:
    """The sum of a + b, where `first` is that of a, `second` that of b, of `length` bytes.

    Appending zeros is linear in the sum's bits, so `length` of them are applied by squaring.
    """
    power = 0
    while length:
        if length & 1:
            first = _apply(_zeros(power), first)
        length >>= 1
        power += 1
    return first ^ second


@lru_cache(maxsize=64)
def _zeros(power: int) -> tuple[int, ...]:
    """The matrix (a column for each bit) of appending 2**power zero bytes."""
    if power:
        half = _zeros(power - 1)
        return tuple(_apply(half, column) for column in half)
    columns = []
    for bit in range(64):
        value = 1 << bit
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        columns.append(value)
    return tuple(columns)


def _apply(matrix: tuple[int, ...], vector: int) -> int:
    result, bit = 0, 0
    while vector:
        if vector & 1:
            result ^= matrix[bit]
        vector >>= 1
        bit += 1
    return result

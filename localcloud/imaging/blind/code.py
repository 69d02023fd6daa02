"""The error-correcting code: rate 1/2, constraint length 7, generators 171 and 133 (octal).

Decoded by A. J. Viterbi's algorithm (Error bounds for convolutional codes, IEEE Transactions on
Information Theory 13, 1967) from soft values, many short streams at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from localcloud.imaging.blind.blocks import Plane

Bits = NDArray[np.bool_]
_GENERATORS = (0o171, 0o133)
_TAIL = 6
_STATES = 1 << _TAIL
# Bits of one stream at most: the decoder's steps are as many, its width is the number of streams.
_STREAM = 512


def _outputs() -> Plane:
    """-1 or 1 by (register of the last seven bits, generator)."""
    parity = [[(register & g).bit_count() & 1 for g in _GENERATORS] for register in range(128)]
    return 1 - 2 * np.array(parity, np.float32)


_SIGNS = _outputs()
_INTO = np.arange(_STATES)


def _shape(count: int) -> tuple[int, int]:
    """(streams, bits of each without its tail) for `count` bits."""
    streams = -(-count // _STREAM)
    return streams, -(-count // streams)


def length(count: int) -> int:
    """How many coded bits `count` bits become."""
    streams, size = _shape(count)
    return streams * (size + _TAIL) * len(_GENERATORS)


def encode(bits: Bits) -> Bits:
    """The coded bits of `bits`, at least one."""
    streams, size = _shape(bits.size)
    rows = np.zeros((streams, size + _TAIL), np.intp)
    padded = np.zeros(streams * size, np.intp)
    padded[: bits.size] = bits
    rows[:, :size] = padded.reshape(streams, size)
    register = np.zeros(streams, np.intp)
    coded = np.empty((streams, size + _TAIL, len(_GENERATORS)), np.bool_)
    for step in range(size + _TAIL):
        register = (register << 1 | rows[:, step]) & 127
        coded[:, step] = _SIGNS[register] < 0
    return coded.reshape(-1)


def decode(soft: Plane, count: int) -> Bits:
    """The likeliest `count` bits; `soft` holds for each coded bit how surely it is 0 (above 0) or
    1 (below 0), 0 where nothing is known."""
    streams, size = _shape(count)
    values = soft.reshape(streams, size + _TAIL, len(_GENERATORS))
    low = _INTO >> 1
    high = low | (_STATES >> 1)
    # What a step into a state says, coming from its lower or its higher predecessor.
    from_low, from_high = _SIGNS[low << 1 | _INTO & 1].T, _SIGNS[high << 1 | _INTO & 1].T
    metric = np.full((streams, _STATES), -1e9, np.float32)
    metric[:, 0] = 0
    came_high = np.empty((size + _TAIL, streams, _STATES), np.bool_)
    for step in range(size + _TAIL):
        one = metric[:, low] + values[:, step] @ from_low
        other = metric[:, high] + values[:, step] @ from_high
        came_high[step] = other > one
        metric = np.maximum(one, other)
    # The tail leads every stream to state 0.
    state = np.zeros(streams, np.intp)
    every = np.arange(streams)
    bits = np.empty((streams, size + _TAIL), np.bool_)
    for step in range(size + _TAIL - 1, -1, -1):
        bits[:, step] = state & 1
        state = low[state] | (came_high[step, every, state] * (_STATES >> 1))
    return bits[:, :size].reshape(-1)[:count]

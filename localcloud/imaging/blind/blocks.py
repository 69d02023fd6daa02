"""The discrete cosine transform of 8x8 blocks, for a few low frequencies only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SIDE = 8
Plane = NDArray[np.float32]


def _basis(frequencies: int) -> Plane:
    rows = [
        [
            math.sqrt((1 if k == 0 else 2) / SIDE) * math.cos(math.pi * (2 * x + 1) * k / 16)
            for x in range(SIDE)
        ]
        for k in range(frequencies)
    ]
    return np.array(rows, np.float32)


_BASIS = _basis(5)


def forward(plane: Plane) -> Plane:
    """Coefficients (5, 5, rows, columns) of a plane whose sides are multiples of 8.

    Orthonormal: a coefficient's square is energy in squared grey levels.
    """
    height, width = plane.shape
    tall = np.matmul(_BASIS, plane.reshape(height // SIDE, SIDE, width))
    both = tall.reshape(height // SIDE, 5, width // SIDE, SIDE) @ _BASIS.T
    return np.ascontiguousarray(both.transpose(1, 3, 0, 2))


def backward(coefficients: Plane) -> Plane:
    """The plane of `forward`'s coefficients; all other frequencies are 0."""
    _, _, rows, columns = coefficients.shape
    both = np.ascontiguousarray(coefficients.transpose(2, 0, 3, 1)) @ _BASIS
    return np.matmul(_BASIS.T, both.reshape(rows, 5, columns * SIDE)).reshape(
        rows * SIDE, columns * SIDE
    )

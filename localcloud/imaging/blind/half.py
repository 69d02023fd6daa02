"""Type 1, the half blind mark: a small picture in the picture, found with the original at hand.

I. J. Cox, J. Kilian, F. T. Leighton, T. Shamoon: Secure spread spectrum watermarking for
multimedia, IEEE Transactions on Image Processing 6 (1997). Each bit is added to many chips with
pseudo-random signs; the reader subtracts the original and correlates.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from localcloud.imaging.blind import align, code, luma, noise
from localcloud.imaging.blind.blocks import Plane
from localcloud.imaging.blind.full import Mark
from localcloud.imaging.blind.grids import Grid
from localcloud.imaging.blind.luma import Grey
from localcloud.imaging.blind.modulation import Bits

_PURPOSE = 1
# Mean squared errors that make about 39.5 dB, for a mark that needs every chip, and 43.5 dB.
_MOST_ERROR, _LEAST_ERROR = 7.4, 3.0
# Chips of one bit up to which the greater is needed.
_FEW = 3
# The mark's size is written too, into a small part of the chips.
_SIZE_SHARE, _MOST_SIZE_CHIPS = 12, 8192
# A size counts as found from so many standard deviations; beyond the second no other way of
# aligning is tried.
_FOUND, _SURE = 6.0, 12.0
_OUTLIER, _NOTHING = 4.0, 1e-3


def fits(grid: Grid, mark: Mark) -> bool:
    return _spread(grid, mark.size) > 0


def capacity(grid: Grid) -> int:
    """About how many pixels a mark on `grid` can have."""
    return (grid.chips - _size_chips(grid)) // 2


def write(image: Image.Image, grid: Grid, mark: Mark) -> Image.Image:
    """The marked picture; `mark` (True is white) must fit `grid`."""
    chips = _signs(grid)
    half = _size_chips(grid) // 2
    order = _order(grid)
    across, down = order[:half], order[half : 2 * half]
    chips[across] *= _sequence(0, mark.shape[1], half)
    chips[down] *= _sequence(1, mark.shape[0], half)
    coded = code.encode(mark.reshape(-1) ^ _mask(mark.size))
    spread = _spread(grid, mark.size)
    for copy in range(spread):
        start = 2 * half + copy * coded.size
        chips[order[start : start + coded.size]] *= 1 - 2 * coded.astype(np.float32)
    chips[order[2 * half + spread * coded.size :]] = 0
    chips *= _weights(luma.read(image), grid)
    error = max(_LEAST_ERROR, _MOST_ERROR * min(1.0, _FEW / spread))
    chips *= np.float32(math.sqrt(error * grid.cells / float((chips**2).sum())))
    return luma.add(image, grid.write(chips))


def read(original: Grey, suspect: Grey, grid: Grid) -> Mark | None:
    """The mark in `suspect`, None where none is found; `grid` is the original's."""
    best, score = None, _FOUND
    weights = _weights(original, grid) * _signs(grid)
    most = (original.shape[1] // 8, original.shape[0] // 8)
    for aligned in align.candidates(original, suspect):
        chips = grid.read(grid.plane(align.difference(original, aligned)))
        chips = (_bounded(chips) * weights)[_order(grid)]
        size, found = _size(chips, grid, most)
        if found > score:
            best, score = (size, chips), found
        if score >= _SURE:
            break
    if best is None:
        return None
    (width, height), chips = best
    count = width * height
    spread, length = _spread(grid, count), code.length(count)
    if not spread:
        return None
    start = _size_chips(grid) // 2 * 2
    soft = chips[start : start + spread * length].reshape(spread, length).sum(axis=0)
    bits = code.decode(soft, count) ^ _mask(count)
    return bits.reshape(height, width)


def _bounded(chips: Plane) -> Plane:
    """What was painted over differs by far more than a mark does; outside of a crop all is 0."""
    sizes = np.abs(chips)
    covered = sizes[sizes > _NOTHING]
    bound = _OUTLIER * float(np.median(covered)) if covered.size else 0.0
    return chips.clip(-bound, bound)


def _size(chips: Plane, grid: Grid, most: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """The likeliest width and height of the mark, and the lesser of their scores."""
    half = _size_chips(grid) // 2
    size, scores = [], []
    for axis, part in enumerate((chips[:half], chips[half : 2 * half])):
        power = math.sqrt(float((part**2).sum())) or 1.0
        found = [float(part @ _sequence(axis, n, half)) / power for n in range(1, most[axis] + 1)]
        size.append(int(np.argmax(found)) + 1)
        scores.append(max(found))
    return (size[0], size[1]), min(scores)


def _size_chips(grid: Grid) -> int:
    return min(grid.chips // _SIZE_SHARE, _MOST_SIZE_CHIPS)


def _spread(grid: Grid, count: int) -> int:
    return (grid.chips - _size_chips(grid)) // code.length(count)


def _order(grid: Grid) -> np.ndarray:
    return noise.order(_PURPOSE << 16 | grid.key << 4, grid.chips)


def _signs(grid: Grid) -> Plane:
    return noise.signs(_PURPOSE << 16 | grid.key << 4 | 1, grid.chips)


def _weights(grey: Grey, grid: Grid) -> Plane:
    """Half way between even and masked: bits in smooth parts have no other place."""
    return np.sqrt(grid.masking(grid.plane(grey)).clip(0.4))


def _sequence(axis: int, number: int, count: int) -> Plane:
    """Stands for a number of pixels across (0) or down (1)."""
    return noise.signs((_PURPOSE << 4 | axis + 2) << 16 | number, count)


def _mask(count: int) -> Bits:
    """Makes noise of a mark that is black for the most part."""
    return noise.signs(_PURPOSE, count) < 0

"""Spread-transform dither modulation: bits into chips, and back without the original.

B. Chen, G. W. Wornell: Quantization index modulation, IEEE Transactions on Information Theory 47
(2001). The chips of one bit, with pseudo-random signs, are summed to one number; that number is
moved to the nearest point of one of two interleaved lattices. Which lattice it is on is the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localcloud.imaging.blind import luma, noise
from localcloud.imaging.blind.blocks import Plane
from localcloud.imaging.blind.grids import Grid

Bits = NDArray[np.bool_]
# The distance of a lattice's points in grey levels from which a mark gets no more robust.
MOST_STEP = 150.0
# The reader tries steps this much apart, from darkened to brightened pictures. Uneven masking
# makes a step smaller than an even one would be, down to about a third.
_RATIO, _DARKER, _BRIGHTER, _UNEVEN = 1.01, 0.75, 1.4, 0.4
# As many numbers tell a step.
_TOLD = 4096
# Writing is repeated, because rounding, clipping and stretching take a part of it back.
_PASSES = 3


@dataclass(frozen=True)
class Layout:
    """Which chips of `grid` carry which of `count` bits, for one kind of mark (`purpose`)."""

    grid: Grid
    count: int
    purpose: int

    @property
    def spread(self) -> int:
        """Chips of one bit; 0 where the grid has too few."""
        return self.grid.chips // self.count

    @property
    def _key(self) -> int:
        return self.purpose << 16 | self.grid.key << 4

    def order(self) -> NDArray[np.intp]:
        """Row k holds the k-th chip of every bit."""
        used = self.spread * self.count
        return noise.order(self._key, self.grid.chips)[:used].reshape(self.spread, self.count)

    def signs(self) -> Plane:
        used = self.spread * self.count
        return noise.signs(self._key + 1, used).reshape(self.spread, self.count)

    def dither(self) -> Plane:
        """Where each bit's lattice begins, in steps."""
        return noise.fractions(self._key + 2, self.count)

    def even_step(self, error: float) -> float:
        """The step of a mean squared error of the marked picture."""
        return min(math.sqrt(12 * error * self.grid.cells / self.count), MOST_STEP)


@dataclass(frozen=True)
class Reading:
    """`soft` is 1 for a sure 0, -1 for a sure 1; `score` says by how many standard deviations the
    numbers lie closer to a lattice than those of an unmarked picture."""

    soft: Plane
    score: float


def write(image: Image.Image, layout: Layout, bits: Bits, error: float) -> Image.Image:
    """The marked picture; `error` is the mean squared error that may be made of it."""
    grid = layout.grid
    order, signs = layout.order(), layout.signs()
    root = np.float32(math.sqrt(layout.spread))
    plane = grid.plane(luma.read(image))
    weight = grid.masking(plane)[order]
    weight *= root / weight.sum(axis=0)
    step = min(layout.even_step(error / float((weight**2).sum(axis=0).mean())), MOST_STEP)
    weight *= signs
    numbers = (grid.read(plane)[order] * signs).sum(axis=0) / root
    offset = layout.dither() + bits * np.float32(0.5)
    target = (np.rint(numbers / step - offset) + offset) * np.float32(step)
    total = np.zeros((grid.height, grid.width), np.float32)
    for number in range(_PASSES):
        if number:
            reached = grid.read(grid.plane(luma.read(luma.add(image, total))))
            numbers = (reached[order] * signs).sum(axis=0) / root
        change = np.zeros(grid.chips, np.float32)
        change[order] = weight * (target - numbers)
        total += grid.write(change)
    return luma.add(image, total)


def read(chips: Plane, layout: Layout, errors: tuple[float, float]) -> Reading:
    """The bits in the chips of a picture; `errors` are the least and the greatest that the writer
    may have been given."""
    numbers = chips[layout.order()]
    numbers = (numbers * layout.signs()).sum(axis=0) / np.float32(math.sqrt(layout.spread))
    turn = np.float32(2 * math.pi)
    phase = layout.dither() * turn
    least = layout.even_step(errors[0]) * _UNEVEN * _DARKER
    most = layout.even_step(errors[1]) * _BRIGHTER
    best, fit = least, -math.inf
    for number in range(math.ceil(math.log(most / least) / math.log(_RATIO)) + 1):
        step = least * _RATIO**number
        angle = numbers[:_TOLD] * (turn / np.float32(step)) - phase[:_TOLD]
        found = float(np.cos(2 * angle).mean())
        if found > fit:
            best, fit = step, found
    soft = np.cos(numbers * (turn / np.float32(best)) - phase)
    return Reading(soft, fit * math.sqrt(2 * min(numbers.size, _TOLD)))

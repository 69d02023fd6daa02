"""Type 2, the full blind mark: a small picture in the picture, found again without the original.

The reader knows the mark's size, and so the layout; the grid and the lattice's step are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localcloud.imaging.blind import code, grids, modulation, noise
from localcloud.imaging.blind.grids import Grid
from localcloud.imaging.blind.luma import Grey
from localcloud.imaging.blind.modulation import Bits, Layout, Reading

# Mean squared errors of levels 1, 2 and 3: about 40, 39 and 38 dB.
ERRORS = (5.0, 6.2, 7.4)
_PURPOSE = 2
# No unmarked picture comes near to this.
_SURE = 12.0
Mark = NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What was read as the mark, and how sure it is that it was there: 0 to 100."""

    mark: Mark
    status: int


def capacity(grid: Grid) -> int:
    """About how many pixels a mark on `grid` can have."""
    return grid.chips // 2


def fits(grid: Grid, mark: Mark) -> bool:
    return _layout(grid, mark).spread > 0


def write(image: Image.Image, grid: Grid, mark: Mark, level: int) -> Image.Image:
    """The marked picture; `mark` (True is white) must fit `grid`."""
    bits = mark.reshape(-1) ^ _mask(mark)
    return modulation.write(image, _layout(grid, mark), code.encode(bits), ERRORS[level - 1])


def read(grey: Grey, mark: Mark) -> Found:
    """Look for a mark of the size of `mark`, and compare what is there with it.

    The status is the correlation of both in percent: 100 for equal pictures, about 0 for noise or
    another mark.
    """
    best: Reading | None = None
    for grid in grids.candidates(grey.shape[1], grey.shape[0]):
        layout = _layout(grid, mark)
        if not layout.spread:
            continue
        reading = modulation.read(grid.read(grid.plane(grey)), layout, (ERRORS[0], ERRORS[-1]))
        if best is None or reading.score > best.score:
            best = reading
        if best.score >= _SURE:
            break
    if best is None:
        return Found(np.zeros_like(mark), 0)
    bits = code.decode(best.soft, mark.size) ^ _mask(mark)
    return Found(bits.reshape(mark.shape), _status(bits, mark.reshape(-1)))


def _layout(grid: Grid, mark: Mark) -> Layout:
    return Layout(grid, code.length(mark.size), _PURPOSE)


def _mask(mark: Mark) -> Bits:
    """Makes noise of a mark that is black for the most part."""
    return noise.signs(_PURPOSE, mark.size) < 0


def _status(found: Bits, mark: Bits) -> int:
    """Pearson's correlation, as percent from 0."""
    if found.all() or not found.any():
        return 0
    return max(0, round(100 * float(np.corrcoef(found, mark)[0, 1])))

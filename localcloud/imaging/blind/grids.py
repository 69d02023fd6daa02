"""The grids that a mark can lie on, and the chips of each: places for a little energy.

A mark that nobody can place is lost. So it does not lie on the picture's own pixels but on a small
grid that the picture is averaged to: whatever size somebody gives the picture later, averaged to
the same grid it is the same again. Which grid it was is found by trying.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from localcloud.imaging.blind import blocks, luma
from localcloud.imaging.blind.blocks import Plane
from localcloud.imaging.blind.luma import Grey

SIDES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
# Rows and columns of the used coefficients: above what a slow change of light moves, below what a
# smaller size takes away.
_PLACES = tuple((row, total - row) for total in (2, 3, 4) for row in range(total + 1))
_ROWS, _COLUMNS = (np.array(axis) for axis in zip(*_PLACES, strict=True))
# Cells for each pixel of a side: with half the pixels the highest used frequency (4 of 8) is there.
_CELLS = 0.72
# The shortest side of a picture that carries a mark, in px.
LEAST_SIDE = math.ceil(SIDES[0] / _CELLS)
# What a reader supposes: that the picture was this many times larger or smaller, and that its ratio
# of sides was so.
_LARGER, _SMALLER = 3.0, 0.2
_RATIOS = (1.0, 0.9, 1.11, 0.8, 1.25, 0.7, 1.43)
_ABOVE = 1 + 1e-9


@dataclass(frozen=True)
class Grid:
    """`width` by `height` cells, both of `SIDES`."""

    width: int
    height: int

    @property
    def cells(self) -> int:
        return self.width * self.height

    @property
    def chips(self) -> int:
        return len(_PLACES) * self.cells // blocks.SIDE**2

    @property
    def key(self) -> int:
        """Tells grids apart in pseudo-random sequences; below 256."""
        return SIDES.index(self.width) << 4 | SIDES.index(self.height)

    def plane(self, grey: Grey | Plane) -> Plane:
        """A picture's luma averaged to the grid."""
        return luma.resized(grey, (self.width, self.height))

    def read(self, plane: Plane) -> Plane:
        """The chips of a plane of this grid, one after the other."""
        return blocks.forward(plane)[_ROWS, _COLUMNS].reshape(-1)

    def write(self, chips: Plane) -> Plane:
        """The plane that has these chips and nothing else."""
        rows, columns = self.height // blocks.SIDE, self.width // blocks.SIDE
        coefficients = np.zeros((5, 5, rows, columns), np.float32)
        coefficients[_ROWS, _COLUMNS] = chips.reshape(len(_PLACES), rows, columns)
        return blocks.backward(coefficients)

    def masking(self, plane: Plane) -> Plane:
        """How much of a change each chip's block takes unseen, 1 on average.

        Texture hides, smooth parts show; what is black or white cannot be changed both ways.
        """
        rows, columns = self.height // blocks.SIDE, self.width // blocks.SIDE
        cells = plane.reshape(rows, blocks.SIDE, columns, blocks.SIDE)
        room = np.minimum(cells, 255 - cells).clip(0, 8).mean(axis=(1, 3)) / 8
        weight = np.sqrt(cells.std(axis=(1, 3)).clip(0, 40) + 4) * (room + 0.02)
        weight /= weight.mean()
        return np.tile(weight.astype(np.float32).reshape(-1), len(_PLACES))


def choose(width: float, height: float) -> Grid | None:
    """The grid for a picture; None for one with a side below `LEAST_SIDE`."""
    sides = [
        max((side for side in SIDES if side <= pixels * _CELLS), default=0)
        for pixels in (width, height)
    ]
    return Grid(*sides) if all(sides) else None


def candidates(width: int, height: int) -> list[Grid]:
    """The grids that a mark in such a picture can lie on, the likeliest first."""
    found: dict[Grid, None] = {}
    for ratio in _RATIOS:
        stretch = math.sqrt(ratio)
        across, down = width * stretch, height / stretch
        most = _LARGER * max(stretch, 1 / stretch)
        # From one of these sizes to the next the grid is the same.
        scales = {1.0} | {side / _CELLS / pixels for side in SIDES for pixels in (across, down)}
        for scale in sorted(scales, key=lambda scale: abs(math.log(scale))):
            if _SMALLER <= scale <= most:
                grid = choose(across * scale * _ABOVE, down * scale * _ABOVE)
                if grid is not None:
                    found.setdefault(grid)
    return list(found)

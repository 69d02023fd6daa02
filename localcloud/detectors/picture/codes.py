"""QR codes and barcodes in a picture."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcloud.detectors.judgement import Location

if TYPE_CHECKING:
    import numpy as np

ENGINE, CATEGORY = "zxing", "QRCode"
# Codes that carry an address for whoever points a telephone at them; those on goods do not.
_MATRIX = ("QR", "Aztec", "DataMatrix")
_MOST_TEXT = 4096


@dataclass(frozen=True)
class Code:
    """`name` is "QRCode" for codes of the matrix kind, else the kind of barcode; `text` is what
    it says."""

    name: str
    text: str
    location: Location

    @property
    def is_matrix(self) -> bool:
        return self.name == CATEGORY


def available() -> bool:
    return all(importlib.util.find_spec(name) for name in ("zxingcpp", "numpy"))


def read(picture: np.ndarray) -> list[Code]:
    """The codes of an RGB picture (height x width x 3, 8 bits)."""
    import numpy as np
    import zxingcpp

    codes = []
    for found in zxingcpp.read_barcodes(np.ascontiguousarray(picture)):
        kind = str(found.format).rpartition(".")[2].replace("-", "").replace(" ", "")
        matrix = any(word in kind for word in _MATRIX)
        place = found.position
        corners = [
            (corner.x, corner.y)
            for corner in (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        ]
        codes.append(
            Code(CATEGORY if matrix else kind, found.text[:_MOST_TEXT], _location(corners))
        )
    return codes


def _location(corners: list[tuple[int, int]]) -> Location:
    (left, top), (right, lower), _, (below_x, below_y) = corners
    width, height = (
        math.dist((left, top), (right, lower)),
        math.dist((left, top), (below_x, below_y)),
    )
    x, y = (sum(corner[axis] for corner in corners) / 4 for axis in (0, 1))
    angle = -math.degrees(math.atan2(lower - top, right - left)) % 360
    return Location(
        round(x - width / 2, 1),
        round(y - height / 2, 1),
        round(width, 1),
        round(height, 1),
        round(angle, 1),
    )

"""`imageMogr2/blur`: Gaussian blur (CI manual 004:2643)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.rules.words import Verb

MAX_RADIUS = 50
MAX_SIGMA = 1000.0
_WORD = re.compile(r"(\d{1,2})x(\d{1,4}(?:\.\d{1,6})?)", re.ASCII)


@dataclass(frozen=True)
class Spread:
    """The kernel: `radius` in px (1 to 50) and `sigma`, its standard deviation in px (above 0)."""

    radius: int
    sigma: float


@dataclass(frozen=True)
class SpreadKind:
    allowed: str = (
        f"<radius>x<sigma> with radius from 1 to {MAX_RADIUS} and sigma above 0, "
        f"at most {MAX_SIGMA:g}"
    )

    def read(self, word: str) -> Spread:
        found = _WORD.fullmatch(word)
        if not found:
            raise ValueError(word)
        spread = Spread(int(found[1]), float(found[2]))
        if not 1 <= spread.radius <= MAX_RADIUS or not 0 < spread.sigma <= MAX_SIGMA:
            raise ValueError(word)
        return spread

    def write(self, value: Spread) -> str:
        return f"{value.radius}x{value.sigma:.6f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Blur:
    """Blur with a Gaussian kernel that ends at its radius."""

    spread: Spread


VERB = Verb("blur", Blur, SpreadKind())

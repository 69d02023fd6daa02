"""`imageMogr2/cut`: a rectangle at an offset from the top left (CI manual 004:1620)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.rules.kinds import read_integer
from shared.rules.words import Verb

_AREA = re.compile(r"([0-9]+)x([0-9]+)x([0-9]+)x([0-9]+)")


@dataclass(frozen=True)
class Area:
    """Width and height from 1 px; offsets to the right and down from 0 px."""

    width: int
    height: int
    dx: int
    dy: int


@dataclass(frozen=True)
class AreaKind:
    allowed: str = "<W>x<H>x<dx>x<dy> with W and H from 1"

    def read(self, word: str) -> Area:
        found = _AREA.fullmatch(word)
        if not found:
            raise ValueError(word)
        area = Area(*map(read_integer, found.groups()))
        if not (area.width and area.height):
            raise ValueError(word)
        return area

    def write(self, value: Area) -> str:
        return f"{value.width}x{value.height}x{value.dx}x{value.dy}"


@dataclass(frozen=True)
class Cut:
    """Keep `area`; what lies outside of the picture is left out."""

    area: Area


VERB = Verb("cut", Cut, AreaKind())

"""`imageMogr2/crop`: a part of the picture, placed by gravity (CI manual 004:1640)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.rules.kinds import GRAVITY, MARGIN, read_integer
from shared.rules.words import Parameter, Verb

_SIZE = re.compile(r"([0-9]*)x([0-9]*)")


@dataclass(frozen=True)
class Size:
    """Width and height in px; None keeps the source's side."""

    width: int | None
    height: int | None


@dataclass(frozen=True)
class SizeKind:
    allowed: str = "<W>x, x<H> or <W>x<H> with W and H from 1"

    def read(self, word: str) -> Size:
        found = _SIZE.fullmatch(word)
        if not found or word == "x":
            raise ValueError(word)
        size = Size(*(read_integer(text) if text else None for text in found.groups()))
        if 0 in (size.width, size.height):
            raise ValueError(word)
        return size

    def write(self, value: Size) -> str:
        return f"{value.width or ''}x{value.height or ''}"


@dataclass(frozen=True)
class Crop:
    """Keep `size`, starting from the `gravity` of the picture, `dx` and `dy` px inwards."""

    size: Size
    gravity: str = "northwest"
    dx: int = 0
    dy: int = 0


VERB = Verb(
    "crop",
    Crop,
    SizeKind(),
    (Parameter("gravity", GRAVITY), Parameter("dx", MARGIN), Parameter("dy", MARGIN)),
)

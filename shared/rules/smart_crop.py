"""`imageMogr2/scrop`: scale and crop around the faces (CI manual 004:1660)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.rules.kinds import read_integer
from shared.rules.words import Verb

_SIZE = re.compile(r"([0-9]+)x([0-9]+)")


@dataclass(frozen=True)
class Target:
    """Width and height of the result, from 1 px."""

    width: int
    height: int


@dataclass(frozen=True)
class TargetKind:
    allowed: str = "<W>x<H> with W and H from 1"

    def read(self, word: str) -> Target:
        found = _SIZE.fullmatch(word)
        if not found:
            raise ValueError(word)
        target = Target(*map(read_integer, found.groups()))
        if not (target.width and target.height):
            raise ValueError(word)
        return target

    def write(self, value: Target) -> str:
        return f"{value.width}x{value.height}"


@dataclass(frozen=True)
class SmartCrop:
    """Exactly `target`, scaled to cover it and placed on the faces; without one, the original."""

    target: Target


VERB = Verb("scrop", SmartCrop, TargetKind(), once=True)

"""`imageMogr2/size-limit`: a JPEG of at most so many bytes (CI manual 004:5137)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.rules.words import Verb

_WORD = re.compile(r"(\d{1,6})([km])(!?)", re.ASCII)
_UNITS = {"k": 1024, "m": 1024**2}


@dataclass(frozen=True)
class Bound:
    """`count` of `unit` (k for KB, m for MB); `or_source`, written `!`: the source's own bytes
    when the result is not smaller than it."""

    count: int
    unit: str
    or_source: bool = False

    @property
    def bytes(self) -> int:
        return self.count * _UNITS[self.unit]


@dataclass(frozen=True)
class BoundKind:
    allowed: str = "<n>k or <n>m with n from 1, then ! to compare with the source"

    def read(self, word: str) -> Bound:
        found = _WORD.fullmatch(word)
        if not found or int(found[1]) < 1:
            raise ValueError(word)
        return Bound(int(found[1]), found[2], bool(found[3]))

    def write(self, value: Bound) -> str:
        return f"{value.count}{value.unit}{'!' if value.or_source else ''}"


@dataclass(frozen=True)
class SizeLimit:
    """Lower the quality until the JPEG fits; ignored for other formats."""

    bound: Bound


VERB = Verb("size-limit", SizeLimit, BoundKind(), once=True)

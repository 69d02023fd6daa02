"""`imageMogr2/quality`, `rquality` and `lquality` (CI manual 004:2408)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Integer
from shared.rules.words import Verb

PERCENT = Integer(0, 100)


@dataclass(frozen=True)
class Level:
    """A quality from 0 to 100; `forced` (written `90!`) may also raise the source's."""

    value: int
    forced: bool = False


@dataclass(frozen=True)
class LevelKind:
    allowed: str = f"{PERCENT.allowed}, then ! to force it"

    def read(self, word: str) -> Level:
        return Level(PERCENT.read(word.removesuffix("!")), word.endswith("!"))

    def write(self, value: Level) -> str:
        return f"{value.value}{'!' if value.forced else ''}"


LEVEL = LevelKind()


@dataclass(frozen=True)
class Quality:
    """The smaller of the source's quality and `level`, or `level` itself when forced."""

    level: Level


@dataclass(frozen=True)
class RelativeQuality:
    """`percent` of the source's quality."""

    percent: int


@dataclass(frozen=True)
class LeastQuality:
    """At least `value`."""

    value: int


VERBS = (
    Verb("quality", Quality, LEVEL, once=True),
    Verb("rquality", RelativeQuality, PERCENT, once=True),
    Verb("lquality", LeastQuality, PERCENT, once=True),
)

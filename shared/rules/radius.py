"""`imageMogr2/iradius` and `rradius`: a round picture, rounded corners (CI manual 004:1650)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Integer
from shared.rules.words import Verb

_RADIUS = Integer(1, 30000, "px, below half of the shorter side")


@dataclass(frozen=True)
class InnerRadius:
    """Keep the circle of `radius` px about the centre."""

    radius: int


@dataclass(frozen=True)
class RoundRadius:
    """Round the corners with `radius` px."""

    radius: int


VERBS = (Verb("iradius", InnerRadius, _RADIUS), Verb("rradius", RoundRadius, _RADIUS))

"""`imageMogr2/rotate`: turn clockwise (CI manual 004:1976)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Integer
from shared.rules.words import Verb


@dataclass(frozen=True)
class Rotate:
    """Turn clockwise by `degrees`, 0 to 360; the canvas grows to hold the whole picture."""

    degrees: int


VERB = Verb("rotate", Rotate, Integer(0, 360, "degrees"))

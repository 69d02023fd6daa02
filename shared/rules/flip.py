"""`imageMogr2/flip`: mirror (CI manual 004:1976)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Choice
from shared.rules.words import Verb


@dataclass(frozen=True)
class Flip:
    """`vertical` swaps top and bottom, `horizontal` swaps left and right."""

    direction: str


VERB = Verb("flip", Flip, Choice(("vertical", "horizontal")))

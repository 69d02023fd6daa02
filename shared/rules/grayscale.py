"""`imageMogr2/grayscale` (CI manual 004:3455)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import FLAG
from shared.rules.words import Verb


@dataclass(frozen=True)
class Grayscale:
    """Shades of grey when `on`, unchanged otherwise."""

    on: bool


VERB = Verb("grayscale", Grayscale, FLAG)

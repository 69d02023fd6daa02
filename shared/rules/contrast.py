"""`imageMogr2/contrast`: contrast (CI manual 004:3060)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import SHARE
from shared.rules.words import Verb


@dataclass(frozen=True)
class Contrast:
    """More above 0, less below; -100 leaves a flat grey."""

    value: int


VERB = Verb("contrast", Contrast, SHARE)

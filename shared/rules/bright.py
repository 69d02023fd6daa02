"""`imageMogr2/bright`: brightness (CI manual 004:2848)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import SHARE
from shared.rules.words import Verb


@dataclass(frozen=True)
class Bright:
    """Lighter above 0, darker below, in percent of the full range."""

    value: int


VERB = Verb("bright", Bright, SHARE)

"""`imageMogr2/sharpen` (CI manual 004:3269)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Integer
from shared.rules.words import Verb


@dataclass(frozen=True)
class Sharpen:
    """Sharpen by `value`, 10 to 300; the manual advises 70."""

    value: int


VERB = Verb("sharpen", Sharpen, Integer(10, 300))

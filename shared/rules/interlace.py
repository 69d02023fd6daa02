"""`imageMogr2/interlace`: progressive JPEG (CI manual 004:2190)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import FLAG
from shared.rules.words import Verb


@dataclass(frozen=True)
class Interlace:
    """Progressive when `on`; ignored unless the result is a JPEG."""

    on: bool


VERB = Verb("interlace", Interlace, FLAG, once=True)

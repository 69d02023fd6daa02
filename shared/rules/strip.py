"""`imageMogr2/strip`: leave metadata out (CI manual 004:4487)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.words import Verb


@dataclass(frozen=True)
class Strip:
    """The result carries no EXIF and no other metadata."""


VERB = Verb("strip", Strip, once=True)

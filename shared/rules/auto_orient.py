"""`imageMogr2/auto-orient`: turn upright as EXIF says (CI manual 004:1976)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.words import Verb


@dataclass(frozen=True)
class AutoOrient:
    """Turn the pixels by EXIF Orientation, and write Orientation 1."""


VERB = Verb("auto-orient", AutoOrient, once=True)

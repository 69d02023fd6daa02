"""`imageMogr2/cgif`: fewer frames of an animation (CI manual 004:2190)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Integer
from shared.rules.words import Verb

DEFAULT_FRAMES = 30


@dataclass(frozen=True)
class Cgif:
    """Keep `frames` of a GIF source, 1 meaning the default of 30; ignored for other sources."""

    frames: int

    @property
    def kept(self) -> int:
        return DEFAULT_FRAMES if self.frames == 1 else self.frames


VERB = Verb("cgif", Cgif, Integer(1, 100, "frames"), once=True)

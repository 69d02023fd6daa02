"""`imageMogr2/format`: the result's format (CI manual 004:2190)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Choice
from shared.rules.words import Verb

_PLAIN = ("jpg", "png", "webp", "gif", "bmp")
_ADVANCED = ("avif", "heif", "heic", "tpg")


@dataclass(frozen=True)
class Format:
    """`yjpeg` is a JPEG made as small as its quality allows; `avif`, `heif` (or `heic`) and `tpg`
    are advanced compression (004:6126-6905), `svgc` a smaller SVG from an SVG (004:6906)."""

    name: str


VIEW_FORMAT = Choice(_PLAIN)
VERB = Verb("format", Format, Choice((*_PLAIN, "yjpeg", *_ADVANCED, "svgc")), once=True)

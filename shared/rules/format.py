"""`imageMogr2/format`: the result's format (CI manual 004:2190)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.kinds import Choice, UnsupportedValueError
from shared.rules.words import Verb

FORMATS = ("jpg", "png", "webp", "gif", "bmp")
UNSUPPORTED = ("heif", "tpg", "svgc")


@dataclass(frozen=True)
class FormatKind(Choice):
    """A format of CI that is not built yet is told apart from a word that is no format."""

    def read(self, word: str) -> str:
        if word.lower() in UNSUPPORTED:
            raise UnsupportedValueError(word)
        return super().read(word)


@dataclass(frozen=True)
class Format:
    """`yjpeg` is a JPEG made as small as its quality allows; `avif` is advanced compression
    (004:6517)."""

    name: str


VIEW_FORMAT = FormatKind(FORMATS)
VERB = Verb("format", Format, FormatKind((*FORMATS, "yjpeg", "avif")), once=True)

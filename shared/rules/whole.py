"""Rules that stand alone: information about a picture, and a style by its name."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.errors import RuleError
from shared.rules.words import Words

IMAGE_INFO = "imageInfo"
STYLE = "style"
UNSUPPORTED = ("exif", "imageAve")
_MAX_STYLE_NAME = 128


@dataclass(frozen=True)
class ImageInfo:
    """`imageInfo`: format, size and more, as JSON (CI manual 004:4183)."""

    def __str__(self) -> str:
        return IMAGE_INFO


@dataclass(frozen=True)
class StyleName:
    """`style/<name>`: a rule stored in the bucket (CI manual 004:5258)."""

    name: str

    def __str__(self) -> str:
        return f"{STYLE}/{self.name}"


def read_image_info(words: Words) -> ImageInfo:
    word = words.peek()
    if word is not None:
        raise RuleError(word.position, word.text, "nothing after imageInfo", where=IMAGE_INFO)
    return ImageInfo()


def read_style(words: Words) -> StyleName:
    word = words.take()
    more = words.peek()
    if not 1 <= len(word.text) <= _MAX_STYLE_NAME or not word.text.isprintable() or more:
        wrong = more or word
        allowed = f"one name of 1 to {_MAX_STYLE_NAME} printable characters without /"
        raise RuleError(wrong.position, wrong.text, allowed, where=STYLE)
    return StyleName(word.text)

"""Rules that stand alone: information about a picture, and a style by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.rules.errors import RuleError
from shared.rules.words import Words

IMAGE_INFO = "imageInfo"
IMAGE_AVE = "imageAve"
EXIF = "exif"
STYLE = "style"
_MAX_STYLE_NAME = 128


@dataclass(frozen=True)
class ImageInfo:
    """`imageInfo`: format, size and more, as JSON (CI manual 004:4183)."""

    def __str__(self) -> str:
        return IMAGE_INFO


@dataclass(frozen=True)
class ImageAve:
    """`imageAve`: the average colour, as JSON (CI manual 004:4392)."""

    def __str__(self) -> str:
        return IMAGE_AVE


@dataclass(frozen=True)
class Exif:
    """`exif`: the metadata, as JSON (CI manual 004:4304)."""

    def __str__(self) -> str:
        return EXIF


@dataclass(frozen=True)
class StyleName:
    """`style/<name>`: a rule stored in the bucket (CI manual 004:5258)."""

    name: str

    def __str__(self) -> str:
        return f"{STYLE}/{self.name}"


Information = ImageInfo | ImageAve | Exif
_INFORMATION: dict[str, Callable[[], Information]] = {
    IMAGE_INFO: ImageInfo,
    IMAGE_AVE: ImageAve,
    EXIF: Exif,
}


def information_reader(name: str) -> Callable[[Words], Information]:
    """A reader for `name`, which takes nothing after it."""

    def read(words: Words) -> Information:
        word = words.peek()
        if word is not None:
            raise RuleError(word.position, word.text, f"nothing after {name}", where=name)
        return _INFORMATION[name]()

    return read


READERS = {name: information_reader(name) for name in _INFORMATION}


def read_style(words: Words) -> StyleName:
    word = words.take()
    more = words.peek()
    if not 1 <= len(word.text) <= _MAX_STYLE_NAME or not word.text.isprintable() or more:
        wrong = more or word
        allowed = f"one name of 1 to {_MAX_STYLE_NAME} printable characters without /"
        raise RuleError(wrong.position, wrong.text, allowed, where=STYLE)
    return StyleName(word.text)

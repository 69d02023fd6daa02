"""`watermark/3/...` and `watermark/4/...`: blind marks, added and extracted (manual 004:7640)."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any

from shared.rules.errors import RuleError
from shared.rules.image_watermark import AddressKind
from shared.rules.kinds import TEXT, Integer
from shared.rules.words import Parameter, Words, by_name, take_parameters, write_parameters

ADD, EXTRACT = "watermark/3", "watermark/4"
HALF, FULL, WITH_TEXT = 1, 2, 3
MAX_TEXT = 128
# The manual names letters and digits; its own sample text, `tencent cloud`, has a space.
_CHARACTERS = frozenset(string.ascii_letters + string.digits + " ")


@dataclass(frozen=True)
class PlainTextKind:
    """What a text mark can hold (004:7684)."""

    allowed: str = f"1 to {MAX_TEXT} letters A-Z a-z, digits and spaces, in URL-safe base64"

    def read(self, word: str) -> str:
        text = TEXT.read(word)
        if len(text) > MAX_TEXT or not _CHARACTERS.issuperset(text) or text != text.strip():
            raise ValueError(word)
        return text

    def write(self, value: str) -> str:
        return TEXT.write(value)


_TYPE = Parameter("type", Integer(1, 3))
_IMAGE = Parameter("image", AddressKind())
_TEXT = Parameter("text", PlainTextKind())
_LEVEL = Parameter("level", Integer(1, 3))
_ADD = (_IMAGE, _TEXT, _LEVEL)
_EXTRACT = (_IMAGE,)


@dataclass(frozen=True)
class BlindWatermark:
    """Hide a mark: `type` 1 half blind, 2 full blind, 3 text.

    Types 1 and 2 hide the picture at `image`, type 3 hides `text`; type 2 has a `level` from 1,
    least seen, to 3, most robust. What another type uses may be written and has no effect.
    """

    type: int
    image: str | None = None
    text: str | None = None
    level: int = 1

    @property
    def picture(self) -> str | None:
        """The address of the picture that must be at hand."""
        return None if self.type == WITH_TEXT else self.image

    def __str__(self) -> str:
        return "/".join([ADD, "type", str(self.type), *write_parameters(self, _ADD)])


@dataclass(frozen=True)
class BlindExtraction:
    """Find a mark of `type`. `image` is the original for type 1, the mark for type 2.

    The result is a picture of what was found. Not for downloads.
    """

    type: int
    image: str | None = None

    @property
    def picture(self) -> str | None:
        """The address of the picture that must be at hand."""
        return None if self.type == WITH_TEXT else self.image

    def __str__(self) -> str:
        return "/".join([EXTRACT, "type", str(self.type), *write_parameters(self, _EXTRACT)])


def read_add(words: Words) -> BlindWatermark:
    """Read everything after `watermark/3/`. Raises RuleError."""
    mark = BlindWatermark(**_take(words, (_TYPE, *_ADD), ADD))
    if mark.type == WITH_TEXT and mark.text is None:
        raise RuleError(words.end, "", f"text/<{_TEXT.kind.allowed}>", where=ADD)
    _check_image(mark, words, ADD)
    return mark


def read_extraction(words: Words) -> BlindExtraction:
    """Read everything after `watermark/4/`. Raises RuleError."""
    extraction = BlindExtraction(**_take(words, (_TYPE, *_EXTRACT), EXTRACT))
    _check_image(extraction, words, EXTRACT)
    return extraction


def _take(words: Words, parameters: tuple[Parameter, ...], where: str) -> dict[str, Any]:
    known = by_name(parameters)
    values = take_parameters(words, known, where)
    word = words.peek()
    if word is not None:
        raise RuleError(word.position, word.text, ", ".join(known), where=where)
    if _TYPE.field not in values:
        raise RuleError(words.end, "", f"type/<{_TYPE.kind.allowed}>", where=where)
    return values


def _check_image(stage: BlindWatermark | BlindExtraction, words: Words, where: str) -> None:
    if stage.type != WITH_TEXT and stage.image is None:
        raise RuleError(words.end, "", f"image/<{_IMAGE.kind.allowed}>", where=where)

"""The kinds of values that stand in rules. Each knows its words, both ways, and says its range."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Protocol

GRAVITIES = (
    "northwest", "north", "northeast",
    "west", "center", "east",
    "southwest", "south", "southeast",
)  # fmt: skip
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_BASE64 = re.compile(r"[A-Za-z0-9_+-]+={0,2}")
_MAX_DIGITS = 9


class Kind(Protocol):
    """Reads one word of a rule (ValueError when it is not of this kind) and writes it back."""

    @property
    def allowed(self) -> str: ...

    def read(self, word: str) -> Any: ...

    def write(self, value: Any) -> str: ...


def read_integer(word: str) -> int:
    """A plain decimal number of at most nine digits; no sign, no other script's digits."""
    if not (word.isascii() and word.isdigit() and len(word) <= _MAX_DIGITS):
        raise ValueError(word)
    return int(word)


@dataclass(frozen=True)
class Integer:
    """A whole number from `least` to `most`, both included."""

    least: int
    most: int
    unit: str = ""

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}{self.unit and ' ' + self.unit}"

    def read(self, word: str) -> int:
        value = read_integer(word)
        if not self.least <= value <= self.most:
            raise ValueError(word)
        return value

    def write(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True)
class Signed(Integer):
    """A whole number that may have a minus."""

    def read(self, word: str) -> int:
        value = -read_integer(word[1:]) if word.startswith("-") else read_integer(word)
        if not self.least <= value <= self.most:
            raise ValueError(word)
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words, compared without case and written in lower case."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return ", ".join(self.words)

    def read(self, word: str) -> str:
        value = word.lower()
        if value not in self.words:
            raise ValueError(word)
        return value

    def write(self, value: str) -> str:
        return value


@dataclass(frozen=True)
class Flag:
    """0 or 1."""

    allowed: str = "0 or 1"

    def read(self, word: str) -> bool:
        if word not in ("0", "1"):
            raise ValueError(word)
        return word == "1"

    def write(self, value: bool) -> str:
        return "1" if value else "0"


@dataclass(frozen=True)
class Text:
    """UTF-8 text in URL-safe base64; padding may be left out, and is when written."""

    allowed: str = "text without control characters, in URL-safe base64 (A-Z a-z 0-9 - _)"

    def read(self, word: str) -> str:
        if not _BASE64.fullmatch(word):
            raise ValueError(word)
        bare = word.rstrip("=").replace("+", "-")
        try:
            text = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError(word) from error
        if not text or any(ord(character) < 32 or ord(character) == 127 for character in text):
            raise ValueError(word)
        return text

    def write(self, value: str) -> str:
        return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


@dataclass(frozen=True)
class Color:
    """`#RRGGBB` in URL-safe base64; held in capitals."""

    allowed: str = "a colour #RRGGBB in URL-safe base64, such as I0ZGRkZGRg for #FFFFFF"

    def read(self, word: str) -> str:
        text = Text().read(word)
        if not _COLOR.fullmatch(text):
            raise ValueError(word)
        return text.upper()

    def write(self, value: str) -> str:
        return Text().write(value)


GRAVITY = Choice(GRAVITIES)
FLAG = Flag()
TEXT = Text()
COLOR = Color()
MARGIN = Integer(0, 30000, "px")
SHARE = Signed(-100, 100, "percent")

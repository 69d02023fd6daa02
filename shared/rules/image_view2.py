"""`imageView2/<mode>/...`: ready-made thumbnails (CI manual 004:4683)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.errors import RuleError
from shared.rules.format import VIEW_FORMAT
from shared.rules.kinds import Integer
from shared.rules.quality import LEVEL, PERCENT, Level
from shared.rules.words import Parameter, Words, by_name, take_parameters, write_parameters

NAME = "imageView2"
MODES = ("1", "2", "3", "4", "5")
_SIDE = Integer(1, 999_999_999, "px")
PARAMETERS = (
    Parameter("w", _SIDE),
    Parameter("h", _SIDE),
    Parameter("format", VIEW_FORMAT),
    Parameter("q", LEVEL),
    Parameter("rq", PERCENT),
    Parameter("lq", PERCENT),
)
_BY_NAME = by_name(PARAMETERS)
_ALLOWED = ", ".join(_BY_NAME)


@dataclass(frozen=True)
class ImageView2:
    """`mode` 1 to 5, or None to change only format and quality; `w` and `h` in px.

    In modes 4 and 5 `w` is the long edge and `h` the short one. `q`, `rq` and `lq` mean what
    quality, rquality and lquality of imageMogr2 mean.
    """

    mode: int | None
    w: int | None = None
    h: int | None = None
    format: str | None = None
    q: Level | None = None
    rq: int | None = None
    lq: int | None = None

    def __str__(self) -> str:
        mode = [] if self.mode is None else [str(self.mode)]
        return "/".join([NAME, *mode, *write_parameters(self, PARAMETERS)])


def read(words: Words) -> ImageView2:
    """Read everything after `imageView2/`. Raises RuleError."""
    mode = None
    first = words.peek()
    if first is not None and first.text not in _BY_NAME:
        if first.text not in MODES:
            raise RuleError(
                first.position, first.text, f"a mode from 1 to 5, or {_ALLOWED}", where=NAME
            )
        mode = int(words.take().text)
    values = take_parameters(words, _BY_NAME, NAME)
    word = words.peek()
    if word is not None or not values:
        wrong = words.take()
        raise RuleError(wrong.position, wrong.text, _ALLOWED, where=NAME)
    if mode is None and ("w" in values or "h" in values):
        at = first.position if first else words.end
        raise RuleError(at, first.text if first else "", "a mode from 1 to 5 first", where=NAME)
    return ImageView2(mode, **values)

"""`watermark/2/...`: text on the picture (CI manual 004:3872)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.errors import RuleError
from shared.rules.kinds import COLOR, FLAG, GRAVITY, MARGIN, TEXT, Integer
from shared.rules.words import Parameter, Words, by_name, take_parameters, write_parameters

WHERE = "watermark/2"
PARAMETERS = (
    Parameter("font", TEXT),
    Parameter("fontsize", Integer(1, 1000)),
    Parameter("fill", COLOR),
    Parameter("dissolve", Integer(1, 100)),
    Parameter("gravity", GRAVITY),
    Parameter("dx", MARGIN),
    Parameter("dy", MARGIN),
    Parameter("batch", FLAG),
    Parameter("degree", Integer(0, 360, "degrees")),
    Parameter("shadow", Integer(0, 100)),
)
_TEXT = Parameter("text", TEXT)
_BY_NAME = by_name((_TEXT, *PARAMETERS))
_ALLOWED = ", ".join(_BY_NAME)


@dataclass(frozen=True)
class TextWatermark:
    """Draw `text` at `gravity`, `dx` and `dy` px inwards.

    `fontsize` in points (1 point is 1 px), `dissolve` is the opacity and `shadow` the shadow's
    strength in percent. `batch` repeats the text over the whole picture, turned by `degree`.
    """

    text: str
    font: str = "tahoma.ttf"
    fontsize: int = 13
    fill: str = "#3D3D3D"
    dissolve: int = 90
    gravity: str = "southeast"
    dx: int = 0
    dy: int = 0
    batch: bool = False
    degree: int = 0
    shadow: int = 0

    def __str__(self) -> str:
        text = [*WHERE.split("/"), "text", TEXT.write(self.text)]
        return "/".join(text + write_parameters(self, PARAMETERS))


def read(words: Words) -> TextWatermark:
    """Read everything after `watermark/2/`. Raises RuleError."""
    values = take_parameters(words, _BY_NAME, WHERE)
    word = words.peek()
    if word is not None:
        raise RuleError(word.position, word.text, _ALLOWED, where=WHERE)
    if "text" not in values:
        raise RuleError(words.end, "", "text/<text in URL-safe base64>", where=WHERE)
    return TextWatermark(**values)

"""`imageMogr2/thumbnail`: every geometry form (CI manual 004:1269)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from shared.rules.kinds import COLOR, FLAG, read_integer
from shared.rules.words import Parameter, Verb

MAX_SCALE = 999


class Form(Enum):
    """How the numbers of a geometry are meant. The value is the form's own spelling."""

    SCALE = "!{scale}p"
    SCALE_WIDTH = "!{scale}px"
    SCALE_HEIGHT = "!x{scale}p"
    WIDTH = "{width}x"
    HEIGHT = "x{height}"
    FIT = "{width}x{height}"
    SHRINK = "{width}x{height}>"
    ENLARGE = "{width}x{height}<"
    COVER = "!{width}x{height}r"
    FORCE = "{width}x{height}!"
    AREA = "{area}@"


@dataclass(frozen=True)
class Geometry:
    """A form and its numbers: `scale` in percent, `width` and `height` in px, `area` in pixels.

    The numbers that a form does not name are 0.
    """

    form: Form
    width: int = 0
    height: int = 0
    scale: int = 0
    area: int = 0


def _pattern(form: Form) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[0-9]+)", re.escape(form.value)))


_PATTERNS = tuple((form, _pattern(form)) for form in Form)


@dataclass(frozen=True)
class GeometryKind:
    """Sizes from 1 up; what is too large for the service is refused when the rule runs."""

    allowed: str = (
        "one of !<S>p, !<S>px, !x<S>p, <W>x, x<H>, <W>x<H>, <W>x<H>>, <W>x<H><, !<W>x<H>r, "
        f"<W>x<H>!, <A>@ with S from 1 to {MAX_SCALE} and W, H, A from 1"
    )

    def read(self, word: str) -> Geometry:
        for form, pattern in _PATTERNS:
            if found := pattern.fullmatch(word):
                numbers = {name: read_integer(text) for name, text in found.groupdict().items()}
                if min(numbers.values()) < 1 or numbers.get("scale", 1) > MAX_SCALE:
                    break
                return Geometry(form, **numbers)
        raise ValueError(word)

    def write(self, value: Geometry) -> str:
        return value.form.value.format(
            width=value.width, height=value.height, scale=value.scale, area=value.area
        )


@dataclass(frozen=True)
class Thumbnail:
    """Scale to `geometry`; with `pad`, centred on a canvas of that size filled with `color`."""

    geometry: Geometry
    pad: bool = False
    color: str = "#FFFFFF"


def _check(operation: Thumbnail) -> str:
    padded = operation.pad or operation.color != Thumbnail.color
    return "<W>x<H> before pad or color" if padded and operation.geometry.form != Form.FIT else ""


VERB = Verb(
    "thumbnail",
    Thumbnail,
    GeometryKind(),
    (Parameter("pad", FLAG), Parameter("color", COLOR)),
    check=_check,
)

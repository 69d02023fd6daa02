"""`watermark/1/...`: a picture on the picture (CI manual 004:3539)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules.errors import RuleError
from shared.rules.kinds import FLAG, GRAVITY, MARGIN, TEXT, Integer
from shared.rules.words import Parameter, Words, by_name, take_parameters, write_parameters

WHERE = "watermark/1"
MAX_AREA_SHARE = 250


@dataclass(frozen=True)
class AddressKind:
    """The address of a mark: CI takes `http://` and nothing else (004:3745)."""

    allowed: str = "an address that starts with http://, in URL-safe base64 (A-Z a-z 0-9 - _)"

    def read(self, word: str) -> str:
        address = TEXT.read(word)
        if not address.startswith("http://"):
            raise ValueError(word)
        return address

    def write(self, value: str) -> str:
        return TEXT.write(value)


_IMAGE = Parameter("image", AddressKind())
PARAMETERS = (
    Parameter("gravity", GRAVITY),
    Parameter("dx", MARGIN),
    Parameter("dy", MARGIN),
    Parameter("blogo", Integer(1, 2)),
    Parameter("scatype", Integer(1, 3)),
    Parameter("spcent", Integer(1, 1000, "per mille")),
    Parameter("dissolve", Integer(1, 100)),
    Parameter("batch", FLAG),
    Parameter("degree", Integer(0, 360, "degrees")),
)
_BY_NAME = by_name((_IMAGE, *PARAMETERS))
_ALLOWED = ", ".join(_BY_NAME)


@dataclass(frozen=True)
class ImageWatermark:
    """Put the picture at `image` at `gravity`, `dx` and `dy` px inwards.

    `scatype` scales the mark to `spcent` per mille of the source's width (1), height (2) or area
    (3). `blogo` fits a large mark to the source by scaling (1) or cropping (2). `dissolve` is the
    opacity in percent. `batch` repeats the mark over the whole picture, turned by `degree`.
    """

    image: str
    gravity: str = "southeast"
    dx: int = 0
    dy: int = 0
    blogo: int | None = None
    scatype: int | None = None
    spcent: int | None = None
    dissolve: int = 90
    batch: bool = False
    degree: int = 0

    def __str__(self) -> str:
        image = [*WHERE.split("/"), _IMAGE.name, _IMAGE.kind.write(self.image)]
        return "/".join(image + write_parameters(self, PARAMETERS))


def read(words: Words) -> ImageWatermark:
    """Read everything after `watermark/1/`. Raises RuleError."""
    values = take_parameters(words, _BY_NAME, WHERE)
    word = words.peek()
    if word is not None:
        raise RuleError(word.position, word.text, _ALLOWED, where=WHERE)
    if "image" not in values:
        raise RuleError(words.end, "", f"image/<{_IMAGE.kind.allowed}>", where=WHERE)
    mark = ImageWatermark(**values)
    if (mark.scatype is None) != (mark.spcent is None):
        raise RuleError(words.end, "", "scatype and spcent together", where=WHERE)
    if mark.scatype == 3 and (mark.spcent or 0) > MAX_AREA_SHARE:
        allowed = f"spcent from 1 to {MAX_AREA_SHARE} with scatype/3"
        raise RuleError(words.end, "", allowed, where=WHERE)
    return mark

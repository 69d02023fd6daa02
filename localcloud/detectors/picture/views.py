"""A frame -> the ways in which it can be seen, each opaque.

What is drawn on transparency is seen on a light page, on a dark one, or by a program that knows no
transparency: dark text is not there on black, light text not on white, and what lies behind full
transparency only without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, ImageStat

from localcloud.imaging.source import normalised

_DARK = 128
_FAINT = 32  # of 255: what is drawn weaker is not seen on any ground
_FLAT = 8  # levels: colours that differ by less show nothing


def views(image: Image.Image) -> Iterator[Image.Image]:
    """The picture as RGB, on each ground that it takes to see all that is drawn.

    Raises ImageError for a damaged picture.
    """
    plain = normalised(image)
    if plain.mode != "RGBA":
        yield plain.convert("RGB")
        return
    alpha = plain.getchannel("A")
    if alpha.getextrema() == (255, 255):
        yield plain.convert("RGB")
        return
    grounds = _grounds(plain.convert("L"), alpha)
    for colour in grounds:
        ground = Image.new("RGB", plain.size, colour)
        ground.paste(plain, mask=alpha)
        yield ground
    faint = alpha.point(lambda value: 255 if value < _FAINT else 0)
    hidden = ImageStat.Stat(plain.convert("RGB"), faint)
    if any(high - low >= _FLAT for low, high in hidden.extrema):
        yield plain.convert("RGB")


def _grounds(light: Image.Image, alpha: Image.Image) -> tuple[str, ...]:
    drawn = ImageStat.Stat(light, alpha.point(lambda value: 255 if value else 0))
    if not drawn.count[0]:
        return ("white",)
    [(darkest, lightest)] = drawn.extrema
    return (*(("white",) if darkest <= _DARK else ()), *(("black",) if lightest > _DARK else ()))

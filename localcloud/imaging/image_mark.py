"""`watermark/1`: a picture on a picture (CI manual 004:3696)."""

from __future__ import annotations

import math

from PIL import Image

from localcloud.imaging.errors import BAD_FORMAT, ImageError
from localcloud.imaging.geometry import Size, at_gravity, checked, crop, overlap, scaled
from localcloud.imaging.limits import Limits
from localcloud.imaging.source import frame_count, open_image
from localcloud.imaging.tiling import tiled
from shared.rules import ImageWatermark
from shared.rules import Size as CropSize


def open_mark(data: bytes, limits: Limits) -> Image.Image:
    """The mark, its header read. Raises ImageError; animated marks are refused (004:3560)."""
    image = open_image(data, limits)
    if frame_count(image) > 1:
        raise ImageError(BAD_FORMAT, "the watermark is animated: a still picture is expected")
    return image


def draw_image(
    image: Image.Image, mark: ImageWatermark, stamp: Image.Image, limits: Limits
) -> Image.Image:
    """The picture with `stamp` on it, in any mode; L becomes RGB, alpha stays."""
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    image = image.copy()
    size = Size(*image.size)
    stamp = _resized(stamp.convert("RGBA"), size, mark, limits)
    if mark.dissolve < 100:
        alpha = stamp.getchannel("A").point(lambda value: round(value * mark.dissolve / 100))
        stamp.putalpha(alpha)
    if mark.batch:
        stamp = tiled(stamp, size, mark.degree, (mark.dx, mark.dy))
        left, top = 0, 0
    else:
        left, top = at_gravity(size, Size(*stamp.size), mark.gravity, mark.dx, mark.dy)
    found = overlap(size, Size(*stamp.size), (left, top))
    if found is None:
        return image
    region, visible = found
    part = stamp.crop(visible)
    if image.mode == "RGB":
        image.paste(part, region, part)
        return image
    under = image.crop(region)
    under.alpha_composite(part)
    image.paste(under, region)
    return image


def _resized(stamp: Image.Image, size: Size, mark: ImageWatermark, limits: Limits) -> Image.Image:
    """Scaled by `scatype`, then fitted by `blogo`; always a copy."""
    # A narrow mark scaled to the source's width could be of any height.
    wanted = checked(stamp_size(Size(*stamp.size), size, mark), limits)
    stamp = stamp.resize(wanted, Image.Resampling.LANCZOS)
    if mark.blogo == 2 and (stamp.width > size.width or stamp.height > size.height):
        stamp = stamp.crop(crop(Size(*stamp.size), CropSize(*size), "center"))
    return stamp


def stamp_size(stamp: Size, size: Size, mark: ImageWatermark) -> Size:
    """What `scatype` with `spcent`, or `blogo/1`, makes of a mark's size."""
    factor = 1.0
    share = (mark.spcent or 0) / 1000
    if mark.scatype == 1:
        factor = size.width * share / stamp.width
    elif mark.scatype == 2:
        factor = size.height * share / stamp.height
    elif mark.scatype == 3:
        factor = math.sqrt(size.width * size.height * share / (stamp.width * stamp.height))
    if mark.blogo == 1:
        factor = min(factor, size.width / stamp.width, size.height / stamp.height)
    return scaled(stamp, factor)

"""PNGs of 16 bits keep them, where a rule asks for nothing but shape.

Pillow reads 16-bit colour as 8; libvips does not. Whatever changes colours, draws, or ends in
another format works on 8 bits, which is what all other formats here hold.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PIL import Image

from localcloud.imaging import deadline, geometry
from localcloud.imaging.encode import Encoding
from localcloud.imaging.geometry import Size
from localcloud.imaging.limits import Limits
from localcloud.imaging.source import decoding
from localcloud.imaging.stages import wants_upright
from shared import rules

if TYPE_CHECKING:
    import pyvips

_FULL = 65535
_RAW = ";16B"
_TURNS = {0: "d0", 90: "d90", 180: "d180", 270: "d270", 360: "d0"}
_SHAPES = (rules.Thumbnail, rules.Crop, rules.Cut, rules.Rotate, rules.Flip)
_SILENT = (rules.AutoOrient, rules.Strip, rules.Format, rules.Interlace, rules.Quality,
           rules.RelativeQuality, rules.LeastQuality, rules.Cgif)  # fmt: skip


def is_deep(image: Image.Image) -> bool:
    """Whether the file has 16 bits for each colour, whatever its pixels are read as."""
    return image.format == "PNG" and any(_RAW in str(tile[3]) for tile in image.tile)


def keeps(image: Image.Image, rule: rules.Rule, encoding: Encoding) -> bool:
    """Whether the result has 16 bits too."""
    return encoding.format == "png" and is_deep(image) and all(map(_is_shape, rule.stages))


def _is_shape(stage: rules.Stage) -> bool:
    if isinstance(stage, rules.ImageView2):
        return True
    return isinstance(stage, rules.ImageMogr2) and all(map(_is_plain, stage.operations))


def _is_plain(operation: rules.Operation) -> bool:
    if isinstance(operation, rules.Thumbnail):
        return not operation.pad
    if isinstance(operation, rules.Rotate):
        return operation.degrees in _TURNS
    return isinstance(operation, _SHAPES + _SILENT)


def shaped(source: bytes, rule: rules.Rule, orientation: int, limits: Limits) -> pyvips.Image:
    """The picture after `rule`, 16 bits, in sRGB. Raises ImageError."""
    from localcloud.imaging.vips import pyvips

    with decoding():
        try:
            image = pyvips.Image.pngload_buffer(source, fail_on="warning").copy_memory()
        except pyvips.Error as error:
            raise ValueError(str(error)) from None
    if image.get_typeof("icc-profile-data"):
        # One that does not fit is ignored, as it is with 8 bits.
        with contextlib.suppress(pyvips.Error):
            image = image.icc_transform("srgb", embedded=True, depth=16).copy_memory()
    for stage in rule.stages:
        if wants_upright(stage):
            image, orientation = _upright(image, orientation), 1
        if isinstance(stage, rules.ImageView2):
            image = _viewed(image, stage, limits)
        elif isinstance(stage, rules.ImageMogr2):
            for operation in stage.operations:
                deadline.check()
                # One by one: a long chain of them would hold rows for each.
                image = _applied(image, operation, limits).copy_memory()
    return image


def written(image: pyvips.Image, exif: bytes) -> bytes:
    """The file; `exif` without the segment's own header, empty for none."""
    from localcloud.imaging.vips import pyvips

    image = image.copy()
    if exif:
        image.set_type(pyvips.GValue.blob_type, "exif-data", exif)
    data: bytes = image.pngsave_buffer(bitdepth=16, keep="exif" if exif else "none")
    return data


def _applied(image: pyvips.Image, operation: rules.Operation, limits: Limits) -> pyvips.Image:
    size = Size(image.width, image.height)
    if isinstance(operation, rules.Thumbnail):
        return _resized(image, geometry.thumbnail(size, operation.geometry, limits))
    if isinstance(operation, rules.Crop):
        box = geometry.crop(size, operation.size, operation.gravity, operation.dx, operation.dy)
        return _part(image, *box)
    if isinstance(operation, rules.Cut):
        return _part(image, *geometry.cut(size, operation.area))
    if isinstance(operation, rules.Rotate):
        return image.rot(_TURNS[operation.degrees])
    if isinstance(operation, rules.Flip):
        return image.flip(operation.direction)
    return image


def _viewed(image: pyvips.Image, stage: rules.ImageView2, limits: Limits) -> pyvips.Image:
    view = geometry.view(Size(image.width, image.height), stage, limits)
    if view.box is None:
        return _resized(image, view.size)
    left, top, right, _ = view.box
    scale = view.size.width / (right - left)
    whole = Size(
        max(view.size.width, round(image.width * scale)),
        max(view.size.height, round(image.height * scale)),
    )
    left = min(round(left * scale), whole.width - view.size.width)
    top = min(round(top * scale), whole.height - view.size.height)
    return _resized(image, whole).crop(left, top, *view.size)


def _part(image: pyvips.Image, left: int, top: int, right: int, bottom: int) -> pyvips.Image:
    return image.crop(left, top, right - left, bottom - top)


def _resized(image: pyvips.Image, size: Size) -> pyvips.Image:
    if (image.width, image.height) == size:
        return image
    across, down = size.width / image.width, size.height / image.height
    if not image.hasalpha():
        return image.resize(across, vscale=down).cast("ushort")
    # Colours count by their opacity, or transparent ones would shine through at the edges.
    weighted = image.premultiply(max_alpha=_FULL).resize(across, vscale=down)
    return weighted.unpremultiply(max_alpha=_FULL).rint().cast("ushort")


def _upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """Turn by an EXIF Orientation of 1 to 8."""
    if orientation in (2, 4, 5, 7):
        image = image.flip("horizontal")
    return image.rot({3: "d180", 4: "d180", 5: "d270", 6: "d90", 7: "d90", 8: "d270"}.get(
        orientation, "d0"
    ))  # fmt: skip

"""Operations on the pixels of one frame, in the order written. A table, one function for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageChops

from localcloud.imaging import deadline, filters, geometry
from localcloud.imaging.errors import BAD_PARAMETER, ImageError
from localcloud.imaging.geometry import Size
from localcloud.imaging.limits import Limits
from shared import rules

_Apply = Callable[[Image.Image, Any, Limits], Image.Image]
_TURNS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
# What turns a picture of each EXIF Orientation upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Of a corner, in px: the larger ones are drawn less finely, to take less memory.
_FINE_RADIUS = 1000
_FLIPS = {
    "vertical": Image.Transpose.FLIP_TOP_BOTTOM,
    "horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
}


def resize(image: Image.Image, size: Size) -> Image.Image:
    """Lanczos; a no-op at the size that the picture has."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def _thumbnail(image: Image.Image, operation: rules.Thumbnail, limits: Limits) -> Image.Image:
    size = geometry.thumbnail(Size(*image.size), operation.geometry, limits)
    small = resize(image, size)
    if not operation.pad:
        return small
    canvas = Size(operation.geometry.width, operation.geometry.height)
    padded = Image.new("RGB", geometry.checked(canvas, limits), operation.color)
    place = geometry.at_gravity(canvas, size, "center")
    padded.paste(small, place, small if small.mode == "RGBA" else None)
    return padded


def _crop(image: Image.Image, operation: rules.Crop, _: Limits) -> Image.Image:
    box = geometry.crop(
        Size(*image.size), operation.size, operation.gravity, operation.dx, operation.dy
    )
    return image.crop(box)


def _cut(image: Image.Image, operation: rules.Cut, _: Limits) -> Image.Image:
    return image.crop(geometry.cut(Size(*image.size), operation.area))


def _rotate(image: Image.Image, operation: rules.Rotate, limits: Limits) -> Image.Image:
    degrees = operation.degrees % 360
    if degrees == 0:
        return image
    if degrees in _TURNS:
        return image.transpose(_TURNS[degrees])
    size = geometry.checked(geometry.turned(Size(*image.size), degrees), limits)
    # White shows where the result has no alpha, nothing where it has.
    matrix = geometry.turning(Size(*image.size), size, degrees)
    return image.convert("RGBA").transform(
        size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )


def _flip(image: Image.Image, operation: rules.Flip, _: Limits) -> Image.Image:
    return image.transpose(_FLIPS[operation.direction])


def _inner_radius(image: Image.Image, operation: rules.InnerRadius, _: Limits) -> Image.Image:
    size = Size(*image.size)
    _check_radius(size, operation.radius)
    side = Size(2 * operation.radius, 2 * operation.radius)
    left, top = geometry.at_gravity(size, side, "center")
    part = image.crop((left, top, left + side.width, top + side.height))
    return _rounded(part, operation.radius)


def _round_radius(image: Image.Image, operation: rules.RoundRadius, _: Limits) -> Image.Image:
    _check_radius(Size(*image.size), operation.radius)
    return _rounded(image, operation.radius)


def _check_radius(size: Size, radius: int) -> None:
    if radius * 2 >= min(size):
        raise ImageError(
            BAD_PARAMETER,
            f"the radius is {radius}: below half of the shorter side, {min(size) / 2:g} px, is "
            "allowed",
        )


def _rounded(image: Image.Image, radius: int) -> Image.Image:
    """Corners cut off to nothing."""
    corner = _corner(radius)
    left, top = image.width - radius, image.height - radius
    mask = Image.new("L", image.size, 255)
    mask.paste(corner, (0, 0))
    mask.paste(corner.transpose(_FLIPS["horizontal"]), (left, 0))
    mask.paste(corner.transpose(_FLIPS["vertical"]), (0, top))
    mask.paste(corner.transpose(_TURNS[180]), (left, top))
    rounded = image.convert("RGBA")
    rounded.putalpha(ImageChops.multiply(rounded.getchannel("A"), mask))
    return rounded


def _corner(radius: int) -> Image.Image:
    """The top left quarter of a disc; drawn larger, so that its edge is smooth."""
    # Drawing loads FreeType, which few rules need.
    from PIL import ImageDraw

    fine = 4 if radius <= _FINE_RADIUS else 2
    side = fine * radius
    large = Image.new("L", (side, side))
    ImageDraw.Draw(large).ellipse((0, 0, 2 * side - 1, 2 * side - 1), fill=255)
    return large.reduce(fine)


_OPERATIONS: dict[type, _Apply] = {
    rules.Thumbnail: _thumbnail,
    rules.Crop: _crop,
    rules.Cut: _cut,
    rules.Rotate: _rotate,
    rules.Flip: _flip,
    rules.InnerRadius: _inner_radius,
    rules.RoundRadius: _round_radius,
    rules.Blur: filters.blur,
    rules.Bright: filters.bright,
    rules.Contrast: filters.contrast,
    rules.Sharpen: filters.sharpen,
    rules.Grayscale: filters.grayscale,
}


def _image_mogr2(image: Image.Image, stage: rules.ImageMogr2, limits: Limits) -> Image.Image:
    for operation in stage.operations:
        apply = _OPERATIONS.get(type(operation))
        if apply is not None:
            deadline.check()
            image = apply(image, operation, limits)
    return image


def _image_view2(image: Image.Image, stage: rules.ImageView2, limits: Limits) -> Image.Image:
    view = geometry.view(Size(*image.size), stage, limits)
    if view.box is None:
        return resize(image, view.size)
    return image.resize(view.size, Image.Resampling.LANCZOS, view.box)


def _watermark(image: Image.Image, stage: rules.TextWatermark, limits: Limits) -> Image.Image:
    from localcloud.imaging.text_mark import draw_text

    return draw_text(image, stage, limits)


_STAGES: dict[type, _Apply] = {
    rules.ImageMogr2: _image_mogr2,
    rules.ImageView2: _image_view2,
    rules.TextWatermark: _watermark,
}


def apply_stage(image: Image.Image, stage: rules.Stage, limits: Limits) -> Image.Image:
    """One stage on one frame. auto-orient is not among them: it runs first (`upright`)."""
    return _STAGES[type(stage)](image, stage, limits)


def wants_upright(stage: rules.Stage) -> bool:
    """Whether the stage turns the picture by its EXIF Orientation."""
    return isinstance(stage, rules.ImageMogr2) and any(
        isinstance(operation, rules.AutoOrient) for operation in stage.operations
    )


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn a frame by an EXIF Orientation of 1 to 8."""
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)

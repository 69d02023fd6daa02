"""Sizes and boxes: pure functions from a picture's size and an operation. Half rounds up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from localcloud.imaging.errors import BAD_PARAMETER, RESULT_TOO_LARGE, ImageError
from localcloud.imaging.limits import Limits
from shared.rules import Area, Form, Geometry, ImageView2
from shared.rules import Size as CropSize


class Size(NamedTuple):
    """Width and height in px."""

    width: int
    height: int


class Box(NamedTuple):
    """Left, top, right, bottom in px."""

    left: int
    top: int
    right: int
    bottom: int


class View(NamedTuple):
    """Make a picture of `size` from `box` of the source (fractions of px; None for all of it)."""

    size: Size
    box: tuple[float, float, float, float] | None


def _round(value: float) -> int:
    return max(1, math.floor(value + 0.5))


def scaled(size: Size, factor: float) -> Size:
    """Both sides by one factor."""
    return Size(_round(size.width * factor), _round(size.height * factor))


def _percent(side: int, scale: int) -> int:
    return max(1, (side * scale + 50) // 100)


def _fit(size: Size, width: int, height: int) -> float:
    return min(width / size.width, height / size.height)


def _cover(size: Size, width: int, height: int) -> float:
    return max(width / size.width, height / size.height)


def _by_width(size: Size, width: int) -> Size:
    return Size(width, _round(size.height * width / size.width))


def _by_height(size: Size, height: int) -> Size:
    return Size(_round(size.width * height / size.height), height)


def _fitted(size: Size, width: int, height: int, factor: float) -> Size:
    """`scaled`, with the side that decides exact."""
    result = scaled(size, factor)
    if factor == width / size.width:
        return Size(width, result.height)
    return Size(result.width, height)


def _area(size: Size, area: int) -> Size:
    factor = min(1.0, math.sqrt(area / (size.width * size.height)))
    # Down, not half up: rounding up can break the limit, and so can a side of at least 1.
    width, height = max(1, int(size.width * factor)), max(1, int(size.height * factor))
    return Size(max(1, min(width, area // height)), max(1, min(height, area // width)))


_FORMS: dict[Form, Callable[[Size, Geometry], Size]] = {
    Form.SCALE: lambda s, g: Size(_percent(s.width, g.scale), _percent(s.height, g.scale)),
    Form.SCALE_WIDTH: lambda s, g: Size(_percent(s.width, g.scale), s.height),
    Form.SCALE_HEIGHT: lambda s, g: Size(s.width, _percent(s.height, g.scale)),
    Form.WIDTH: lambda s, g: _by_width(s, g.width),
    Form.HEIGHT: lambda s, g: _by_height(s, g.height),
    Form.FIT: lambda s, g: _fitted(s, g.width, g.height, _fit(s, g.width, g.height)),
    Form.SHRINK: lambda s, g: _if(s, g, _fit(s, g.width, g.height) < 1),
    Form.ENLARGE: lambda s, g: _if(s, g, _fit(s, g.width, g.height) > 1),
    Form.COVER: lambda s, g: _fitted(s, g.width, g.height, _cover(s, g.width, g.height)),
    Form.FORCE: lambda _, g: Size(g.width, g.height),
    Form.AREA: lambda s, g: _area(s, g.area),
}


def _if(size: Size, geometry: Geometry, wanted: bool) -> Size:
    if not wanted:
        return size
    factor = _fit(size, geometry.width, geometry.height)
    return _fitted(size, geometry.width, geometry.height, factor)


def thumbnail(size: Size, geometry: Geometry, limits: Limits) -> Size:
    """The size that `thumbnail` gives (CI manual 004:1269). Raises ImageError above the limit."""
    return checked(_FORMS[geometry.form](size, geometry), limits)


def checked(size: Size, limits: Limits) -> Size:
    """Refuse a result that CI refuses."""
    if max(size) > limits.result_side:
        raise ImageError(
            RESULT_TOO_LARGE,
            f"the result would be {size.width}x{size.height}: at most {limits.result_side} px "
            "a side are allowed",
        )
    return size


def at_gravity(outer: Size, inner: Size, gravity: str, dx: int = 0, dy: int = 0) -> tuple[int, int]:
    """Left and top of `inner` in `outer`; `dx` and `dy` are margins inwards, and count only where
    the gravity names a side (CI manual 004:1674)."""
    horizontal = 0 if gravity in ("north", "south", "center") else dx
    vertical = 0 if gravity in ("west", "east", "center") else dy
    left = (outer.width - inner.width) // 2
    if gravity.endswith("west"):
        left = horizontal
    elif gravity.endswith("east"):
        left = outer.width - inner.width - horizontal
    top = (outer.height - inner.height) // 2
    if gravity.startswith("north"):
        top = vertical
    elif gravity.startswith("south"):
        top = outer.height - inner.height - vertical
    return left, top


def overlap(outer: Size, inner: Size, place: tuple[int, int]) -> tuple[Box, Box] | None:
    """What of `inner` at `place` lies in `outer`: the box there, and the same box of `inner`."""
    left, top = place
    there = Box(
        max(left, 0),
        max(top, 0),
        min(left + inner.width, outer.width),
        min(top + inner.height, outer.height),
    )
    if there.left >= there.right or there.top >= there.bottom:
        return None
    return there, Box(there.left - left, there.top - top, there.right - left, there.bottom - top)


def crop(size: Size, wanted: CropSize, gravity: str, dx: int = 0, dy: int = 0) -> Box:
    """The box that `crop` keeps; a side that is not given, or larger, stays (004:1637)."""
    inner = Size(
        min(wanted.width or size.width, size.width), min(wanted.height or size.height, size.height)
    )
    left, top = at_gravity(size, inner, gravity, dx, dy)
    left = min(max(left, 0), size.width - inner.width)
    top = min(max(top, 0), size.height - inner.height)
    return Box(left, top, left + inner.width, top + inner.height)


def cut(size: Size, area: Area) -> Box:
    """The box that `cut` keeps: what lies in the picture. Raises ImageError when nothing does."""
    if area.dx >= size.width or area.dy >= size.height:
        raise ImageError(
            BAD_PARAMETER,
            f"cut starts at {area.dx}, {area.dy}: the picture is {size.width}x{size.height}",
        )
    right, bottom = area.dx + area.width, area.dy + area.height
    return Box(area.dx, area.dy, min(right, size.width), min(bottom, size.height))


def view(size: Size, operation: ImageView2, limits: Limits) -> View:
    """What `imageView2` scales to and keeps (CI manual 004:4841)."""
    w, h = operation.w, operation.h
    first, second = w or h or 0, h or w or 0
    if operation.mode is None or not first:
        return View(size, None)
    if operation.mode == 2:
        factor = min(w / size.width if w else 1, h / size.height if h else 1, 1)
        fitted = scaled(size, factor)
        return View(checked(fitted, limits), None)
    if operation.mode in (4, 5):
        # Long and short edge, in the orientation of the picture.
        long, short = max(first, second), min(first, second)
        landscape = size.width >= size.height
        first, second = (long, short) if landscape else (short, long)
    target = checked(Size(first, second), limits)
    factor = _cover(size, *target)
    if operation.mode == 4:
        factor = min(factor, 1)
    if operation.mode in (3, 4):
        return View(checked(scaled(size, factor), limits), None)
    # The part that is kept is scaled, never the whole: that could be of any size.
    width, height = target.width / factor, target.height / factor
    left, top = (size.width - width) / 2, (size.height - height) / 2
    return View(target, (max(left, 0), max(top, 0), min(left + width, size.width),
                         min(top + height, size.height)))  # fmt: skip


def turned(size: Size, degrees: int) -> Size:
    """The canvas that holds a picture turned by `degrees`."""
    angle = math.radians(degrees)
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return Size(
        _round(size.width * cos + size.height * sin), _round(size.width * sin + size.height * cos)
    )


def turning(size: Size, canvas: Size, degrees: int) -> tuple[float, ...]:
    """Where each place of `canvas` lies in a picture that is turned clockwise about its middle:
    x = a X + b Y + c, y = d X + e Y + f, as (a, b, c, d, e, f)."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = canvas.width / 2, canvas.height / 2
    return (
        cos, sin, size.width / 2 - cos * x - sin * y,
        -sin, cos, size.height / 2 + sin * x - cos * y,
    )  # fmt: skip

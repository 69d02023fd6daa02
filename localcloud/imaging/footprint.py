"""How large a rule's pictures become, from sizes alone: what the memory budget is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from localcloud.imaging import geometry
from localcloud.imaging.errors import ImageError
from localcloud.imaging.geometry import Size
from localcloud.imaging.image_mark import stamp_size
from localcloud.imaging.limits import Limits
from localcloud.imaging.stages import wants_upright
from shared import rules

_Step = Callable[[Size, Any, Limits], Size]


def largest(
    size: Size,
    rule: rules.Rule,
    orientation: int,
    limits: Limits,
    stamps: Mapping[str, Size] = MappingProxyType({}),
) -> int:
    """Pixels of the largest picture on the way, the source's own and scaled marks included.

    `stamps` are the sizes of the marks' files by their address. A rule that fails on the way needs
    no more than what came before.
    """
    most = size.width * size.height
    try:
        for stage in rule.stages:
            if wants_upright(stage) and orientation in range(5, 9):
                size, orientation = Size(size.height, size.width), 1
            for step in stage.operations if isinstance(stage, rules.ImageMogr2) else (stage,):
                if isinstance(step, rules.ImageWatermark) and step.image in stamps:
                    most = max(most, _mark(stamps[step.image], size, step, limits))
                size = _STEPS.get(type(step), _same)(size, step, limits)
                most = max(most, size.width * size.height)
    except ImageError:
        pass
    return most


def _mark(stamp: Size, size: Size, step: rules.ImageWatermark, limits: Limits) -> int:
    """A small mark on a long and narrow picture can become much larger than either."""
    width, height = geometry.checked(stamp_size(stamp, size, step), limits)
    turned = geometry.turned(Size(width, height), step.degree) if step.batch else Size(0, 0)
    return width * height + turned.width * turned.height


def _same(size: Size, _: Any, __: Limits) -> Size:
    return size


def _thumbnail(size: Size, step: rules.Thumbnail, limits: Limits) -> Size:
    if step.pad:
        return geometry.checked(Size(step.geometry.width, step.geometry.height), limits)
    return geometry.thumbnail(size, step.geometry, limits)


def _crop(size: Size, step: rules.Crop, _: Limits) -> Size:
    left, top, right, bottom = geometry.crop(size, step.size, step.gravity, step.dx, step.dy)
    return Size(right - left, bottom - top)


def _cut(size: Size, step: rules.Cut, _: Limits) -> Size:
    left, top, right, bottom = geometry.cut(size, step.area)
    return Size(right - left, bottom - top)


def _rotate(size: Size, step: rules.Rotate, limits: Limits) -> Size:
    return geometry.checked(geometry.turned(size, step.degrees), limits)


def _round(_: Size, step: rules.InnerRadius, __: Limits) -> Size:
    return Size(2 * step.radius, 2 * step.radius)


def _smart_crop(_: Size, step: rules.SmartCrop, limits: Limits) -> Size:
    return geometry.checked(Size(step.target.width, step.target.height), limits)


def _view(size: Size, step: rules.ImageView2, limits: Limits) -> Size:
    return geometry.view(size, step, limits).size


_STEPS: dict[type, _Step] = {
    rules.Thumbnail: _thumbnail,
    rules.Crop: _crop,
    rules.Cut: _cut,
    rules.Rotate: _rotate,
    rules.InnerRadius: _round,
    rules.SmartCrop: _smart_crop,
    rules.ImageView2: _view,
}

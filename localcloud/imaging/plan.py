"""How little of a JPEG must be decoded: the choice that decides the speed.

A JPEG decoder gives 1/2, 1/4 or 1/8 of the size for a fraction of the work. It is asked for the
real target box times 1.5: an open-ended box would lose scaled decoding silently (twice as slow),
and 1.5 keeps the quality of the resampling that follows (44 dB against a full decode).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image

from localcloud.imaging import geometry
from localcloud.imaging.encode import NAMES, ORIENTATION
from localcloud.imaging.errors import ImageError
from localcloud.imaging.geometry import Size
from localcloud.imaging.limits import Limits
from localcloud.imaging.source import read_exif
from localcloud.imaging.stages import wants_upright
from shared import rules

HEADROOM = 1.5
_TURNED = range(5, 9)
# What changes pixels: a smaller decode before it would change its result.
PIXEL_OPERATIONS = (
    rules.Thumbnail, rules.Crop, rules.Cut, rules.Rotate, rules.Flip, rules.InnerRadius,
    rules.RoundRadius, rules.SmartCrop, rules.Blur, rules.Bright, rules.Contrast, rules.Sharpen,
    rules.Grayscale,
)  # fmt: skip


@dataclass(frozen=True)
class Scaling:
    """What a rule scales a picture to before it does anything else with its pixels.

    `box` is the size of the whole picture after it, in the orientation of the file; `rule` is the
    one to run on fewer pixels of the same picture. `cropped`: part of the box is cut off at once.
    """

    box: Size
    rule: rules.Rule
    cropped: bool


def scaled_decoding(image: Image.Image, rule: rules.Rule, limits: Limits) -> rules.Rule:
    """Set a JPEG's decoder to what the first scaling of `rule` needs.

    The rule to run on the smaller pixels: its first scaling has become a fixed size, because a
    share of the source's size would be a share of the wrong size now.
    """
    scaling = first_scaling(image, rule, limits)
    if scaling is None or not _draft(image, scaling.box):
        return rule
    return scaling.rule


def first_scaling(image: Image.Image, rule: rules.Rule, limits: Limits) -> Scaling | None:
    """None unless the picture is a JPEG that `rule` scales before any other change."""
    if NAMES[str(image.format)] != "jpg":
        return None
    size = Size(*image.size)
    orientation = read_exif(image).get(ORIENTATION, 1)
    for index, stage in enumerate(rule.stages):
        if wants_upright(stage) and orientation in _TURNED:
            size, orientation = Size(size.height, size.width), 1
        target, fixed = _first_scaling(stage, size, limits)
        if target is not None:
            stored = size == image.size
            box = target if stored else Size(target.height, target.width)
            stages = (*rule.stages[:index], fixed, *rule.stages[index + 1 :])
            return Scaling(box, replace(rule, stages=stages), fixed is stage)
        if not _keeps_pixels(stage):
            return None
    return None


def _draft(image: Image.Image, target: Size) -> bool:
    full = image.size
    # An exact half, quarter or eighth is what the decoder makes by itself.
    exact = any(full == (scale * target.width, scale * target.height) for scale in (2, 4, 8))
    headroom = 1 if exact else HEADROOM
    box = (int(target.width * headroom), int(target.height * headroom))
    if box[0] >= full[0] or box[1] >= full[1]:
        return False
    image.draft(image.mode, box)
    return image.size != full


def _first_scaling(
    stage: rules.Stage, size: Size, limits: Limits
) -> tuple[Size | None, rules.Stage]:
    """What the stage scales to before it does anything else, and the stage with that size fixed."""
    try:
        if isinstance(stage, rules.ImageView2):
            return _fixed_view(stage, size, limits)
        if isinstance(stage, rules.ImageMogr2):
            return _fixed_thumbnail(stage, size, limits)
    except ImageError:
        # Running the rule will say what is wrong with it.
        pass
    return None, stage


def _fixed_thumbnail(
    stage: rules.ImageMogr2, size: Size, limits: Limits
) -> tuple[Size | None, rules.Stage]:
    shapes = [op for op in stage.operations if isinstance(op, PIXEL_OPERATIONS)]
    if not shapes or not isinstance(shapes[0], rules.Thumbnail):
        return None, stage
    first = shapes[0]
    target = geometry.thumbnail(size, first.geometry, limits)
    index = stage.operations.index(first)
    # Padding happens after: on a picture that fits its canvas already.
    rest = stage.operations[index:] if first.pad else stage.operations[index + 1 :]
    operations = (*stage.operations[:index], _force(target), *rest)
    return target, replace(stage, operations=operations)


def _fixed_view(
    stage: rules.ImageView2, size: Size, limits: Limits
) -> tuple[Size | None, rules.Stage]:
    view = geometry.view(size, stage, limits)
    if view.box is None:
        return view.size, rules.ImageMogr2((_force(view.size),))
    # What is kept depends on the ratio of the sides only, so the stage can stay as it is.
    left, _, right, _ = view.box
    return geometry.scaled(size, view.size.width / (right - left)), stage


def _force(size: Size) -> rules.Thumbnail:
    return rules.Thumbnail(rules.Geometry(rules.Form.FORCE, size.width, size.height))


def _keeps_pixels(stage: rules.Stage) -> bool:
    return isinstance(stage, rules.ImageMogr2) and not any(
        isinstance(operation, PIXEL_OPERATIONS) for operation in stage.operations
    )

"""How little of a JPEG must be decoded: the choice that decides the speed.

A JPEG decoder gives 1/2, 1/4 or 1/8 of the size for a fraction of the work. It is asked for the
real target box times 1.5: an open-ended box would lose scaled decoding silently (twice as slow),
and 1.5 keeps the quality of the resampling that follows (44 dB against a full decode).

It rounds odd sizes up, so that its last row and column may stick out of the picture. What follows
resamples the picture's own part only.

An exact half, quarter or eighth is what the decoder makes by itself. It cuts off the frequencies
that the result cannot show, where Lanczos lets a part of them through as others: halves are 51 to
56 dB apart on photos, but 41 with grain, and no filter behind the decoder brings that share back.
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
# Left, top, right and bottom in px, with fractions.
Part = tuple[float, float, float, float]
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

    `box` is the size of the whole picture after it and `part` what is kept of the picture before,
    None for all of it: both in the orientation of the file. `rule` is the one to run on fewer
    pixels of the same picture; its stage `index` scales.
    """

    box: Size
    part: Part | None
    size: Size
    rule: rules.Rule
    index: int

    @property
    def cropped(self) -> bool:
        """Part of the box is cut off at once."""
        return self.part is not None

    @property
    def rest(self) -> rules.Rule:
        """The rule to run once the pixels have been scaled and cropped."""
        if not self.cropped:
            return self.rule
        stages = list(self.rule.stages)
        stages[self.index] = rules.ImageMogr2(())
        return replace(self.rule, stages=tuple(stages))


@dataclass(frozen=True)
class Reduction:
    """What is made of decoded pixels first: a picture of `size` from their `part`."""

    size: Size
    part: Part

    def apply(self, image: Image.Image) -> Image.Image:
        """Lanczos; the pixels as they are where nothing is to be done."""
        if (image.size, self.part) == (self.size, (0, 0, *image.size)):
            return image
        return image.resize(self.size, Image.Resampling.LANCZOS, self.part)


def scaled_decoding(
    image: Image.Image, rule: rules.Rule, limits: Limits
) -> tuple[rules.Rule, Reduction | None]:
    """Set a JPEG's decoder to what the first scaling of `rule` needs.

    What is to be done first with the pixels that it gives, and the rule to run then: a share of the
    source's size in it has become a fixed size. The rule itself and None where all is decoded.
    """
    scaling = first_scaling(image, rule, limits)
    if scaling is None:
        return rule, None
    width, height = image.size
    share = _draft(image, scaling)
    if share == 1:
        return rule, None
    part = scaling.part or (0, 0, width, height)
    left, top, right, bottom = (edge / share for edge in part)
    inside = (left, top, min(right, image.width), min(bottom, image.height))
    return scaling.rest, Reduction(scaling.size, inside)


def first_scaling(image: Image.Image, rule: rules.Rule, limits: Limits) -> Scaling | None:
    """None unless the picture is a JPEG that `rule` scales before any other change."""
    if NAMES[str(image.format)] != "jpg":
        return None
    size = Size(*image.size)
    orientation = read_exif(image).get(ORIENTATION, 1)
    for index, stage in enumerate(rule.stages):
        if wants_upright(stage) and orientation in _TURNED:
            size, orientation = Size(size.height, size.width), 1
        found = _first_scaling(stage, size, limits)
        if found is not None:
            target, view, fixed = found
            turned = size != image.size
            stages = (*rule.stages[:index], fixed, *rule.stages[index + 1 :])
            return Scaling(
                _turned(target, turned),
                _turned_part(view.box, turned),
                _turned(view.size, turned),
                replace(rule, stages=stages),
                index,
            )
        if not _keeps_pixels(stage):
            return None
    return None


def _turned(size: Size, turned: bool) -> Size:
    return Size(size.height, size.width) if turned else size


def _turned_part(part: Part | None, turned: bool) -> Part | None:
    """As every view, it lies in the middle: which way a picture was turned makes no difference."""
    if part is None or not turned:
        return part
    left, top, right, bottom = part
    return top, left, bottom, right


def _draft(image: Image.Image, scaling: Scaling) -> float:
    """Set the decoder; how many times smaller its pixels are, 1 for no setting."""
    full, target = image.size, scaling.box
    # An exact half, quarter or eighth is what the decoder makes by itself.
    exact = any(
        full == (scale * target.width, scale * target.height)
        and all(edge % scale == 0 for edge in scaling.part or ())
        for scale in (2, 4, 8)
    )
    headroom = 1 if exact else HEADROOM
    box = (int(target.width * headroom), int(target.height * headroom))
    if box[0] >= full[0] or box[1] >= full[1]:
        return 1
    found = image.draft(image.mode, box)
    return 1 if found is None else full[0] / found[1][2]


def _first_scaling(
    stage: rules.Stage, size: Size, limits: Limits
) -> tuple[Size, geometry.View, rules.Stage] | None:
    """What the stage scales the whole picture to before it does anything else, what it keeps of it,
    and the stage with that size fixed."""
    try:
        if isinstance(stage, rules.ImageView2):
            return _fixed_view(stage, size, limits)
        if isinstance(stage, rules.ImageMogr2):
            return _fixed_thumbnail(stage, size, limits)
    except ImageError:
        # Running the rule will say what is wrong with it.
        pass
    return None


def _fixed_thumbnail(
    stage: rules.ImageMogr2, size: Size, limits: Limits
) -> tuple[Size, geometry.View, rules.Stage] | None:
    shapes = [op for op in stage.operations if isinstance(op, PIXEL_OPERATIONS)]
    if not shapes or not isinstance(shapes[0], rules.Thumbnail):
        return None
    first = shapes[0]
    target = geometry.thumbnail(size, first.geometry, limits)
    index = stage.operations.index(first)
    # Padding happens after: on a picture that fits its canvas already.
    rest = stage.operations[index:] if first.pad else stage.operations[index + 1 :]
    operations = (*stage.operations[:index], _force(target), *rest)
    return target, geometry.View(target, None), replace(stage, operations=operations)


def _fixed_view(
    stage: rules.ImageView2, size: Size, limits: Limits
) -> tuple[Size, geometry.View, rules.Stage]:
    view = geometry.view(size, stage, limits)
    if view.box is None:
        return view.size, view, rules.ImageMogr2((_force(view.size),))
    # What is kept depends on the ratio of the sides only, so the stage can stay as it is.
    left, _, right, _ = view.box
    return geometry.scaled(size, view.size.width / (right - left)), view, stage


def _force(size: Size) -> rules.Thumbnail:
    return rules.Thumbnail(rules.Geometry(rules.Form.FORCE, size.width, size.height))


def _keeps_pixels(stage: rules.Stage) -> bool:
    return isinstance(stage, rules.ImageMogr2) and not any(
        isinstance(operation, PIXEL_OPERATIONS) for operation in stage.operations
    )

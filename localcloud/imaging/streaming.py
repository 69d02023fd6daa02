"""The part of a rule that libvips does better than Pillow: early cuts, blurs, shrinking a PNG.

Pillow decodes whole pictures and holds them; libvips stops at the last row that a cut needs and
blurs while it decodes: a third of the time, an eighth of the memory. It gets only what it does as
Pillow does, so that a picture looks the same whoever made it. Whatever it refuses or warns about is
left to Pillow, which then says what is wrong.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from localcloud.imaging import deep, geometry
from localcloud.imaging.encode import Encoding, metadata
from localcloud.imaging.errors import ImageError
from localcloud.imaging.filters import kernel_deviation
from localcloud.imaging.geometry import Box, Size
from localcloud.imaging.limits import Limits
from localcloud.imaging.plan import PIXEL_OPERATIONS
from localcloud.imaging.stages import wants_upright
from shared import rules

_log = logging.getLogger("localcloud")
# Pixels of a source from which on setting up the pipeline pays, and of a result from which on it
# pays to write it as it comes.
_WORTH = 500_000
_JPEG = ("JPEG", "MPO")
# Each holds some rows of its own.
_MOST_STEPS = 8
# Below it 8 bits show nothing of a blur.
_LEAST_BLUR = 0.4
_JPEG_END, _PNG_END = b"\xff\xd9", b"\0\0\0\0IEND\xaeB`\x82"
_JFIF = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


@dataclass(frozen=True)
class Cut:
    """Keep a box."""

    box: Box


@dataclass(frozen=True)
class Resize:
    """Lanczos, to exactly this size."""

    size: Size


@dataclass(frozen=True)
class Blur:
    """Gaussian of this standard deviation in px."""

    deviation: float


Step = Cut | Resize | Blur


@dataclass(frozen=True)
class Streamed:
    """The pixels after the first steps and the rule that is left, or `data`: the finished JPEG."""

    size: Size
    rest: rules.Rule
    image: Image.Image | None = None
    data: bytes = b""


@dataclass(frozen=True)
class Plan:
    """What libvips does first, and the rule that is left."""

    steps: list[Step]
    rest: rules.Rule


def plan(image: Image.Image, rule: rules.Rule, orientation: int, limits: Limits) -> Plan | None:
    """What of `rule` is done here; None where all is better left to Pillow.

    `image` is a header as Pillow read it.
    """
    if image.width * image.height < _WORTH or not _is_plain(image):
        return None
    steps, rest = planned(image, rule, orientation, limits)
    return Plan(steps, rest) if steps else None


def render(
    source: bytes | Path,
    image: Image.Image,
    plan: Plan,
    *,
    encoding: Encoding,
    exif: Image.Exif | None,
) -> Streamed | None:
    """Carry `plan` out; None where Pillow has to say what is wrong. `image` stays undecoded."""
    steps, rest = plan.steps, plan.rest
    data = source if isinstance(source, bytes) else source.read_bytes()
    # A decoder that stops early would not miss the end.
    if not data.endswith(_JPEG_END if image.format in _JPEG else _PNG_END):
        return None
    from localcloud.imaging import vips

    try:
        result = vips.applied(vips.opened(data, image.format in _JPEG), steps)
        size = Size(result.width, result.height)
        if _is_finished(image, size, rest, encoding):
            head = _head(exif if not encoding.strip else None, image.info.get("comment"))
            return Streamed(size, rest, data=head + vips.jpeg(result, encoding.quality))
        pixels = vips.pixels(result)
    except vips.VipsError as error:
        _log.debug("left to Pillow: %s", error)
        return None
    pixels.format, pixels.info = image.format, dict(image.info)
    return Streamed(size, rest, image=pixels)


def _is_plain(image: Image.Image) -> bool:
    """Whether both libraries see the same pixels: 8 bits, no palette, no interlacing in a PNG."""
    if image.format in _JPEG:
        return image.mode in ("L", "RGB")
    return (
        image.format == "PNG"
        and not deep.is_deep(image)
        and image.mode in ("L", "RGB", "RGBA")
        and not {"transparency", "interlace"} & image.info.keys()
        and getattr(image, "n_frames", 1) == 1
    )


def planned(
    image: Image.Image, rule: rules.Rule, orientation: int, limits: Limits
) -> tuple[list[Step], rules.Rule]:
    """The steps that the rule begins with, and the rule without them."""
    steps: list[Step] = []
    stages = list(rule.stages)
    for index, stage in enumerate(stages):
        if len(steps) == _MOST_STEPS or (wants_upright(stage) and orientation in range(2, 9)):
            break
        if isinstance(stage, rules.ImageView2):
            step = _step(stage, steps, image, limits)
            if step is None:
                break
            steps.append(step)
            stages[index] = rules.ImageMogr2(())
        elif isinstance(stage, rules.ImageMogr2):
            stages[index], ended = _stage_planned(stage, steps, image, limits)
            if ended:
                break
        else:
            break
    return steps, replace(rule, stages=tuple(stages))


def _stage_planned(
    stage: rules.ImageMogr2, steps: list[Step], image: Image.Image, limits: Limits
) -> tuple[rules.ImageMogr2, bool]:
    """Add the stage's steps; the stage without them, and whether one is left."""
    left = list(stage.operations)
    for operation in stage.operations:
        if not isinstance(operation, PIXEL_OPERATIONS):
            continue
        step = None if len(steps) == _MOST_STEPS else _step(operation, steps, image, limits)
        if step is None:
            return replace(stage, operations=tuple(left)), True
        steps.append(step)
        left.remove(operation)
    return replace(stage, operations=tuple(left)), False


def _step(
    operation: rules.Operation | rules.ImageView2,
    before: Sequence[Step],
    image: Image.Image,
    limits: Limits,
) -> Step | None:
    """The operation as a step, None where Pillow does it differently, or better."""
    size = _size(image, before)
    try:
        if isinstance(operation, rules.Cut):
            return Cut(geometry.cut(size, operation.area))
        if isinstance(operation, rules.Crop):
            wanted, gravity = operation.size, operation.gravity
            return Cut(geometry.crop(size, wanted, gravity, operation.dx, operation.dy))
        if "icc_profile" in image.info:
            # Colours are converted first; cutting may come before that.
            return None
        if isinstance(operation, rules.Blur):
            deviation = kernel_deviation(operation.spread)
            return Blur(deviation) if image.mode != "RGBA" and deviation >= _LEAST_BLUR else None
        wanted = _shrunk(operation, size, limits)
    except ImageError:
        # Running the rule will say what is wrong with it.
        return None
    # The decoder of a JPEG scales by itself where that comes first.
    scales = image.format in _JPEG and not any(isinstance(step, Blur) for step in before)
    return None if wanted is None or scales else Resize(wanted)


def _shrunk(
    operation: rules.Operation | rules.ImageView2, size: Size, limits: Limits
) -> Size | None:
    """The smaller size that the operation scales the whole picture to."""
    wanted = size
    if isinstance(operation, rules.Thumbnail) and not operation.pad:
        wanted = geometry.thumbnail(size, operation.geometry, limits)
    elif isinstance(operation, rules.ImageView2):
        view = geometry.view(size, operation, limits)
        wanted = view.size if view.box is None else size
    return wanted if wanted.width < size.width and wanted.height < size.height else None


def _size(image: Image.Image, steps: Sequence[Step]) -> Size:
    """The size after the steps."""
    size = Size(*image.size)
    for step in steps:
        if isinstance(step, Cut):
            left, top, right, bottom = step.box
            size = Size(right - left, bottom - top)
        elif isinstance(step, Resize):
            size = step.size
    return size


def _is_finished(image: Image.Image, size: Size, rest: rules.Rule, encoding: Encoding) -> bool:
    """Whether nothing is left but a large JPEG without anything special about it."""
    return (
        size.width * size.height >= _WORTH
        and image.mode != "RGBA"
        and encoding == Encoding("jpg", encoding.quality, strip=encoding.strip)
        and "icc_profile" not in image.info
        and not any(
            not isinstance(stage, rules.ImageMogr2)
            or any(isinstance(operation, PIXEL_OPERATIONS) for operation in stage.operations)
            for stage in rest.stages
        )
    )


def _head(exif: Image.Exif | None, comment: bytes | None) -> bytes:
    """How Pillow starts a JPEG: JFIF without a resolution, EXIF, the source's comment."""
    tags = metadata(exif) if exif is not None else b""
    return _JFIF + _segment(0xE1, tags) + _segment(0xFE, comment or b"")


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data if data else b""

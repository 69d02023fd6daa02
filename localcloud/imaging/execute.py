"""A rule on a file, from header to bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageSequence

from localcloud.imaging import plan, streaming
from localcloud.imaging.encode import (
    ANIMATED,
    CONTENT_TYPES,
    NAMES,
    ORIENTATION,
    Encoding,
    Frame,
    encoding_of,
    limited,
)
from localcloud.imaging.errors import BAD_FORMAT, BAD_PARAMETER, RESULT_TOO_LARGE, ImageError
from localcloud.imaging.facts import exif, image_ave, image_info
from localcloud.imaging.geometry import Size
from localcloud.imaging.image_mark import draw_image, open_mark
from localcloud.imaging.jpeg_quality import source_quality
from localcloud.imaging.limits import LIMITS, Limits
from localcloud.imaging.memory import BUDGET
from localcloud.imaging.results import ImageResult
from localcloud.imaging.source import decoding, frame_count, normalised, open_image, read_exif
from localcloud.imaging.stages import apply_stage, upright, wants_upright
from shared.rules import (
    Cgif,
    Exif,
    ImageAve,
    ImageInfo,
    ImageMogr2,
    ImageWatermark,
    InnerRadius,
    Operation,
    RoundRadius,
    Rule,
)

_BYTES_A_PIXEL = 4
_INFORMATION = {ImageInfo: image_info, ImageAve: image_ave, Exif: exif}


def process(
    source: bytes | Path,
    rule: Rule,
    *,
    limits: Limits = LIMITS,
    marks: Mapping[str, bytes] = MappingProxyType({}),
) -> ImageResult:
    """Apply `rule`. CPU-bound and thread-safe.

    `marks` holds the files of image watermarks by their address: nothing is fetched here.

    Raises ImageError; with `ignore-error/1` in the rule the source comes back instead.
    """
    if rule.is_info:
        read = _INFORMATION[type(rule.stages[0])]
        return ImageResult(read(source, limits=limits), "application/json", "json", 0, 0, 100, 1)
    try:
        return _process(source, rule, limits, marks)
    except ImageError:
        if not rule.ignore_error:
            raise
        return _original(source, limits)


def _process(
    source: bytes | Path, rule: Rule, limits: Limits, marks: Mapping[str, bytes]
) -> ImageResult:
    image = open_image(source, limits)
    _refuse_round_gif(image, rule)
    encoding = encoding_of(rule, NAMES[str(image.format)], source_quality(image))
    metadata = read_exif(image)
    orientation = metadata.get(ORIENTATION, 1)
    loop = image.info.get("loop")
    job = _Job(rule, orientation, limits, _stamps(rule, limits, marks))
    animated = encoding.format in ANIMATED and frame_count(image) > 1
    if metadata and any(wants_upright(stage) for stage in rule.stages):
        metadata[ORIENTATION] = 1
    kept = metadata if len(metadata) else None
    with BUDGET.reserved(_decoded_bytes(image, animated=animated), limits.memory):
        streamed = None
        if not animated:
            streamed = streaming.render(
                source, image, rule,
                orientation=orientation, encoding=encoding, exif=kept, limits=limits,
            )  # fmt: skip
            if streamed is None:
                job = replace(job, rule=plan.scaled_decoding(image, rule, orientation, limits))
            elif streamed.image is None:
                return _still(streamed.data, encoding, streamed.size)
            else:
                image, job = streamed.image, replace(job, rule=streamed.rest)
        frames = list(_frames(image, job, animated=animated))
        data, encoding = limited(frames, encoding, kept, loop)
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if encoding.or_source and len(data) >= size:
        return _original(source, limits)
    width, height = frames[0].image.size
    return ImageResult(
        data,
        CONTENT_TYPES[encoding.format],
        encoding.format,
        width,
        height,
        encoding.reported_quality,
        _written_frames(data) if len(frames) > 1 else 1,
    )


def _still(data: bytes, encoding: Encoding, size: Size) -> ImageResult:
    content_type = CONTENT_TYPES[encoding.format]
    return ImageResult(data, content_type, encoding.format, *size, encoding.reported_quality, 1)


def _decoded_bytes(image: Image.Image, *, animated: bool) -> int:
    """What the pixels take, and as much again for the operation at work on them."""
    frames = frame_count(image) if animated else 1
    return image.width * image.height * (frames + 1) * _BYTES_A_PIXEL


def _written_frames(data: bytes) -> int:
    """Encoders join frames that look alike, so what was written is counted."""
    return frame_count(Image.open(io.BytesIO(data)))


@dataclass(frozen=True)
class _Job:
    """What is done to every frame. `stamps` are the image marks by their address."""

    rule: Rule
    orientation: int
    limits: Limits
    stamps: Mapping[str, Image.Image]


def _stamps(rule: Rule, limits: Limits, marks: Mapping[str, bytes]) -> dict[str, Image.Image]:
    addresses = {stage.image for stage in rule.stages if isinstance(stage, ImageWatermark)}
    missing = addresses - marks.keys()
    if missing:
        raise ImageError(BAD_PARAMETER, f"the watermark {min(missing)} is not at hand here")
    return {address: open_mark(marks[address], limits) for address in addresses}


def _frames(image: Image.Image, job: _Job, *, animated: bool) -> Iterator[Frame]:
    """The finished frames: all of them where the result can move, else the first."""
    if not animated:
        yield Frame(_run(normalised(image), job))
        return
    with decoding():
        for raw in islice(ImageSequence.Iterator(image), _kept_frames(image, job.rule)):
            whole = raw.convert("RGBA" if raw.has_transparency_data else "RGB")
            frame = _run(normalised(whole), job)
            _check_result(frame, frame_count(image), job.limits)
            yield Frame(frame, int(raw.info.get("duration", 100)))


def _check_result(frame: Image.Image, frames: int, limits: Limits) -> None:
    if frame.width * frame.height * frames > limits.pixels:
        raise ImageError(
            RESULT_TOO_LARGE,
            f"the result would have {frames} frames of {frame.width}x{frame.height}: at most "
            f"{limits.pixels} pixels in all are allowed",
        )


def _refuse_round_gif(image: Image.Image, rule: Rule) -> None:
    """iradius and rradius are not for GIF sources (CI manual 004:1650)."""
    round_forms = (InnerRadius, RoundRadius)
    if image.format == "GIF" and any(isinstance(op, round_forms) for op in _operations(rule)):
        raise ImageError(BAD_FORMAT, "iradius and rradius are not for GIF sources")


def _operations(rule: Rule) -> list[Operation]:
    stages = [stage for stage in rule.stages if isinstance(stage, ImageMogr2)]
    return [operation for stage in stages for operation in stage.operations]


def _kept_frames(image: Image.Image, rule: Rule) -> int | None:
    """How many frames `cgif` leaves of a GIF; None for all."""
    if image.format != "GIF":
        return None
    return min((op.kept for op in _operations(rule) if isinstance(op, Cgif)), default=None)


def _run(image: Image.Image, job: _Job) -> Image.Image:
    orientation = job.orientation
    for stage in job.rule.stages:
        if wants_upright(stage):
            image = upright(image, orientation)
            orientation = 1
        if isinstance(stage, ImageWatermark):
            image = draw_image(image, stage, job.stamps[stage.image], job.limits)
        else:
            image = apply_stage(image, stage, job.limits)
    return image


def _original(source: bytes | Path, limits: Limits) -> ImageResult:
    image = open_image(source, limits)
    name = NAMES[str(image.format)]
    data = source if isinstance(source, bytes) else source.read_bytes()
    width, height = image.size
    return ImageResult(
        data, CONTENT_TYPES[name], name, width, height, source_quality(image), frame_count(image)
    )

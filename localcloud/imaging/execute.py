"""A rule on a file, from header to bytes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageSequence
from PIL.PngImagePlugin import PngInfo

from localcloud.imaging import blind, deadline, deep, faces, footprint, plan, streaming, svg
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
from localcloud.imaging.memory import BUDGET, BYTES_A_PIXEL, decoded_bytes
from localcloud.imaging.results import ImageResult
from localcloud.imaging.source import (
    check_size,
    decoding,
    frame_count,
    normalised,
    open_image,
    read_exif,
)
from localcloud.imaging.stages import apply_stage, upright, wants_upright
from shared.rules import (
    BlindExtraction,
    BlindWatermark,
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

_UNBOUND = Limits(*[sys.maxsize] * len(fields(Limits)))
# Of one frame, in milliseconds: what a GIF can say.
_LONGEST = 655_350
# A picture and the rule for it -> what to decode, and the rule for that.
Decode = Callable[[Image.Image, Rule, Limits], tuple[Image.Image, Rule]]
_INFORMATION = {ImageInfo: image_info, ImageAve: image_ave, Exif: exif}


def process(
    source: bytes | Path,
    rule: Rule,
    *,
    limits: Limits = LIMITS,
    marks: Mapping[str, bytes] = MappingProxyType({}),
    slow_jpeg: bool = False,
    decode: Decode | None = None,
) -> ImageResult:
    """Apply `rule`. CPU-bound and thread-safe.

    `marks` holds the files of image watermarks, and what blind ones need, by their address:
    nothing is fetched here. With `slow_jpeg` JPEG results are smaller at the same quality and take
    several times as long. `decode` gives the pixels of still pictures in place of `source`.

    Raises ImageError; with `ignore-error/1` in the rule the source comes back instead. How long it
    may take is up to the caller: see `deadline.watching`.
    """
    if rule.is_info:
        read = _INFORMATION[type(rule.stages[0])]
        return ImageResult(read(source, limits=limits), "application/json", "json", 0, 0, 100, 1)
    if rule.extraction is not None:
        return _extracted(source, rule.extraction, limits, marks)
    try:
        return _process(source, rule, limits, marks, slow_jpeg, decode=decode)
    except faces.NoFaceError:
        return _original(source)
    except MemoryError:
        if not rule.ignore_error:
            raise ImageError(RESULT_TOO_LARGE, "there is no memory for this picture") from None
    except ImageError:
        if not rule.ignore_error:
            raise
    return _original(source)


def _process(
    source: bytes | Path,
    rule: Rule,
    limits: Limits,
    marks: Mapping[str, bytes],
    slow_jpeg: bool,
    *,
    decode: Decode | None,
) -> ImageResult:
    if svg.wants(rule):
        return _drawing(svg.compress(_whole(source, limits), rule))
    image = open_image(source, limits)
    _refuse_round_gif(image, rule)
    blind.check_source(image, rule)
    encoding = encoding_of(rule, NAMES[str(image.format)], source_quality(image), slow=slow_jpeg)
    loop = image.info.get("loop")
    stamps = _stamps(rule, limits, marks)
    animated = encoding.format in ANIMATED and frame_count(image) > 1
    metadata = read_exif(image)
    orientation = metadata.get(ORIENTATION, 1)
    streams = None
    reduction = None
    if decode is not None and not animated:
        image, rule = decode(image, rule, limits)
    elif not animated:
        streams = streaming.plan(image, rule, orientation, limits)
        if streams is None:
            rule, reduction = plan.scaled_decoding(image, rule, limits)
    needed = _needed(image, rule, stamps, animated, limits) + blind.extra_bytes(image, rule)
    with BUDGET.reserved(needed, limits.memory):
        deadline.check()
        pixels = {address: normalised(stamp) for address, stamp in stamps.items()}
        job = _Job(rule, orientation, limits, marks, pixels, reduction)
        if metadata and (job.turns or encoding.format == "heif"):
            metadata[ORIENTATION] = 1
        kept = metadata if len(metadata) else None
        if deep.keeps(image, rule, encoding):
            return _deep(_whole(source, limits), job, kept, encoding)
        if streams is not None:
            streamed = streaming.render(source, image, streams, encoding=encoding, exif=kept)
            if streamed is None:
                deadline.check()
                rule, reduction = plan.scaled_decoding(image, rule, limits)
                job = replace(job, rule=rule, reduction=reduction)
            elif streamed.image is None:
                return _still(streamed.data, encoding, streamed.size)
            else:
                image, job = streamed.image, replace(job, rule=streamed.rest)
        frames = list(_frames(image, job, animated=animated))
        if encoding.format == "heif" and not any(map(wants_upright, rule.stages)):
            # HEIF readers turn a picture by its container and never by EXIF.
            frames = [replace(one, image=upright(one.image, orientation)) for one in frames]
        data, encoding = limited(frames, encoding, kept, loop)
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if encoding.or_source and len(data) >= size:
        return _original(source)
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


def _deep(source: bytes, job: _Job, metadata: Image.Exif | None, encoding: Encoding) -> ImageResult:
    image = deep.shaped(source, job.rule, job.orientation, job.limits)
    exif = metadata.tobytes() if metadata is not None and not encoding.strip else b""
    return _still(deep.written(image, exif), encoding, Size(image.width, image.height))


def _still(data: bytes, encoding: Encoding, size: Size) -> ImageResult:
    content_type = CONTENT_TYPES[encoding.format]
    return ImageResult(data, content_type, encoding.format, *size, encoding.reported_quality, 1)


def _needed(
    image: Image.Image,
    rule: Rule,
    stamps: Mapping[str, Image.Image],
    animated: bool,
    limits: Limits,
) -> int:
    """Bytes: the source, what each frame becomes at its largest, and the marks."""
    frames = frame_count(image) if animated else 1
    # Which way up the picture ends is only known behind the pixels of some formats.
    sizes = {address: Size(*stamp.size) for address, stamp in stamps.items()}
    size = Size(*image.size)
    largest = max(footprint.largest(size, rule, turn, limits, sizes) for turn in (1, 6))
    pixels = image.width * image.height + largest * frames
    return pixels * BYTES_A_PIXEL + sum(decoded_bytes(stamp) for stamp in stamps.values())


def _written_frames(data: bytes) -> int:
    """Encoders join frames that look alike, so what was written is counted."""
    return frame_count(Image.open(io.BytesIO(data)))


@dataclass(frozen=True)
class _Job:
    """What is done to every frame. `stamps` are the image marks by their address; `reduction` comes
    before the rule, on a still picture."""

    rule: Rule
    orientation: int
    limits: Limits
    marks: Mapping[str, bytes]
    stamps: Mapping[str, Image.Image]
    reduction: plan.Reduction | None

    @property
    def turns(self) -> bool:
        """Whether the pixels end upright, so that Orientation must say so."""
        return any(wants_upright(stage) for stage in self.rule.stages)


def _stamps(rule: Rule, limits: Limits, marks: Mapping[str, bytes]) -> dict[str, Image.Image]:
    addresses = {stage.image for stage in rule.stages if isinstance(stage, ImageWatermark)}
    missing = addresses - marks.keys()
    if missing:
        raise ImageError(BAD_PARAMETER, f"the watermark {min(missing)} is not at hand here")
    return {address: open_mark(marks[address], limits) for address in addresses}


def _frames(image: Image.Image, job: _Job, *, animated: bool) -> Iterator[Frame]:
    """The finished frames: all of them where the result can move, else the first."""
    first = normalised(image)
    if job.reduction is not None:
        first = job.reduction.apply(first)
    job = replace(job, rule=_with_faces_found(first, job))
    if not animated:
        yield Frame(_run(first, job))
        return
    with decoding():
        for raw in islice(ImageSequence.Iterator(image), _kept_frames(image, job.rule)):
            whole = raw.convert("RGBA" if raw.has_transparency_data else "RGB")
            frame = _run(normalised(whole), job)
            _check_result(frame, frame_count(image), job.limits)
            yield Frame(frame, min(int(raw.info.get("duration", 100)), _LONGEST))


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


def _with_faces_found(first: Image.Image, job: _Job) -> Rule:
    """The rule with each `scrop` as the part of the first frame that shows the faces."""
    stages = list(job.rule.stages)
    for index, stage in enumerate(stages):
        if isinstance(stage, ImageMogr2) and faces.wants_faces(stage):
            before = replace(job.rule, stages=tuple(stages[:index]))
            seen = _run(first, replace(job, rule=before))
            if wants_upright(stage):
                seen = upright(seen, job.orientation)
            stages[index] = faces.fixed(seen, stage, job.limits)
    return replace(job.rule, stages=tuple(stages))


def _run(image: Image.Image, job: _Job) -> Image.Image:
    orientation = job.orientation
    for stage in job.rule.stages:
        deadline.check()
        if wants_upright(stage):
            image = upright(image, orientation)
            orientation = 1
        if isinstance(stage, ImageWatermark):
            image = draw_image(image, stage, job.stamps[stage.image], job.limits)
        elif isinstance(stage, BlindWatermark):
            image = blind.add(image, stage, job.marks, job.limits)
        else:
            image = apply_stage(image, stage, job.limits)
    return image


def _whole(source: bytes | Path, limits: Limits) -> bytes:
    check_size(source, limits)
    return source if isinstance(source, bytes) else source.read_bytes()


def _drawing(drawing: svg.Drawing) -> ImageResult:
    width, height = drawing.size
    return ImageResult(drawing.data, svg.CONTENT_TYPE, svg.NAME, width, height, 100, 1)


def _extracted(
    source: bytes | Path, stage: BlindExtraction, limits: Limits, marks: Mapping[str, bytes]
) -> ImageResult:
    """What a blind mark holds, as a PNG; a text also stands in its Comment."""
    found = blind.extract(open_image(source, limits), stage, marks, limits)
    comment = PngInfo()
    if found.text is not None:
        comment.add_text("Comment", found.text)
    output = io.BytesIO()
    found.picture.save(output, "PNG", pnginfo=comment)
    width, height = found.picture.size
    data = output.getvalue()
    return ImageResult(data, CONTENT_TYPES["png"], "png", width, height, 100, 1, found.status)


def _original(source: bytes | Path) -> ImageResult:
    """The source as it is. No limit applies: only its header is read."""
    data = _whole(source, _UNBOUND)
    if svg.is_svg(data):
        return _drawing(svg.unchecked(data))
    image = open_image(source, _UNBOUND)
    name = NAMES[str(image.format)]
    width, height = image.size
    return ImageResult(
        data, CONTENT_TYPES[name], name, width, height, source_quality(image), frame_count(image)
    )

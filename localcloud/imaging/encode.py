"""Pixels -> a file, in the format and quality that a rule leads to."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from localcloud.imaging import apart, deadline, gif_colours, heif, png_writer, slow_jpeg
from localcloud.imaging.errors import BAD_FORMAT, RESULT_TOO_LARGE, ImageError, NotEnabledError
from shared import rules

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "heif": "image/heif",
    "bmp": "image/bmp",
}
LIBRARY_NAMES = {
    "jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "avif": "AVIF",
    "heif": "HEIF",
}  # fmt: skip
# An MPO is a JPEG with further pictures behind it, as some phones write them: the first counts.
NAMES = {library: name for name, library in LIBRARY_NAMES.items()} | {"MPO": "jpg"}
ANIMATED = ("gif", "webp")
_LOSSY = ("jpg", "webp", "avif", "heif")
_WITH_EXIF = ("jpg", "png", "webp", "avif", "heif")
_NAMED = {"yjpeg": "jpg", "heic": "heif"}
# Of 0 (slowest) to 10: the step where more time hardly makes smaller files.
_AVIF_SPEED = 6
# What one segment of a JPEG holds.
_MAX_EXIF = 65_533 - 6
# What the format's 14 bits for a side hold.
_WEBP_SIDE = 16_383
# For sources without a quality of their own.
DEFAULT_QUALITY = 85
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Encoding:
    """How to write. `quality` 1 to 100 counts for jpg and webp; `most_bytes` (0: no bound) for jpg.

    `or_source`: the source's bytes where the result is not smaller. `slow`: more time for a
    smaller JPEG.
    """

    format: str
    quality: int
    optimise: bool = False
    progressive: bool = False
    strip: bool = False
    most_bytes: int = 0
    or_source: bool = False
    slow: bool = False

    @property
    def reported_quality(self) -> int:
        return self.quality if self.format in _LOSSY else 100


@dataclass(frozen=True)
class Frame:
    """Pixels (L, RGB or RGBA) and how long they show, in milliseconds (0 for a still picture)."""

    image: Image.Image
    duration: int = 0


def encoding_of(
    rule: rules.Rule, source_format: str, source_quality: int, *, slow: bool = False
) -> Encoding:
    """Format and quality; of several, the last counts. Raises NotEnabledError."""
    known = source_format == "jpg"
    quality = source_quality if known else DEFAULT_QUALITY
    encoding = Encoding(source_format, quality, slow=slow)
    for stage in rule.stages:
        if isinstance(stage, rules.ImageMogr2):
            encoding = _from_mogr2(encoding, stage, source_quality)
        elif isinstance(stage, rules.ImageView2):
            encoding = _from_view2(encoding, stage, source_quality)
    _check_writable(encoding.format)
    return encoding


def _check_writable(name: str) -> None:
    if name == "tpg":
        raise NotEnabledError("tpg", "TPG is a closed format; allowed: avif, heif, webp")
    if name == "heif" and not heif.can_write():
        allowed = "allowed: avif, webp, or heif after `pip install pillow-heif` (GPL)"
        raise NotEnabledError("heif", f"no HEVC encoder is installed; {allowed}")
    prepare(name)


def prepare(name: str) -> None:
    """Load what writes the format, if that is not there from the start."""
    if name == "heif":
        heif.register()


def _from_mogr2(encoding: Encoding, stage: rules.ImageMogr2, source: int) -> Encoding:
    level, relative, least = None, None, None
    for operation in stage.operations:
        if isinstance(operation, rules.Format):
            optimise = operation.name == "yjpeg"
            name = _NAMED.get(operation.name, operation.name)
            encoding = replace(encoding, format=name, optimise=optimise)
        elif isinstance(operation, rules.Interlace):
            encoding = replace(encoding, progressive=operation.on)
        elif isinstance(operation, rules.Strip):
            encoding = replace(encoding, strip=True)
        elif isinstance(operation, rules.SizeLimit):
            bound = operation.bound
            encoding = replace(encoding, most_bytes=bound.bytes, or_source=bound.or_source)
        elif isinstance(operation, rules.Quality):
            level = operation.level
        elif isinstance(operation, rules.RelativeQuality):
            relative = operation.percent
        elif isinstance(operation, rules.LeastQuality):
            least = operation.value
    return replace(encoding, quality=_quality(encoding.quality, source, level, relative, least))


def _from_view2(encoding: Encoding, stage: rules.ImageView2, source: int) -> Encoding:
    quality = _quality(encoding.quality, source, stage.q, stage.rq, stage.lq)
    return replace(encoding, format=stage.format or encoding.format, quality=quality)


def _quality(
    current: int, source: int, level: rules.Level | None, relative: int | None, least: int | None
) -> int:
    """CI manual 004:2408: absolute (at most the source's unless forced), relative, at least."""
    if level is not None:
        current = level.value if level.forced else min(source, level.value)
    if relative is not None:
        current = source * relative // 100
    if least is not None:
        current = max(source if level is None and relative is None else current, least)
    return min(max(current, 1), 100)


def limited(
    frames: list[Frame], encoding: Encoding, exif: Image.Exif | None, loop: int | None
) -> tuple[bytes, Encoding]:
    """The file, and the encoding that was used: a JPEG with a bound gets the best quality that
    keeps it, found by halving (CI manual 004:5137); quality 1 if none does."""
    data = encode(frames, encoding, exif, loop)
    if encoding.format != "jpg" or not encoding.most_bytes:
        return data, encoding
    if len(data) <= encoding.most_bytes:
        return data, encoding
    low, high = 1, encoding.quality
    while low < high:
        middle = (low + high + 1) // 2
        data = encode(frames, replace(encoding, quality=middle), exif, loop)
        if len(data) <= encoding.most_bytes:
            low = middle
        else:
            high = middle - 1
    encoding = replace(encoding, quality=low)
    return encode(frames, encoding, exif, loop), encoding


def encode(
    frames: list[Frame], encoding: Encoding, exif: Image.Exif | None, loop: int | None
) -> bytes:
    """The file; `loop` as in the source, None for an animation that plays once.

    Raises ImageError when the format cannot hold the picture, and once the job is to end.
    """
    deadline.check()
    _check_sides(frames, encoding.format)
    tags = b""
    if exif is not None and not encoding.strip and encoding.format in _WITH_EXIF:
        tags = metadata(exif)
    write = apart.encode if apart.is_worth(frames, encoding) else written
    return write(frames, encoding, tags, loop)


def written(frames: Sequence[Frame], encoding: Encoding, exif: bytes, loop: int | None) -> bytes:
    """`encode` on this thread, to the end; `exif` as in a JPEG's segment, empty for none."""
    images = [_fitting(frame.image, encoding.format) for frame in frames]
    options = _options(encoding)
    if exif:
        options["exif"] = exif
    if len(images) > 1:
        options |= {
            "save_all": True,
            "append_images": images[1:],
            "duration": [frame.duration for frame in frames],
        }
        if encoding.format == "gif":
            options["disposal"] = 2
        if loop is not None or encoding.format == "webp":
            options["loop"] = 1 if loop is None else loop
    if encoding.format == "jpg" and encoding.slow:
        return slow_jpeg.encode(images[0], encoding.quality, exif)
    if encoding.format == "png" and png_writer.is_faster(images[0]):
        return png_writer.write(images[0], exif)
    output = io.BytesIO()
    try:
        images[0].save(output, LIBRARY_NAMES[encoding.format], **options)
    except (OSError, ValueError, OverflowError, RuntimeError) as error:
        raise ImageError(BAD_FORMAT, f"{encoding.format} cannot hold the result: {error}") from None
    return output.getvalue()


def _check_sides(frames: list[Frame], name: str) -> None:
    width, height = frames[0].image.size
    if name == "webp" and max(width, height) > _WEBP_SIDE:
        raise ImageError(
            RESULT_TOO_LARGE,
            f"the result would be {width}x{height}: webp holds at most {_WEBP_SIDE} px a side",
        )


def metadata(exif: Image.Exif) -> bytes:
    """The EXIF as it is written; empty where it is too long for the format, or damaged in the
    source."""
    try:
        data = exif.tobytes()
    except (ValueError, TypeError, AttributeError, ArithmeticError, struct.error):
        return b""
    return data if len(data) <= _MAX_EXIF else b""


def _options(encoding: Encoding) -> dict[str, object]:
    if encoding.format == "jpg":
        return {
            "quality": encoding.quality,
            "optimize": encoding.optimise,
            "progressive": encoding.progressive or encoding.optimise,
        }
    if encoding.format == "webp":
        return {"quality": encoding.quality, "method": 4}
    if encoding.format == "avif":
        return {"quality": encoding.quality, "speed": _AVIF_SPEED, "max_threads": 1}
    if encoding.format == "heif":
        # What is not named is taken from the source, stripped or not.
        own = {"exif": None, "xmp": None}
        return {"quality": encoding.quality, "chroma": 420, **own}
    return {}


def on_white(image: Image.Image) -> Image.Image:
    """The picture without alpha: what was transparent is white."""
    if image.mode != "RGBA":
        return image
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _fitting(image: Image.Image, name: str) -> Image.Image:
    """The picture in a mode that the format has; without alpha, transparency becomes white."""
    if name in ("jpg", "bmp"):
        return on_white(image)
    if name == "gif":
        return gif_colours.reduced(image)
    return image.convert("RGB") if image.mode == "L" and name in ("webp", "avif", "heif") else image

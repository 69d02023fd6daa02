"""What a picture is: `imageInfo`, and the `ImageInfo` of persistent processing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags, Image

from localcloud.imaging import deep, svg
from localcloud.imaging.encode import NAMES, ORIENTATION, on_white
from localcloud.imaging.jpeg_quality import source_quality
from localcloud.imaging.limits import LIMITS, Limits
from localcloud.imaging.memory import BUDGET, decoded_bytes
from localcloud.imaging.plan import Part
from localcloud.imaging.results import ImageFacts
from localcloud.imaging.source import check_size, frame_count, normalised, open_image, read_exif

# Tags that only say where the other tables are.
_POINTERS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop)
_DEPTH = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 16, "F": 32}


def describe(source: bytes | Path, *, limits: Limits = LIMITS) -> ImageFacts:
    """Read all facts. Raises ImageError for what is no (whole) picture."""
    check_size(source, limits)
    data = source if isinstance(source, bytes) else source.read_bytes()
    if svg.is_svg(data):
        return _of_drawing(data)
    image = open_image(data, limits)
    dpi = image.info.get("dpi", (0, 0))
    width, height = image.size
    frames, depth, quality = frame_count(image), _DEPTH.get(image.mode, 8), source_quality(image)
    depth = 16 if deep.is_deep(image) else depth
    with _decoded_small(image, limits) as part:
        orientation = read_exif(image).get(ORIENTATION, 1)
        average = _average(image, part)
    return ImageFacts(
        format={"jpg": "jpeg"}.get(name := NAMES[str(image.format)], name),
        width=width,
        height=height,
        quality=quality,
        average=average,
        orientation=orientation if orientation in range(1, 9) else 1,
        frames=frames,
        bit_depth=depth,
        horizontal_dpi=round(float(dpi[0])),
        vertical_dpi=round(float(dpi[1])),
        size=len(data),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
    )


def _of_drawing(data: bytes) -> ImageFacts:
    width, height = svg.check(data).size
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return ImageFacts(svg.NAME, width, height, 100, None, 1, 1, 8, 0, 0, len(data), digest)


def image_info(source: bytes | Path, *, limits: Limits = LIMITS) -> bytes:
    """The JSON of `imageInfo`: every value is text (CI manual 004:4246)."""
    facts = describe(source, limits=limits)
    known = {
        "format": facts.format,
        "width": str(facts.width),
        "height": str(facts.height),
        "size": str(facts.size),
        "md5": facts.md5,
        "frame_count": str(facts.frames),
    }
    average = {} if facts.average is None else {"photo_rgb": facts.average}
    return json.dumps(known | average).encode()


def image_ave(source: bytes | Path, *, limits: Limits = LIMITS) -> bytes:
    """The JSON of `imageAve` (CI manual 004:4392)."""
    image = open_image(source, limits)
    with _decoded_small(image, limits) as part:
        return json.dumps({"RGB": _average(image, part)}).encode()


def exif(source: bytes | Path, *, limits: Limits = LIMITS) -> bytes:
    """The JSON of `exif` (CI manual 004:4304): `{"<tag>": {"val": "<text>"}}`."""
    image = open_image(source, limits)
    with _decoded_small(image, limits):
        found = read_exif(image)
    tags: dict[str, dict[str, str]] = {}
    for names, values in (
        (ExifTags.TAGS, found),
        (ExifTags.TAGS, found.get_ifd(ExifTags.IFD.Exif)),
        (ExifTags.GPSTAGS, found.get_ifd(ExifTags.IFD.GPSInfo)),
    ):
        for number, value in values.items():
            if number not in _POINTERS:
                tags[names.get(number, f"0x{number:04X}")] = {"val": _shown(value)}
    return json.dumps(tags or {"error": "no exif data"}, ensure_ascii=False).encode()


def _shown(value: object) -> str:
    """A tag's value as text; what is no text is shown as numbers or in hexadecimal."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0")
        return text.decode() if text.isascii() and text.decode().isprintable() else value.hex()
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return str(value).rstrip("\0").encode("utf-8", "replace").decode()


@contextmanager
def _decoded_small(image: Image.Image, limits: Limits) -> Iterator[Part]:
    """Room for the pixels; of a JPEG an eighth of the size, with the same mean, is decoded.

    Gives the part of these pixels that is the picture: what the decoder adds to odd sizes is not.
    """
    found = None
    if NAMES[str(image.format)] == "jpg":
        found = image.draft("RGB", (max(1, image.width // 8), max(1, image.height // 8)))
    part = found[1] if found else (0, 0, *image.size)
    with BUDGET.reserved(decoded_bytes(image), limits.memory):
        yield part


def _average(image: Image.Image, part: Part) -> str:
    """The mean of all pixels of `part`, transparent ones laid on white."""
    mean = (
        on_white(normalised(image))
        .convert("RGB")
        .resize((1, 1), Image.Resampling.BOX, part)
        .getpixel((0, 0))
    )
    red, green, blue = mean if isinstance(mean, tuple) else (0, 0, 0)
    return f"0x{int(red):02x}{int(green):02x}{int(blue):02x}"

"""The other pictures of a picture's file: those behind the first one of an MPO, and the small one
in its EXIF data, which a folder shows."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import ExifTags, Image

from localcloud.detectors.judgement import NOT_ELIGIBLE, UnjudgeableError
from localcloud.imaging.errors import ImageError
from localcloud.imaging.source import read_exif

MAX_PICTURES = 8  # of an MPO
MAX_SIDE = 1024  # px of a thumbnail; the standard has 160 x 120
_PREFIX = b"Exif\0\0"
_STRIPS, _OFFSET, _LENGTH = 273, 513, 514
_BROKEN = (ImageError, OSError, ValueError, KeyError, TypeError, IndexError, SyntaxError,
           struct.error)  # fmt: skip


def count(image: Image.Image) -> int:
    """How many pictures the file has, frames of an animation aside. Raises UnjudgeableError."""
    found = int(getattr(image, "n_frames", 1)) if image.format == "MPO" else 1
    if found > MAX_PICTURES:
        raise UnjudgeableError(
            NOT_ELIGIBLE, f"the file has {found} pictures: at most {MAX_PICTURES} are allowed"
        )
    return found


def pictures(image: Image.Image) -> Iterator[Image.Image]:
    """All but the first. Raises UnjudgeableError, ImageError for damaged ones."""
    if small := thumbnail(image):
        yield small
    for number in range(1, count(image)):
        image.seek(number)
        yield image


def thumbnail(image: Image.Image) -> Image.Image | None:
    """None without one. Raises UnjudgeableError for one that cannot be read."""
    raw = image.info.get("exif")
    if not isinstance(raw, bytes):
        return None
    try:
        found = read_exif(image).get_ifd(ExifTags.IFD.IFD1)
    except _BROKEN:
        # Of data that is damaged nobody makes a thumbnail.
        return None
    if not {_STRIPS, _OFFSET} & found.keys():
        return None
    try:
        begin, length = int(found[_OFFSET]), int(found[_LENGTH])
        data = raw.removeprefix(_PREFIX)[begin : begin + length]
        small = Image.open(io.BytesIO(data), formats=("JPEG",))
        if max(small.size) > MAX_SIDE:
            raise ValueError(f"{small.size} px")
        small.load()
    except _BROKEN:
        raise UnjudgeableError(
            NOT_ELIGIBLE, f"the picture's thumbnail is no JPEG of up to {MAX_SIDE} px a side"
        ) from None
    return small

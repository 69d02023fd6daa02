"""JPEGs that take longer to write and are smaller at the same look, for Guetzli's switch.

The encoder is mozjpeg's, inside libvips: trellis quantisation and optimised scans. Which of two
quantisation tables serves a picture best, and at what quality it looks like a plain JPEG of the
quality asked for, is found on samples of it by SSIM. Guetzli itself takes a minute a megapixel.
"""

from __future__ import annotations

import io

from PIL import Image

from localcloud.imaging import deadline
from localcloud.imaging.similarity import Reference

# The standard's own, and the flat one: what suits depends on how much fine structure there is.
_STANDARD, _FLAT = 0, 1
_SAMPLE = 512  # px a side
_SAMPLES = 2  # in each direction
_MAX_SEGMENT = 65_533


def encode(image: Image.Image, quality: int, exif: bytes) -> bytes:
    """The file. `image` is L or RGB; `quality` 1 to 100; `exif` as it stands in the segment."""
    sample = _sample(image)
    reference = Reference(sample)
    look = reference.ssim(_opened(_plain(sample, quality)))
    found = [_smallest(sample, reference, look, table) for table in (_STANDARD, _FLAT)]
    _, table, own_quality = min(found)
    return _with_exif(_trellis(image, own_quality, table), exif)


def _smallest(
    sample: Image.Image, reference: Reference, look: float, table: int
) -> tuple[int, int, int]:
    """Bytes of the sample, the table, and the lowest quality that looks as good."""
    low, high = 1, 100
    size = 0
    while low < high:
        deadline.check()
        middle = (low + high) // 2
        data = _trellis(sample, middle, table)
        if reference.ssim(_opened(data)) >= look:
            high, size = middle, len(data)
        else:
            low = middle + 1
    return size or len(_trellis(sample, high, table)), table, high


def _sample(image: Image.Image) -> Image.Image:
    """The picture, or tiles from all over a large one, side by side."""
    side = _SAMPLE * _SAMPLES
    if image.width <= side or image.height <= side:
        width, height = min(image.width, 2 * side), min(image.height, 2 * side)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))
    sheet = Image.new(image.mode, (side, side))
    for row in range(_SAMPLES):
        for column in range(_SAMPLES):
            left = (2 * column + 1) * image.width // (2 * _SAMPLES) - _SAMPLE // 2
            top = (2 * row + 1) * image.height // (2 * _SAMPLES) - _SAMPLE // 2
            tile = image.crop((left, top, left + _SAMPLE, top + _SAMPLE))
            sheet.paste(tile, (column * _SAMPLE, row * _SAMPLE))
    return sheet


def _plain(image: Image.Image, quality: int) -> bytes:
    output = io.BytesIO()
    image.save(output, "JPEG", quality=quality)
    return output.getvalue()


def _trellis(image: Image.Image, quality: int, table: int) -> bytes:
    from localcloud.imaging.vips import pyvips

    bands, space = (1, "b-w") if image.mode == "L" else (3, "srgb")
    pixels = pyvips.Image.new_from_memory(
        image.tobytes(), image.width, image.height, bands, "uchar"
    ).copy(interpretation=space)
    data: bytes = pixels.jpegsave_buffer(
        Q=quality,
        optimize_coding=True,
        interlace=True,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_scans=True,
        quant_table=table,
        subsample_mode="on",
        keep="none",
    )
    return data


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=("JPEG",))


def _with_exif(data: bytes, exif: bytes) -> bytes:
    """The metadata as the first segment."""
    if not exif or len(exif) + 2 > _MAX_SEGMENT:
        return data
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    return data[:2] + segment + data[2:]

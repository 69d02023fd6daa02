"""The quality that a JPEG was written with, estimated from its quantisation table."""

from __future__ import annotations

from PIL import Image

# Sum of the luminance table of ITU-T T.81 annex K.1 at each quality, as libjpeg scales it.
_STANDARD = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def _sum(quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((entry * scale + 50) // 100, 1), 255) for entry in _STANDARD)


_SUMS = {quality: _sum(quality) for quality in range(1, 101)}
UNKNOWN = 100


def source_quality(image: Image.Image) -> int:
    """1 to 100; 100 for formats that have no quality."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return UNKNOWN
    found = sum(tables[min(tables)])
    return min(_SUMS, key=lambda quality: (abs(_SUMS[quality] - found), -quality))

"""What the engine answers with. Light: whoever only names these types loads no image library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageResult:
    """A finished file. `format` is jpg, png, gif, webp, bmp, or json for information rules;
    `quality` is 100 where the format has none; `frames` is 1 for a still picture;
    `watermark_status` (0 to 100) is only for the extraction of a full blind mark."""

    data: bytes
    content_type: str
    format: str
    width: int
    height: int
    quality: int
    frames: int
    watermark_status: int | None = None


@dataclass(frozen=True)
class ImageFacts:
    """`format` as jpeg, png, gif, webp, bmp, avif, heif or svg; sides in px; `size` in bytes;
    `average` as 0xRRGGBB, None for a drawing; `quality` 1 to 100, estimated, 100 for formats
    without; resolutions in dpi."""

    format: str
    width: int
    height: int
    quality: int
    average: str | None
    orientation: int
    frames: int
    bit_depth: int
    horizontal_dpi: int
    vertical_dpi: int
    size: int
    md5: str

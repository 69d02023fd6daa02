"""Which pictures blind marks are for: told from the header, without what finds or writes them."""

from __future__ import annotations

from PIL import Image

from localcloud.imaging.errors import BAD_FORMAT, TOO_MANY_PIXELS, ImageError
from localcloud.imaging.source import frame_count
from shared.rules import BlindWatermark, Rule

# Ours: what one job can take.
MAX_PIXELS = 50_000_000
_WRITING_BYTES = 12


def check_source(image: Image.Image, rule: Rule) -> None:
    """Refuse from the header what cannot be marked: animations and GIF (004:7670), large pictures.

    Raises ImageError.
    """
    if not _writes(rule):
        return
    if image.format == "GIF" or frame_count(image) > 1:
        raise ImageError(BAD_FORMAT, "blind watermarks are not for GIF and animated sources")
    check_pixels(image)


def extra_bytes(image: Image.Image, rule: Rule) -> int:
    """What writing marks takes beside the decoded picture."""
    return image.width * image.height * _WRITING_BYTES if _writes(rule) else 0


def check_still(image: Image.Image) -> None:
    """Raises ImageError for an animation or a large picture."""
    if frame_count(image) > 1:
        raise ImageError(BAD_FORMAT, "the picture is animated: a still one is expected")
    check_pixels(image)


def check_pixels(image: Image.Image) -> None:
    """Raises ImageError."""
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            TOO_MANY_PIXELS,
            f"the picture is {image.width}x{image.height}: blind watermarks are for at most "
            f"{MAX_PIXELS} pixels",
        )


def _writes(rule: Rule) -> bool:
    return any(isinstance(stage, BlindWatermark) for stage in rule.stages)

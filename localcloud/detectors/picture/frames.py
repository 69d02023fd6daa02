"""A picture file -> the frames of it that are judged, as pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.detectors.judgement import BROKEN, NOT_ELIGIBLE, TOO_LARGE, UnjudgeableError
from localcloud.detectors.policy import Policy
from localcloud.imaging import errors
from localcloud.imaging.limits import LIMITS

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# CI's: larger pictures only with LargeImageDetect, and up to LIMITS.source_size then.
MAX_SIZE = 5 * 1024**2
# What the service takes; our decoder reads more.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP")
# A larger picture is made smaller before any engine sees it, px of the longer side.
MOST_SIDE = 3200
# Longer than wide by so much: it is cut, not made smaller, or its text could not be read.
_LONG = 2.5
_MOST_WIDTH = 1600
_PIECE = 1.5  # lengths of a piece, in widths of the picture
_SHARED = 0.15  # of a piece, with the next one
_MOST_PIECES = 32
_DARK = 128
_NUMBERS = {
    errors.TOO_LARGE: TOO_LARGE,
    errors.TOO_MANY_PIXELS: TOO_LARGE,
    errors.NOT_AN_IMAGE: NOT_ELIGIBLE,
}


def frames(source: bytes | Path, policy: Policy) -> Iterator[tuple[int, np.ndarray]]:
    """(number of the frame, its pixels as RGB) of a still or animated picture.

    Of an animation one frame in `policy.interval`, at most `policy.max_frames`. Pixels are turned
    as they are shown; transparency is laid on what its drawing stands out from. Raises
    UnjudgeableError: no picture, damaged, too large; size and frames are taken from the header.
    """
    import numpy as np
    from PIL import ImageOps

    from localcloud.imaging.source import decoding, frame_count, open_image

    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if MAX_SIZE < size <= LIMITS.source_size and not policy.large_image:
        raise UnjudgeableError(
            TOO_LARGE,
            f"the picture has {size} bytes: at most {MAX_SIZE} without LargeImageDetect, at most "
            f"{LIMITS.source_size} with it",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = open_image(source, LIMITS)
            if image.format not in FORMATS:
                raise UnjudgeableError(
                    NOT_ELIGIBLE,
                    f"a {image.format} picture is not audited; allowed: JPEG, PNG, GIF, WebP, BMP",
                )
            with decoding():
                numbers = range(0, frame_count(image), max(1, policy.interval))
                for number in islice(numbers, max(1, policy.max_frames)):
                    if number:
                        image.seek(number)
                    elif image.format == "JPEG":
                        _draft(image)
                    turned = ImageOps.exif_transpose(image)
                    yield number, np.asarray(_opaque(_smaller(turned)))
    except errors.ImageError as error:
        raise UnjudgeableError(_NUMBERS.get(error.number, BROKEN), error.message) from None


def pieces(pixels: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """(left, top, part) of a long picture; the whole of any other.

    Parts share an edge, so that a line of text at a cut is whole in one of them.
    """
    height, width = pixels.shape[:2]
    across, along = min(width, height), max(width, height)
    if along <= across * _LONG or along <= _MOST_WIDTH:
        yield 0, 0, pixels
        return
    length = max(round(across * _PIECE), _MOST_WIDTH // 2, -(-along // _MOST_PIECES))
    step = max(1, round(length * (1 - _SHARED)))
    for start in range(0, max(1, along - length + step), step):
        if height >= width:
            yield 0, start, pixels[start : start + length]
        else:
            yield start, 0, pixels[:, start : start + length]


def decoded(data: bytes) -> Image.Image:
    """The whole of a still picture from a program we trust, such as a renderer of pages."""
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def _long(width: int, height: int) -> bool:
    return max(width, height) > min(width, height) * _LONG


def _draft(image: Image.Image) -> None:
    """Have a large JPEG decoded at a half or less, never below what is judged."""
    if not _long(*image.size) and (factor := max(image.size) // MOST_SIDE) > 1:
        image.draft("RGB", (image.width // factor, image.height // factor))


def _smaller(image: Image.Image) -> Image.Image:
    width, height = image.size
    if _long(width, height):
        scale = min(1.0, _MOST_WIDTH / min(width, height))
    else:
        scale = min(1.0, MOST_SIDE / max(width, height))
    if scale == 1.0:
        return image
    if image.mode in ("P", "1", "I;16", "I", "F"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.resize((max(1, round(width * scale)), max(1, round(height * scale))))


def _opaque(image: Image.Image) -> Image.Image:
    """RGB. Behind transparency lies black if what is drawn is light, else white: text that can
    only be seen on one of them is seen."""
    from PIL import Image, ImageStat

    from localcloud.imaging.source import normalised

    plain = normalised(image)
    if plain.mode != "RGBA":
        return plain.convert("RGB")
    alpha = plain.getchannel("A")
    drawn = ImageStat.Stat(plain.convert("L"), alpha.point(lambda value: 255 if value else 0))
    light = bool(drawn.count[0]) and drawn.mean[0] > _DARK
    ground = Image.new("RGB", plain.size, "black" if light else "white")
    ground.paste(plain, mask=alpha)
    return ground

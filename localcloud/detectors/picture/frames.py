"""A picture file -> the frames of it that are judged, as pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
_NUMBERS = {
    errors.TOO_LARGE: TOO_LARGE,
    errors.TOO_MANY_PIXELS: TOO_LARGE,
    errors.NOT_AN_IMAGE: NOT_ELIGIBLE,
}


class Frame(NamedTuple):
    """A frame by its number, as RGB pixels; how many the animation has, and how many pictures the
    file (1 but for an MPO)."""

    number: int
    pixels: np.ndarray
    frame_count: int = 1
    picture_count: int = 1


def frames(source: bytes | Path, policy: Policy) -> Iterator[Frame]:
    """All that is seen of a still or animated picture.

    Of an animation one frame in `policy.interval`, at most `policy.max_frames`. Pixels are turned
    as they are shown; a frame with transparency comes once for each ground that shows more of it.
    The file's other pictures, such as its thumbnail, follow as frame 0. Raises UnjudgeableError: no
    picture, damaged, too large; size and frames are taken from the header.
    """
    from localcloud.detectors.picture import beside
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
                count, pictures = frame_count(image), beside.count(image)
                numbers = range(0, count, max(1, policy.interval))
                for number in islice(numbers, max(1, policy.max_frames)):
                    if number:
                        image.seek(number)
                    elif image.format == "JPEG":
                        _draft(image)
                    for pixels in _seen(image):
                        yield Frame(number, pixels, count, pictures)
                for other in beside.pictures(image):
                    for pixels in _seen(other):
                        yield Frame(0, pixels, count, pictures)
    except errors.ImageError as error:
        raise UnjudgeableError(_NUMBERS.get(error.number, BROKEN), error.message) from None


def pieces(pixels: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """(left, top, part) of a long picture; the whole of any other.

    Parts share an edge, so that a line of text at a cut is whole in one of them. Lines along a wide
    picture are longer than that: it comes as a whole besides, in which large letters are read.
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
    if width > height:
        yield 0, 0, pixels


def decoded(data: bytes) -> Image.Image:
    """The whole of a still picture from a program we trust, such as a renderer of pages."""
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def _seen(image: Image.Image) -> Iterator[np.ndarray]:
    import numpy as np
    from PIL import ImageOps

    from localcloud.detectors.picture.views import views

    for view in views(_smaller(ImageOps.exif_transpose(image))):
        yield np.asarray(view)


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

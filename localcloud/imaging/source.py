"""A file -> checked header -> pixels in a mode that operations can work on."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageCms, UnidentifiedImageError

from localcloud.imaging import claimed_size, gif_frames, heif, jpeg_scans, png_chunks
from localcloud.imaging.errors import (
    DAMAGED,
    EMPTY,
    NOT_AN_IMAGE,
    TOO_LARGE,
    TOO_MANY_PIXELS,
    ImageError,
)
from localcloud.imaging.limits import Limits

# Only these decoders ever see a file; the others of the library are never tried.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF")
# The library's own bound would warn at a third of CI's: ours is checked from the header.
Image.MAX_IMAGE_PIXELS = None
# Damaged metadata is no news for whoever runs the server.
warnings.filterwarnings("ignore", module=r"PIL\.")
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError,
           TypeError, AttributeError, ArithmeticError, MemoryError, RuntimeError)  # fmt: skip
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@contextmanager
def decoding() -> Iterator[None]:
    """Turn what a decoder raises for a damaged file into an ImageError."""
    try:
        yield
    except _BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(DAMAGED, f"the source is damaged: {reason}") from None


def open_image(source: bytes | Path, limits: Limits) -> Image.Image:
    """The picture with its header read and within `limits`; no pixel is decoded yet.

    Raises ImageError: empty, too large, no picture, too many pixels or frames.
    """
    check_size(source, limits)
    _check_gif(source, limits)
    _check_jpeg(source, limits)
    _check_png(source, limits)
    formats = FORMATS
    if heif.is_heif(_beginning(source)):
        heif.register()
        formats = (*FORMATS, "HEIF")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        image = Image.open(file, formats=formats)
    except UnidentifiedImageError:
        _check_claim(source, limits)
        raise ImageError(
            NOT_AN_IMAGE, f"the source is no picture: {', '.join(FORMATS)}, HEIF are read"
        ) from None
    except _BROKEN as error:
        _check_claim(source, limits)
        raise ImageError(DAMAGED, f"the source's header is damaged: {error}") from None
    _check(image, limits)
    return image


def check_size(source: bytes | Path, limits: Limits) -> None:
    """Raises ImageError for a file that is empty or too large."""
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size == 0:
        raise ImageError(EMPTY, "the source is empty: a picture is expected")
    if size > limits.source_size:
        raise ImageError(
            TOO_LARGE, f"the source has {size} bytes: at most {limits.source_size} are allowed"
        )


def _beginning(source: bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source[: heif.HEADER]
    with source.open("rb") as file:
        return file.read(heif.HEADER)


def _check_gif(source: bytes | Path, limits: Limits) -> None:
    """Count a GIF's frames, and see that none is larger than its canvas may be, block by block:
    the decoder would make room for each before it says how large it is."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(4) != b"GIF8":
            return
        canvas = gif_frames.scan(file, limits.frames, limits.pieces)
    side, pixels = max(canvas.width, canvas.height), canvas.width * canvas.height
    if (
        side > limits.source_side
        or canvas.frames > limits.frames
        or pixels * canvas.frames > limits.pixels
    ):
        raise ImageError(
            TOO_MANY_PIXELS,
            f"the source has frames of {canvas.width}x{canvas.height}, {canvas.frames} or more: at "
            f"most {limits.frames} frames, {limits.source_side} px a side and {limits.pixels} "
            "pixels in all are allowed",
        )
    _check_pieces("blocks", canvas.pieces, limits)


def _check_png(source: bytes | Path, limits: Limits) -> None:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(4) == b"\x89PNG":
            _check_pieces("chunks", png_chunks.count(file, limits.pieces), limits)


def _check_pieces(name: str, count: int, limits: Limits) -> None:
    """Whoever reads a file in its smallest parts is busy for long."""
    if count > limits.pieces:
        raise ImageError(
            DAMAGED, f"the source has over {limits.pieces} {name}: no more are allowed"
        )


def _check_jpeg(source: bytes | Path, limits: Limits) -> None:
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(3) != b"\xff\xd8\xff":
            return
        found = jpeg_scans.scan(file, limits.pieces)
    if found.count > limits.scans:
        raise ImageError(
            DAMAGED, f"the source has {found.count} scans: at most {limits.scans} are allowed"
        )
    if found.count:
        _check_pieces("segments or stray bytes", found.pieces, limits)
    elif found.pieces > limits.pieces:
        raise ImageError(
            NOT_AN_IMAGE, f"the source is no picture: no scan within {limits.pieces} pieces"
        )


def _check_claim(source: bytes | Path, limits: Limits) -> None:
    """Say of a file that its decoder refuses when it is its size that is wrong."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        size = claimed_size.read(file)
    if size is not None:
        _check_sides(size, limits)


def _check_sides(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if max(width, height) > limits.source_side:
        raise ImageError(
            TOO_MANY_PIXELS,
            f"the source is {width}x{height}: at most {limits.source_side} px a side are allowed",
        )
    if width * height > limits.pixels:
        raise ImageError(
            TOO_MANY_PIXELS, f"the source is {width}x{height}: at most {limits.pixels} pixels"
        )


def _check(image: Image.Image, limits: Limits) -> None:
    _check_sides(image.size, limits)
    width, height = image.size
    with decoding():
        frames = frame_count(image)
    if frames > limits.frames or width * height * frames > limits.pixels:
        raise ImageError(
            TOO_MANY_PIXELS,
            f"the source has {frames} frames of {width}x{height}: at most {limits.frames} frames "
            f"and {limits.pixels} pixels in all are allowed",
        )


def frame_count(image: Image.Image) -> int:
    """1 for a still picture."""
    return 1 if image.format in ("MPO", "HEIF") else int(getattr(image, "n_frames", 1))


def read_exif(image: Image.Image) -> Image.Exif:
    """The metadata. Raises ImageError: a PNG may keep it behind the pixels, which are read then."""
    with decoding():
        if image.format == "PNG" and image.fp and not png_chunks.has_late_metadata(image.fp):
            return Image.Image.getexif(image)
        return image.getexif()


def normalised(image: Image.Image) -> Image.Image:
    """Loaded pixels as L, RGB or RGBA, in sRGB. Raises ImageError for a damaged picture."""
    with decoding():
        promised = image.size
        image.load()
        if image.size != promised:
            raise ValueError(f"{image.size} px behind a header that says {promised}")
        profile = image.info.get("icc_profile")
        # Ink and grey have profiles of their own kind; a palette's colours are RGB.
        own_kind = image.mode in ("CMYK", "L") and "transparency" not in image.info
        plain = image if profile and own_kind else _plain(image)
        converted = _to_srgb(plain, profile) if profile else None
        return _plain(plain) if converted is None else converted


def _plain(image: Image.Image) -> Image.Image:
    transparent = "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa")
    if image.mode in ("L", "RGB", "RGBA") and not transparent:
        return image
    if image.mode.startswith("I"):
        # 16 bits: the upper eight are what is shown.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("1", "F"):
        return image.convert("L")
    return image.convert("RGBA" if transparent or image.mode == "RGBA" else "RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """None where the profile is sRGB's own or does not fit the picture."""
    if profile == _SRGB:
        return None
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        return ImageCms.profileToProfile(
            image, io.BytesIO(profile), io.BytesIO(_SRGB), outputMode=mode
        )
    except ImageCms.PyCMSError:
        return None

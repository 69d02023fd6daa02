"""A large JPEG's pixels at a fraction of its size, from which smaller sizes are made.

Nearly all of a thumbnail's time goes to entropy decoding, which needs the whole file however small
the result. A proxy has done that once. It holds the file's header as it is, so that orientation,
colour profile, metadata and quality are read from the original, and pixels that are not compressed
again: reading them takes no time, and they lose nothing but size.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image

from localcloud.imaging import jpeg_scans, plan
from localcloud.imaging.errors import ImageError
from localcloud.imaging.execute import process
from localcloud.imaging.geometry import Size
from localcloud.imaging.limits import LIMITS, Limits
from localcloud.imaging.memory import BUDGET, BYTES_A_PIXEL
from localcloud.imaging.results import ImageResult
from localcloud.imaging.source import decoding, open_image
from shared.rules import ImageMogr2, Rule, SizeLimit

MIN_PIXELS = 4_000_000  # below, decoding the original takes hardly longer
MIN_SIDE = 900  # of the longer side of a proxy, in px: enough for results of 600
_SCALES = (8, 4, 2)
_NARROWER = 0.95  # how far a proxy may shrink to have the picture's exact ratio of sides
_MODES = ("RGB", "L")
_HEAD = struct.Struct(">4sIII3s")
_MAGIC = b"PXY1"


@dataclass(frozen=True)
class Proxy:
    """`header` is the original up to its coded data. `pixels` are `mode` (RGB or L), row by row:
    first those at half of `size`, from which small results are faster, then those at `size`."""

    header: bytes
    mode: str
    size: Size
    pixels: bytes | memoryview

    def to_bytes(self) -> bytes:
        """A file that `read` understands."""
        head = _HEAD.pack(_MAGIC, len(self.header), *self.size, self.mode.encode().ljust(3))
        return b"".join((head, self.header, self.pixels))

    def render(
        self,
        rule: Rule,
        *,
        limits: Limits = LIMITS,
        marks: Mapping[str, bytes] = MappingProxyType({}),
        slow_jpeg: bool = False,
    ) -> ImageResult | None:
        """What `process` gives for the original. None where only the original can tell: the rule
        does more than scale down by enough, it fails, or its answer is the original."""
        if rule.is_info or rule.extraction is not None or _weighs_original(rule):
            return None
        try:
            result = process(
                self.header,
                rule,
                limits=limits,
                marks=marks,
                slow_jpeg=slow_jpeg,
                decode=self._decode,
            )
        except (_TooSmallError, ImageError):
            return None
        return None if result.data is self.header else result

    def _decode(self, image: Image.Image, rule: Rule, limits: Limits) -> tuple[Image.Image, Rule]:
        """In place of decoding `image`, the header's picture."""
        scaling = plan.first_scaling(image, rule, limits)
        if scaling is None or not _suits(scaling, Size(*image.size), self.size):
            raise _TooSmallError
        if _enough(scaling, _half(self.size)):
            pixels = self._at_half()
        else:
            # A crop is scaled by its stage; colours are converted before anything is scaled.
            by_itself = not scaling.cropped and "icc_profile" not in image.info
            pixels = self._whole(scaling.box if by_itself else None)
        pixels.info, pixels.format = dict(image.info), image.format
        return pixels, scaling.rule

    def _at_half(self) -> Image.Image:
        half = _half(self.size)
        return Image.frombytes(self.mode, half, self.pixels[: _taken(half, self.mode)])

    def _whole(self, wanted: Size | None) -> Image.Image:
        """At full size, or already scaled to what is wanted."""
        data = self.pixels[_taken(_half(self.size), self.mode) :]
        if wanted is not None:
            # It takes a third of Pillow's time. Loading it takes memory, so small results do not.
            from localcloud.imaging import vips

            with contextlib.suppress(vips.VipsError):
                pixels = vips.shrunk(data, self.mode, self.size, wanted)
                if pixels.size == wanted:
                    return pixels
        return Image.frombytes(self.mode, self.size, data)


def _weighs_original(rule: Rule) -> bool:
    """Whether the result is compared with the original's bytes (`size-limit/<size>!`)."""
    return any(
        isinstance(operation, SizeLimit) and operation.bound.or_source
        for stage in rule.stages
        if isinstance(stage, ImageMogr2)
        for operation in stage.operations
    )


class _TooSmallError(Exception):
    """The proxy has too few pixels for the rule, or the rule needs others first."""


def read(data: bytes) -> Proxy | None:
    """None for what is no whole proxy."""
    try:
        magic, length, width, height, mode = _HEAD.unpack_from(data)
    except struct.error:
        return None
    name, start, size = mode.decode("latin-1").strip(), _HEAD.size + length, Size(width, height)
    if magic != _MAGIC or name not in _MODES or len(data) != start + _pixel_bytes(size, name):
        return None
    return Proxy(data[_HEAD.size : start], name, size, memoryview(data)[start:])


def make(source: bytes, rule: Rule, *, most_bytes: int, limits: Limits = LIMITS) -> Proxy | None:
    """A proxy of `source` that `rule` can be run on. None where there is none: the source is no
    large RGB or grey JPEG, or the rule needs more of it."""
    if not source.startswith(b"\xff\xd8\xff"):
        return None
    try:
        image = open_image(source, limits)
        size = Size(*image.size)
        scale = _scale(size)
        if image.mode not in _MODES or not scale or size.width * size.height < MIN_PIXELS:
            return None
        scaling = plan.first_scaling(image, rule, limits)
        wanted = _ratio_kept(size, scale)
        if scaling is None or not _suits(scaling, size, wanted):
            return None
        header = _header(source)
        taken = _HEAD.size + len(header) + _pixel_bytes(wanted, image.mode)
        if taken > most_bytes or not _says_the_same(open_image(header, limits), image):
            return None
        # Twice the size is decoded and resampled: what the decoder makes by itself is less sharp.
        decoded = (2 * size.width // scale + 1) * (2 * size.height // scale + 1)
        with BUDGET.reserved(2 * decoded * BYTES_A_PIXEL, limits.memory):
            return Proxy(header, image.mode, wanted, _pixels(image, scale // 2, wanted))
    except ImageError:
        return None


def _scale(size: Size) -> int:
    """The strongest reduction that leaves enough; 0 if none does."""
    return next((scale for scale in _SCALES if max(size) >= scale * MIN_SIDE), 0)


def _ratio_kept(size: Size, scale: int) -> Size:
    """About `size` / `scale`: even, so that it halves exactly, in the picture's ratio of sides."""
    if size.width % (2 * scale) == size.height % (2 * scale) == 0:
        return Size(size.width // scale, size.height // scale)
    widest = size.width // (2 * scale) * 2
    widths = range(widest, max(int(widest * _NARROWER), 2), -2)
    sizes = [Size(w, max(2, round(size.height * w / size.width / 2) * 2)) for w in widths or [2]]
    return min(sizes, key=lambda one: abs(one.width * size.height - one.height * size.width))


def _half(size: Size) -> Size:
    return Size(size.width // 2, size.height // 2)


def _taken(size: Size, mode: str) -> int:
    return size.width * size.height * len(mode)


def _pixel_bytes(size: Size, mode: str) -> int:
    return _taken(size, mode) + _taken(_half(size), mode)


def _suits(scaling: plan.Scaling, original: Size, proxy: Size) -> bool:
    """Whether the proxy shows all that the result needs."""
    exact = original.width * proxy.height == original.height * proxy.width
    return _enough(scaling, proxy) and (exact or not scaling.cropped)


def _enough(scaling: plan.Scaling, size: Size) -> bool:
    return all(plan.HEADROOM * box <= side for box, side in zip(scaling.box, size, strict=True))


def _pixels(image: Image.Image, scale: int, wanted: Size) -> bytes:
    width, height = image.size
    if scale > 1:
        image.draft(image.mode, (width // scale, height // scale))
    with decoding():
        image.load()
    # The decoder rounds up: its last row and column may be wider than the picture.
    box = (0, 0, min(width / scale, image.width), min(height / scale, image.height))
    whole = image.resize(wanted, Image.Resampling.LANCZOS, box)
    return whole.resize(_half(wanted), Image.Resampling.LANCZOS).tobytes() + whole.tobytes()


def _header(source: bytes) -> bytes:
    """All before the coded data of the first scan."""
    file = io.BytesIO(source)
    file.seek(2)
    while (marker := jpeg_scans.next_marker(file)) is not None:
        place, length = file.tell(), int.from_bytes(file.read(2), "big")
        if marker == jpeg_scans.SCAN[1]:
            return source[: place + length]
        file.seek(place + max(length, 2))
    return source


def _says_the_same(header: Image.Image, whole: Image.Image) -> bool:
    """Whether the header alone is understood as it is in front of its picture."""
    return (
        (header.format, header.mode, header.size) == (whole.format, whole.mode, whole.size)
        and header.info == whole.info
        and getattr(header, "quantization", None) == getattr(whole, "quantization", None)
    )

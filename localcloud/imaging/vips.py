"""Steps run by libvips, which streams: it holds some rows at a time and stops when it has enough.

The others take pyvips from here, where it is set up, and late: it takes 25 MB and 60 ms. Nothing is
ever opened by name, where libvips would read options out of the name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyvips
from PIL import Image

from localcloud.imaging import deadline
from localcloud.imaging.geometry import Size
from localcloud.imaging.streaming import Cut, Resize, Step

# The pool of the server is the parallelism; kept results would be memory that never comes back.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)
pyvips.block_untrusted_set(True)

VipsError = pyvips.Error
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# Deviations after which a kernel ends: 25 taps for a deviation of 5, at 54 dB to the endless one.
_REACH = 2.3
_MIDDLE = 64
_START = b"\xff\xd8"
# Of 1 to 9; more makes files 1 % smaller and takes half as long again.
_DEFLATE = 4


def opened(source: bytes, is_jpeg: bool) -> pyvips.Image:
    """A JPEG or PNG, to be read once from top to bottom. Raises VipsError for whatever is wrong
    with it, warnings included."""
    load = pyvips.Image.jpegload_buffer if is_jpeg else pyvips.Image.pngload_buffer
    return load(source, access="sequential", fail_on="warning")


def applied(image: pyvips.Image, steps: Sequence[Step]) -> pyvips.Image:
    """What the steps make of it; nothing is computed before `pixels` or `jpeg`."""
    for step in steps:
        if isinstance(step, Cut):
            left, top, right, bottom = step.box
            image = image.crop(left, top, right - left, bottom - top)
        elif isinstance(step, Resize):
            image = _resized(image, step.size)
        else:
            image = _blurred(image, step.deviation)
    return image


def _resized(image: pyvips.Image, size: Size) -> pyvips.Image:
    factor, down = size.width / image.width, size.height / image.height
    if not image.hasalpha():
        return image.resize(factor, vscale=down)
    # Colours count by their opacity, or transparent ones would shine through at the edges.
    weighted = image.premultiply().cast("uchar").resize(factor, vscale=down)
    return weighted.unpremultiply().rint().cast("uchar")


def _blurred(image: pyvips.Image, deviation: float) -> pyvips.Image:
    reach = math.ceil(_REACH * deviation)
    weights = [
        round(_MIDDLE * math.exp(-(place**2) / (2 * deviation**2)))
        for place in range(-reach, reach + 1)
    ]
    kernel = pyvips.Image.new_from_array([weights], scale=sum(weights))
    return image.convsep(kernel, precision="integer")


def shrunk(data: bytes | memoryview, mode: str, size: Size, wanted: Size) -> Image.Image:
    """Raw pixels (L or RGB, `size`) at a smaller size, by Lanczos. Raises VipsError."""
    image = pyvips.Image.new_from_memory(data, *size, len(mode), "uchar")
    return pixels(_resized(image.copy(interpretation="b-w" if mode == "L" else "srgb"), wanted))


def stoppable(image: pyvips.Image) -> pyvips.Image:
    """The same; computing it fails with VipsError soon after the job is to end."""
    over = deadline.current()
    if over is None:
        return image
    image = image.copy()

    def look(computed: pyvips.Image, _: object) -> None:
        if over():
            computed.set_kill(True)

    image.set_progress(True)
    image.signal_connect("eval", look)
    return image


def pixels(image: pyvips.Image) -> Image.Image:
    """Computed, as L, RGB or RGBA. Raises VipsError."""
    image = stoppable(image)
    return Image.frombytes(
        _MODES[image.bands], (image.width, image.height), image.write_to_memory()
    )


def jpeg(image: pyvips.Image, quality: int) -> bytes:
    """Computed row by row into a baseline 4:2:0 JPEG, from its tables on. Raises VipsError."""
    data = stoppable(image).jpegsave_buffer(Q=quality, subsample_mode="on", keep="none")
    return bytes(data[len(_START) :])


def png(image: Image.Image) -> bytes:
    """L, RGB or RGBA as a PNG without metadata. Each row as the difference from the one above: for
    photos as small as trying all filters on each row, in half the time; text is a tenth larger."""
    size, bands = (image.width, image.height), len(image.getbands())
    pixels = pyvips.Image.new_from_memory(image.tobytes(), *size, bands, "uchar")
    shown = pixels.copy(interpretation="b-w" if bands == 1 else "srgb")
    return bytes(shown.pngsave_buffer(filter="up", compression=_DEFLATE, keep="none"))

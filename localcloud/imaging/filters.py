"""Blur, brightness, contrast, sharpening, grey. The manual gives no formulas: ours are linear.

Where pixels mix with their neighbours, colours count by their opacity: a transparent pixel has one
too, which nobody sees and which must not shine out over an edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageFilter

from localcloud.imaging.limits import Limits
from shared import rules

_SHARPEN_RADIUS = 1.0


def blur(image: Image.Image, operation: rules.Blur, _: Limits) -> Image.Image:
    """Gaussian, its kernel cut off at the radius (CI manual 004:2643)."""
    return _blurred(image, kernel_deviation(operation.spread))


def _blurred(image: Image.Image, deviation: float) -> Image.Image:
    kernel = ImageFilter.GaussianBlur(deviation)
    if image.mode != "RGBA":
        return image.filter(kernel)
    return image.convert("RGBa").filter(kernel).convert("RGBA")


def kernel_deviation(spread: rules.Spread) -> float:
    """The standard deviation of the kernel that is left when a Gaussian ends at the radius."""
    weights = [
        math.exp(-(offset**2) / (2 * spread.sigma**2))
        for offset in range(-spread.radius, spread.radius + 1)
    ]
    offsets = range(-spread.radius, spread.radius + 1)
    moment = sum(w * offset**2 for w, offset in zip(weights, offsets, strict=True))
    return math.sqrt(moment / sum(weights))


def bright(image: Image.Image, operation: rules.Bright, _: Limits) -> Image.Image:
    """100 adds the full range: all is white; -100 leaves black (004:2848)."""
    shift = 255 * operation.value / 100
    return _each(image, lambda value: value + shift)


def contrast(image: Image.Image, operation: rules.Contrast, _: Limits) -> Image.Image:
    """Distances from the middle grey: 0 of them at -100, without end at 100 (004:3060)."""
    share = operation.value / 100
    slope = 1 + share if share <= 0 else 1 / max(1 - share, 1 / 255)
    return _each(image, lambda value: 127.5 + (value - 127.5) * slope)


def sharpen(image: Image.Image, operation: rules.Sharpen, _: Limits) -> Image.Image:
    """Unsharp mask of `value` percent (004:3269); transparency stays as it is."""
    if image.mode != "RGBA":
        return image.filter(ImageFilter.UnsharpMask(_SHARPEN_RADIUS, operation.value, 0))
    # What the filter does inside, with a blur that knows of alpha.
    blurred = _blurred(image, _SHARPEN_RADIUS)
    sharp = Image.blend(blurred, image, 1 + operation.value / 100)
    sharp.putalpha(image.getchannel("A"))
    return sharp


def grayscale(image: Image.Image, operation: rules.Grayscale, _: Limits) -> Image.Image:
    """Luminance (004:3455); transparency stays."""
    if not operation.on:
        return image
    if image.mode != "RGBA":
        return image.convert("L")
    grey = image.convert("L").convert("RGBA")
    grey.putalpha(image.getchannel("A"))
    return grey


def _each(image: Image.Image, formula: Callable[[float], float]) -> Image.Image:
    """A formula on every channel but alpha, by table."""
    table = [min(max(math.floor(formula(value) + 0.5), 0), 255) for value in range(256)]
    bands = len(image.getbands()) - (image.mode == "RGBA")
    identity = list(range(256)) if image.mode == "RGBA" else []
    return image.point(table * bands + identity)

"""The brightness of a picture: read it as a plane, add to it without touching colour or alpha."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localcloud.imaging.blind.blocks import Plane
from localcloud.imaging.encode import on_white

# How many pixels are changed at one time: what a large picture takes beside itself stays small.
_STRIP = 1 << 20
Grey = NDArray[np.uint8]


def read(image: Image.Image) -> Grey:
    """BT.601 luma of L, RGB or RGBA; what is transparent is white."""
    if image.mode == "L":
        return np.asarray(image)
    return cv2.cvtColor(np.asarray(on_white(image)), cv2.COLOR_RGB2GRAY)


def add(image: Image.Image, change: Plane) -> Image.Image:
    """The picture with `change` (a plane of any size, in grey levels) stretched over it and added.

    L, RGB and RGBA keep their mode; alpha, and what it hides, is not touched.
    """
    pixels = np.array(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    height, width = pixels.shape[:2]
    rows = max(1, _STRIP // width)
    colors = min(pixels.shape[2], 3)
    for top in range(0, height, rows):
        strip = pixels[top : top + rows, :, :colors]
        part = np.rint(_stretched(change, (width, height), top, strip.shape[0])).astype(np.int16)
        if image.mode == "RGBA":
            part *= pixels[top : top + rows, :, 3] > 0
        strip[:] = np.clip(strip + part[:, :, np.newaxis], 0, 255)
    return Image.fromarray(pixels[:, :, 0] if image.mode == "L" else pixels)


def resized(grey: Grey | Plane, size: tuple[int, int]) -> Plane:
    """The plane at `size` (width, height); smaller by averaging, larger by bicubic."""
    plane = np.asarray(grey)
    width, height = size
    # Each axis in its own way: a picture can become wider and lower at once.
    if width != plane.shape[1]:
        way = cv2.INTER_AREA if width < plane.shape[1] else cv2.INTER_CUBIC
        plane = cv2.resize(plane, (width, plane.shape[0]), interpolation=way)
    if height != plane.shape[0]:
        way = cv2.INTER_AREA if height < plane.shape[0] else cv2.INTER_CUBIC
        plane = cv2.resize(plane, (width, height), interpolation=way)
    return plane.astype(np.float32)


def _stretched(change: Plane, size: tuple[int, int], top: int, rows: int) -> Plane:
    """`rows` rows from `top` of `change` at `size`."""
    if change.shape == (size[1], size[0]):
        return change[top : top + rows]
    across, down = change.shape[1] / size[0], change.shape[0] / size[1]
    matrix = np.array([
        [across, 0, across / 2 - 0.5],
        [0, down, (top + 0.5) * down - 0.5],
    ])  # fmt: skip
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        change, matrix, (size[0], rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )

"""SSIM: how alike two pictures look (Wang, Bovik, Sheikh, Simoncelli 2004)."""

from __future__ import annotations

from typing import Any

from PIL import Image

_WINDOW, _SIGMA = (11, 11), 1.5
_LOW, _HIGH = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class Reference:
    """A picture that others of its size are compared with, by their luminance."""

    def __init__(self, image: Image.Image) -> None:
        self._values = _luminance(image)
        self._mean = _local_mean(self._values)
        self._variance = _local_mean(self._values**2) - self._mean**2

    def ssim(self, other: Image.Image) -> float:
        """1.0 for the same picture, towards 0 the less alike: the mean of all Gaussian windows."""
        values = _luminance(other)
        mean = _local_mean(values)
        variance = _local_mean(values**2) - mean**2
        common = _local_mean(self._values * values) - self._mean * mean
        index = ((2 * self._mean * mean + _LOW) * (2 * common + _HIGH)) / (
            (self._mean**2 + mean**2 + _LOW) * (self._variance + variance + _HIGH)
        )
        return float(index.mean())


def _luminance(image: Image.Image) -> Any:
    import numpy

    return numpy.asarray(image.convert("L"), dtype=numpy.float32)


def _local_mean(values: Any) -> Any:
    import cv2

    return cv2.GaussianBlur(values, _WINDOW, _SIGMA)

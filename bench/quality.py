"""How near a picture is to another: PSNR, and SSIM as Wang and others defined it (2004)."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, ImageSequence

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def compared(data: bytes, wanted: list[Image.Image]) -> str:
    """`<PSNR>/<SSIM>`, the mean of all frames."""
    frames = [
        frame.convert("RGBA") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data)))
    ]
    assert len(frames) == len(wanted), f"{len(frames)} frames, not {len(wanted)}"
    pairs = list(zip(frames, wanted, strict=True))
    ratio = sum(psnr(one, other) for one, other in pairs) / len(pairs)
    likeness = sum(ssim(one, other) for one, other in pairs) / len(pairs)
    return f"{ratio:.1f}/{likeness:.4f}"


def _shown(image: Image.Image) -> np.ndarray:
    """The picture on white, as a person sees it."""
    flat = Image.new("RGBA", image.size, "white")
    flat.alpha_composite(image.convert("RGBA"))
    return np.asarray(flat.convert("RGB"), dtype=np.float64)


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Decibels over all channels; 99 where nothing differs."""
    error = float(np.mean((_shown(one) - _shown(other)) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def ssim(one: Image.Image, other: Image.Image) -> float:
    """On luminance; windows with a Gaussian of 1.5 px."""
    weights = np.array([0.299, 0.587, 0.114])
    a, b = _shown(one) @ weights, _shown(other) @ weights

    def smooth(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    return float(np.mean(top / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2))))

"""The slow JPEG path against Pillow's optimised progressive JPEG: bytes at equal SSIM, and time.

Pillow's quality is searched until its SSIM against the source is that of the slow path; its bytes
are interpolated between the two qualities about it. The photos are scaled first, because pixels
that come out of a JPEG fit the grid and tables of the encoder that made them.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable

from photos import ROOT
from PIL import Image

from localcloud.imaging import slow_jpeg
from localcloud.imaging.similarity import Reference

OBJECTS = ROOT / "events" / "objects"
PHOTOS = ("astronaut-portrait.jpg", "coffee-cutout.png", "rocket-on-pad.jpg", "切尔西 猫.webp")
SCALES = (0.77, 1.6)
QUALITIES = (60, 75, 85)


def main() -> None:
    ratios, times = [], []
    print(f"{'photo':<24} {'px':>9} {'q':>3} {'slow':>7} {'Pillow':>7} {'ratio':>6} {'SSIM':>7}")
    for name in PHOTOS:
        for scale in SCALES:
            image = _photo(name, scale)
            reference = Reference(image)
            for quality in QUALITIES:
                slow, seconds = _timed(slow_jpeg.encode, image, quality, b"")
                look = reference.ssim(_opened(slow))
                pillow, plain_seconds = _at_look(image, reference, look)
                ratios.append(len(slow) / pillow)
                times.append(seconds / plain_seconds)
                size = f"{image.width}x{image.height}"
                print(
                    f"{name:<24} {size:>9} {quality:>3} {len(slow):>7} {pillow:>7.0f} "
                    f"{ratios[-1]:>6.3f} {look:.4f}"
                )
    print(
        f"median ratio {statistics.median(ratios):.3f} (target <= 0.85), "
        f"{statistics.median(times):.0f} times Pillow's time"
    )


def _photo(name: str, scale: float) -> Image.Image:
    image = Image.open(OBJECTS / name)
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    size = (round(image.width * scale), round(image.height * scale))
    return flat.resize(size, Image.Resampling.LANCZOS)


def _at_look(image: Image.Image, reference: Reference, look: float) -> tuple[float, float]:
    below = (0.0, 0.0)
    for quality in range(10, 100):
        data, seconds = _timed(_pillow, image, quality)
        found = reference.ssim(_opened(data))
        if found >= look:
            share = (look - below[0]) / (found - below[0])
            return below[1] + share * (len(data) - below[1]), seconds
        below = (found, len(data))
    raise SystemExit("Pillow does not reach the quality")


def _pillow(image: Image.Image, quality: int) -> bytes:
    output = io.BytesIO()
    image.save(output, "JPEG", quality=quality, optimize=True, progressive=True)
    return output.getvalue()


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def _timed(work: Callable[..., bytes], *arguments: object) -> tuple[bytes, float]:
    started = time.perf_counter()
    data = work(*arguments)
    return data, time.perf_counter() - started


if __name__ == "__main__":
    main()

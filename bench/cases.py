"""What bench/operations.py measures: a rule, the same for sharp, and how it should look."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from photos import large_jpeg, mark, moving, transparent
from PIL import Image, ImageSequence

Reference = Callable[[bytes], list[Image.Image]]
Q = {"quality": 75}
MARK_ADDRESS = "http://marks-1250000000.cos.ap-guangzhou.myqcloud.com/mark.png"
TEXT = "Launch day 2026"


@dataclass(frozen=True)
class Case:
    """`request` is what operations.js gets; `target` bounds ours / sharp; `reference` makes the
    frames that the slow way gives."""

    name: str
    source: Callable[[], Path]
    rule: str
    request: dict[str, object]
    target: float | None = None
    reference: Reference | None = None
    mark: Callable[[], Path] | None = field(default=None)


def _as_jpeg(image: Image.Image) -> list[Image.Image]:
    """As both sides write it: 4:2:0 at quality 100."""
    output = io.BytesIO()
    image.save(output, "JPEG", quality=100, subsampling=2)
    return [Image.open(output)]


def _resized(width: int, data: bytes) -> list[Image.Image]:
    image = Image.open(io.BytesIO(data))
    height = round(image.height * width / image.width)
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    return _as_jpeg(small) if image.format == "JPEG" else [small]


def _cut(box: tuple[int, int, int, int], data: bytes) -> list[Image.Image]:
    return _as_jpeg(Image.open(io.BytesIO(data)).crop(box))


def _blurred(sigma: float, data: bytes) -> list[Image.Image]:
    pixels = np.asarray(Image.open(io.BytesIO(data)), dtype=np.float32)
    exact = cv2.GaussianBlur(pixels, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return _as_jpeg(Image.fromarray(np.rint(exact).astype(np.uint8)))


def _frames(width: int, data: bytes) -> list[Image.Image]:
    frames = []
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data))):
        height = round(frame.height * width / frame.width)
        frames.append(frame.convert("RGBA").resize((width, height), Image.Resampling.LANCZOS))
    return frames


_TWO = partial(large_jpeg, 1920, 1080)
_TWELVE = partial(large_jpeg, 4000, 3000)


def _thumbnail(name: str, source: Callable[[], Path], to: str, width: int, target: float) -> Case:
    rule = f"imageMogr2/thumbnail/{to}/quality/75"
    request = {"operation": "resize", "width": width, **Q}
    return Case(name, source, rule, request, target, partial(_resized, width))


def _cut_at(name: str, left: int, top: int) -> Case:
    area = {"left": left, "top": top, "width": 600, "height": 600}
    rule = f"imageMogr2/cut/600x600x{left}x{top}/quality/75"
    box = (left, top, left + 600, top + 600)
    return Case(
        name, _TWELVE, rule, {"operation": "cut", "area": area, **Q}, 1.05, partial(_cut, box)
    )


def _blur(name: str, source: Callable[[], Path]) -> Case:
    request = {"operation": "blur", "sigma": 5, **Q}
    rule = "imageMogr2/blur/50x5/quality/75"
    return Case(name, source, rule, request, 1.05, partial(_blurred, 5.0))


def _coded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_WRITTEN = {"text": f'<span foreground="red">{TEXT}</span>', "font": "DejaVu Sans 40", "rgba": True}
CASES = (
    _thumbnail("thumbnail 2 MP", _TWO, "300x", 300, 0.95),
    _thumbnail("thumbnail 12 MP", _TWELVE, "300x", 300, 1.0),
    _thumbnail("half 12 MP", _TWELVE, "!50p", 2000, 0.65),
    _thumbnail("quarter 12 MP", _TWELVE, "!25p", 1000, 0.65),
    _thumbnail("eighth 12 MP", _TWELVE, "500x", 500, 0.65),
    _cut_at("cut 12 MP, upper", 1000, 400),
    _cut_at("cut 12 MP, lower", 3000, 2200),
    _blur("blur 2 MP", _TWO),
    _blur("blur 12 MP", _TWELVE),
    Case("PNG resize RGBA", transparent, "imageMogr2/thumbnail/300x",
         {"operation": "png", "width": 300}, 1.05, partial(_resized, 300)),
    Case("text mark 2 MP", _TWO,
         f"imageMogr2/quality/75|watermark/2/text/{_coded(TEXT)}/fontsize/40/fill/{_coded('#FF0000')}",
         {"operation": "text", "text": _WRITTEN, **Q}, 0.6),
    Case("image mark 2 MP", _TWO,
         f"imageMogr2/quality/75|watermark/1/image/{_coded(MARK_ADDRESS)}",
         {"operation": "image", **Q}, 0.6, mark=mark),
    Case("average 12 MP", _TWELVE, "imageAve", {"operation": "stats"}, 0.2),
    Case("average, sharp to 1 px", _TWELVE, "imageAve", {"operation": "pixel"}),
    Case("GIF 40 frames", moving, "imageMogr2/thumbnail/200x",
         {"operation": "gif", "width": 200}, 0.25, partial(_frames, 200)),
)  # fmt: skip

"""Big photos for the benches: a sample scaled up, with grain to be as hard as a camera's."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "bench"
SAMPLE = ROOT / "events" / "objects" / "rocket-on-pad.jpg"
GRAIN = 9  # standard deviation of the noise: about a quarter of a byte per pixel at quality 82
QUALITY = 82
FRAMES = 40


def large_jpeg(width: int, height: int) -> Path:
    """The path of a baseline 4:2:0 JPEG of that size, made once and kept in .cache/."""
    path = CACHE / f"photo-{width}x{height}.jpg"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with Image.open(SAMPLE) as sample:
            photo = sample.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        grain = Image.effect_noise((width, height), GRAIN)
        noisy = ImageChops.add(photo, Image.merge("RGB", [grain] * 3), offset=-128)
        part = path.with_suffix(".part")
        noisy.save(part, "JPEG", quality=QUALITY)
        part.replace(path)
    return path


def transparent() -> Path:
    """The path of an RGBA PNG of 1200x800 whose alpha rises from left to right."""
    image = Image.open(large_jpeg(1920, 1080)).resize((1200, 800), Image.Resampling.LANCZOS)
    image.putalpha(Image.linear_gradient("L").rotate(90).resize((1200, 800)))
    return _kept("transparent.png", image)


def mark() -> Path:
    """The path of a half transparent PNG of 200x80, to lay on pictures."""
    return _kept("mark.png", Image.new("RGBA", (200, 80), (255, 255, 255, 128)))


def moving() -> Path:
    """The path of a GIF of 40 frames of 400x300: a camera that pans over a photo."""
    with Image.open(SAMPLE) as sample:
        photo = sample.convert("RGB")
    frames = []
    for number in range(FRAMES):
        view = photo.crop((5 * number, 2 * number, 5 * number + 400, 2 * number + 300))
        frames.append(view.quantize(256, Image.Quantize.MEDIANCUT))
    return _kept(
        "moving.gif", frames[0], save_all=True, append_images=frames[1:], duration=50, loop=0
    )


def _kept(name: str, image: Image.Image, **options: object) -> Path:
    path = CACHE / name
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{name}")
        image.save(part, **options)
        part.replace(path)
    return path


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG that says it is that large and holds no picture."""
    quantisation = b"\xff\xdb\x00\x43\x00" + bytes([16] * 64)
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8" + quantisation + frame + scan + b"\x00" * 64 + b"\xff\xd9"


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large; its few bytes of pixels are one row."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(bytes(1 + 3 * width))
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", row) + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

"""Blind watermarks: what share of a mark is read wrong after an attack, how little it changes the
picture, and how long adding and extracting takes.

Everything goes through rules on files, as the local cloud runs them: sources are JPEGs of quality
92, marked ones are JPEGs of that quality, and an attack has only those to work on.
"""

from __future__ import annotations

import argparse
import base64
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
from photos import ROOT
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from localcloud.imaging import process
from shared.rules import parse

SAMPLES = ("rocket-on-pad.jpg", "astronaut-portrait.jpg", "coffee-cutout.png", "切尔西 猫.webp")
SIZES = ((640, 427), (1920, 1080))
GRAIN = 3  # of the large ones, which are scaled up and would be smoother than a camera's
MARK = "http://b-1.cos.ap-guangzhou.myqcloud.com/mark.png"
ORIGINAL = "http://b-1.cos.ap-guangzhou.myqcloud.com/original.jpg"
SHORT, LONG = "terminal 4711", "0123456789 abcdefghijk " * 5 + "the end"
TIMED = 7


def word(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def encoded(image: Image.Image, format: str = "JPEG", quality: int = 92) -> bytes:
    output = io.BytesIO()
    options = {"compress_level": 1} if format == "PNG" else {"quality": quality}
    image.save(output, format, **options)
    return output.getvalue()


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def scaled(image: Image.Image, across: float, down: float = 0.0) -> Image.Image:
    size = (round(image.width * across), round(image.height * (down or across)))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(
    image: Image.Image, left: float, top: float, right: float, bottom: float
) -> Image.Image:
    width, height = image.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return image.crop(tuple(round(edge) for edge in box))


def gamma(image: Image.Image) -> Image.Image:
    return image.point([round(255 * (value / 255) ** 0.8) for value in range(256)] * 3)


ATTACKS: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG q50": lambda image: encoded(image, quality=50),
    "WebP q75": lambda image: encoded(image, "WEBP", 75),
    "50 %": lambda image: encoded(scaled(image, 0.5), "PNG"),
    "50 % and back": lambda image: encoded(scaled(image, 0.5).resize(image.size), "PNG"),
    "50 %, JPEG q75": lambda image: encoded(scaled(image, 0.5), quality=75),
    "35 %": lambda image: encoded(scaled(image, 0.35), "PNG"),
    "25 %": lambda image: encoded(scaled(image, 0.25), "PNG"),
    "blur, sigma 1.5": lambda image: encoded(image.filter(ImageFilter.GaussianBlur(1.5)), "PNG"),
    "80 % x 70 %": lambda image: encoded(scaled(image, 0.8, 0.7), "PNG"),
    "200 %": lambda image: encoded(scaled(image, 2), "PNG"),
    "light +20 %": lambda image: encoded(ImageEnhance.Brightness(image).enhance(1.2), "PNG"),
    "light -20 %": lambda image: encoded(ImageEnhance.Brightness(image).enhance(0.8), "PNG"),
    "bright/20": lambda image: encoded(image.point(lambda value: min(255, value + 51)), "PNG"),
    "gamma 0.8": lambda image: encoded(gamma(image), "PNG"),
    "crop 10 %": lambda image: encoded(cropped(image, 0.1, 0.1, 0, 0), "PNG"),
    "crop 10 % all round": lambda image: encoded(cropped(image, 0.1, 0.1, 0.1, 0.1), "PNG"),
    "crop, 70 %, JPEG q60": lambda image: encoded(
        scaled(cropped(image, 0.1, 0, 0, 0.1), 0.7), quality=60
    ),
    "turned by 3 degrees": lambda image: encoded(image.rotate(3, Image.Resampling.BICUBIC), "PNG"),
}
ALIGNED = ("crop 10 %", "crop 10 % all round", "crop, 70 %, JPEG q60", "turned by 3 degrees")


def picture(name: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(ROOT / "events" / "objects" / name) as sample:
        rgba = sample.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    image = Image.new("RGB", size, "white")
    image.paste(rgba, mask=rgba.getchannel("A"))
    if size == SIZES[0]:
        return image
    grain = np.random.default_rng(1).normal(0, GRAIN, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def logo(width: int, height: int) -> Image.Image:
    """A ring and letters, white on black."""
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)
    draw.ellipse((1, 1, height - 2, height - 2), outline=255, width=max(1, height // 9))
    font = ImageFont.load_default(max(8, height // 2))
    draw.text((height + 1, height // 5), "COS", fill=255, font=font)
    return image.point(lambda value: 255 if value >= 128 else 0)


class Case:
    """One kind of mark: how to add it, and what share of it an extraction gets wrong."""

    def __init__(self, kind: int, share: int = 0, level: int = 1, text: str = "") -> None:
        self.kind, self.share, self.level, self.text = kind, share, level, text

    def __str__(self) -> str:
        if self.kind == 3:
            return f"type 3, {len(self.text)} characters"
        level = f", level {self.level}" if self.kind == 2 else ""
        return f"type {self.kind}, 1/{self.share} of the sides{level}"

    def mark(self, image: Image.Image) -> Image.Image:
        return logo(image.width // self.share, image.height // self.share)

    def files(self, image: Image.Image, source: bytes) -> dict[str, bytes]:
        files = {ORIGINAL: source}
        return files | ({MARK: encoded(self.mark(image), "PNG")} if self.share else {})

    def add(self, source: bytes, files: dict[str, bytes]) -> bytes:
        rest = f"text/{word(self.text)}" if self.kind == 3 else f"image/{word(MARK)}"
        level = f"/level/{self.level}" if self.kind == 2 else ""
        return process(
            source, parse(f"watermark/3/type/{self.kind}/{rest}{level}"), marks=files
        ).data

    def extract(self, suspect: bytes, files: dict[str, bytes]) -> Image.Image:
        rest = {1: f"/image/{word(ORIGINAL)}", 2: f"/image/{word(MARK)}", 3: ""}[self.kind]
        result = process(suspect, parse(f"watermark/4/type/{self.kind}{rest}"), marks=files)
        found = Image.open(io.BytesIO(result.data))
        found.load()
        return found

    def wrong(self, image: Image.Image, found: Image.Image) -> float:
        """0 to 1; a text is right or wrong as a whole."""
        if self.kind == 3:
            return float(found.info.get("Comment") != self.text)
        mark = self.mark(image)
        return (
            float((np.asarray(found) != np.asarray(mark)).mean()) if found.size == mark.size else 1
        )


CASES = (
    Case(1, 16), Case(1, 12), Case(1, 8), Case(2, 16), Case(2, 12), Case(2, 8),
    Case(2, 16, 3), Case(2, 8, 3), Case(3, text=SHORT), Case(3, text=LONG),
)  # fmt: skip


def psnr(one: Image.Image, other: Image.Image) -> float:
    error = np.square(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean()
    return float(10 * np.log10(255**2 / error))


def robustness(size: tuple[int, int]) -> None:
    """For each case and attack: exact in how many pictures, and the worst share of wrong pixels."""
    print(f"\n{size[0]}x{size[1]}, {len(SAMPLES)} pictures: exact in / worst share wrong\n")
    print(f"| attack | {' | '.join(str(case) for case in CASES)} |")
    print("|---" * (len(CASES) + 1) + "|")
    images = [picture(name, size) for name in SAMPLES]
    sources = [encoded(image) for image in images]
    marked: dict[Case, list[bytes]] = {}
    changes = []
    for case in CASES:
        marked[case] = [
            case.add(source, case.files(image, source))
            for image, source in zip(images, sources, strict=True)
        ]
        values = [
            psnr(decoded(one), decoded(other))
            for one, other in zip(sources, marked[case], strict=True)
        ]
        changes.append(f"{min(values):.1f} to {max(values):.1f} dB")
    print(f"| (PSNR) | {' | '.join(changes)} |")
    for name, attack in ATTACKS.items():
        cells = []
        for case in CASES:
            if name in ALIGNED and case.kind != 1:
                cells.append("-")
                continue
            wrong = [
                case.wrong(image, case.extract(attack(decoded(data)), case.files(image, source)))
                for image, source, data in zip(images, sources, marked[case], strict=True)
            ]
            exact = sum(share == 0 for share in wrong)
            cells.append(f"{exact}" + (f" / {max(wrong):.2%}" if exact < len(wrong) else ""))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def speed(size: tuple[int, int]) -> None:
    """Medians, decoding and encoding of the JPEG included."""
    image = picture(SAMPLES[0], size)
    source = encoded(image)
    plain = statistics.median(_timed(lambda: process(source, parse("imageMogr2/quality/92!"))))
    print(f"\n{size[0]}x{size[1]}, seconds; decoding and encoding alone {plain:.3f}")
    for case in (Case(1, 16), Case(2, 16), Case(3, text=SHORT)):
        files = case.files(image, source)
        data = case.add(source, files)
        smaller = encoded(scaled(decoded(data), 0.5), quality=90)
        figures = {
            "add": lambda case=case, files=files: case.add(source, files),
            "extract": lambda case=case, files=files, data=data: case.extract(data, files),
            "extract from 50 %": lambda case=case, files=files, data=smaller: case.extract(
                data, files
            ),
            "unmarked": lambda case=case, files=files: case.extract(source, files),
        }
        parts = [f"{name} {statistics.median(_timed(run)):.3f}" for name, run in figures.items()]
        print(f"  {case}: {', '.join(parts)}", flush=True)


def _timed(run: Callable[[], object]) -> list[float]:
    run()
    seconds = []
    for _ in range(TIMED):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return seconds


def unmarked() -> None:
    """The status of pictures that hold no mark: the service calls 60 and more suspicious."""
    statuses = []
    for name in (*SAMPLES, "hubble-zoom.gif"):
        for size in SIZES:
            image = picture(name, size)
            for case in (Case(2, 32), Case(2, 16), Case(2, 8)):
                files = case.files(image, b"")
                rule = parse(f"watermark/4/type/2/image/{word(MARK)}")
                for quality in (95, 80, 60, 40):
                    suspect = encoded(image, quality=quality)
                    statuses.append(process(suspect, rule, marks=files).watermark_status or 0)
    print(f"\n{len(statuses)} unmarked pictures: WatermarkStatus at most {max(statuses)}")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for size in SIZES:
        robustness(size)
    unmarked()
    speed(SIZES[1])
    speed((4000, 3000))


if __name__ == "__main__":
    main()

"""How a row of the tables of vectors is read.

A source is written `960x540 [format] [q80] [o6] [f45] [mode]`: a picture of four colours (red,
green / blue, white), JPEG of quality 100 unless said. What is expected is written as words, all of
which must hold: `480x270` the size, `png` the format, `q64` the quality, `f30` the frames, `o1` the
Orientation tag (`o0`: none), `<1024` the most bytes, `progressive`, `baseline`, `grey`, `opaque`,
`bare` (no metadata), `red@5,5` a pixel's colour, `clear@1,1` a pixel without opacity, `original`
the source's own bytes, `another`: not them. Alone stand `-442`, CI's number of a refusal, and
`refused`: no rule.
"""

import io
from functools import lru_cache
from typing import ClassVar

from PIL import Image

from localcloud.imaging import ImageError, describe, process
from shared.rules import RuleError, parse
from tests.localcloud.imaging.pictures import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    animation,
    encoded,
    near,
    quadrants,
)

COLORS = {
    "red": RED, "green": GREEN, "blue": BLUE, "white": WHITE, "black": (0, 0, 0),
    "grey": (128, 128, 128), "dark": (61, 61, 61), "yellow": (255, 255, 0), "pure": (255, 0, 0),
}  # fmt: skip
FORMATS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "avif": "AVIF"}
MODES = ("L", "RGBA", "P", "1", "LA", "CMYK")


def size_of(word):
    width, _, height = word.partition("x")
    return int(width), int(height)


@lru_cache(maxsize=256)
def source(text):
    """The bytes of the picture that `text` describes."""
    size, *words = text.split()
    width, height = size_of(size)
    format, mode, options = "JPEG", "RGB", {}
    frames = 1
    for word in words:
        if word in FORMATS:
            format = FORMATS[word]
        elif word in MODES:
            mode = word
        elif word[0] == "q":
            options["quality"] = int(word[1:])
        elif word[0] == "f":
            frames = int(word[1:])
        elif word[0] == "o":
            exif = Image.Exif()
            exif[0x0112] = int(word[1:])
            exif[0x010F] = "Camera"
            options["exif"] = exif
        else:
            raise AssertionError(word)
    if frames > 1:
        return animation(format, [20 + n for n in range(frames)], size=(width, height))
    if format == "JPEG":
        options.setdefault("quality", 100)
    return encoded(quadrants(width, height, mode), format, **options)


def outcome(data, rule, **options):
    """The result, or the word of the refusal that came instead."""
    try:
        return process(data, parse(rule), **options)
    except RuleError:
        return "refused"
    except ImageError as error:
        return str(error.number)


def check(rule, made_of, expected, **options):
    """Run `rule` on the source and see that every word of `expected` holds."""
    data = source(made_of)
    result = outcome(data, rule, **options)
    if isinstance(result, str) or expected.lstrip("-").isdecimal() or expected == "refused":
        assert result == expected
        return
    image = Image.open(io.BytesIO(result.data))
    assert image.size == (result.width, result.height)
    seen = Seen(data, result, image)
    wrong = [word for word in expected.split() if not seen.is_(word)]
    assert not wrong, (wrong, image.size, result.format, result.quality, result.frames)


class Seen:
    """A finished file, asked by the words of a vector."""

    def __init__(self, data, result, image):
        self.data, self.result, self.image = data, result, image

    def is_(self, word):
        if "@" in word:
            return self._pixel(*word.split("@"))
        if word in FORMATS:
            return self.result.format == word and self.image.format == FORMATS[word]
        if word in self._WORDS:
            return self._WORDS[word](self)
        if word[0] in self._NUMBERS:
            return self._NUMBERS[word[0]](self, int(word[1:]))
        return self.image.size == size_of(word)

    def _pixel(self, name, place):
        pixel = self.image.convert("RGBA").getpixel(tuple(map(int, place.split(","))))
        if name == "clear":
            return pixel[3] == 0
        return pixel[3] == 255 and near(pixel, COLORS[name])

    def _grey(self):
        red, green, blue = (band.tobytes() for band in self.image.convert("RGB").split())
        return red == green == blue

    def _quality(self, number):
        jpeg = self.image.format == "JPEG"
        told = describe(self.result.data).quality if jpeg else self.result.quality
        return self.result.quality == told == number

    def _frames(self, number):
        return self.result.frames == getattr(self.image, "n_frames", 1) == number

    _WORDS: ClassVar = {
        "original": lambda self: self.result.data == self.data,
        "another": lambda self: self.result.data != self.data,
        "progressive": lambda self: bool(self.image.info.get("progressive")),
        "baseline": lambda self: not self.image.info.get("progressive"),
        "opaque": lambda self: self.image.convert("RGBA").getextrema()[3] == (255, 255),
        "grey": _grey,
        "bare": lambda self: len(self.image.getexif()) == 0,
    }
    _NUMBERS: ClassVar = {
        "q": _quality,
        "f": _frames,
        "o": lambda self, number: self.image.getexif().get(0x0112, 0) == number,
        "<": lambda self, number: len(self.result.data) <= number,
    }

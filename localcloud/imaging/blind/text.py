"""Type 3, the text mark: letters, digits and spaces, found again from the picture alone."""

from __future__ import annotations

import string
import zlib

import numpy as np
from PIL import Image

from localcloud.imaging.blind import code, grids, modulation
from localcloud.imaging.blind.grids import Grid
from localcloud.imaging.blind.luma import Grey
from localcloud.imaging.blind.modulation import Bits, Layout, Reading

ALPHABET = string.digits + string.ascii_letters + " "
# A text is padded to the next of these lengths; the reader tries them all. Each has the mean
# squared error that it needs: 3 is about 42 dB, 5 about 40.
_ERRORS = {16: 3.0, 32: 3.0, 64: 4.0, 128: 5.0}
LENGTHS = tuple(_ERRORS)
_PURPOSE = 3
_CHARACTER, _CHECK = 6, 32
# The best readings are decoded; a checksum tells which is right, if any is.
_DECODED = 6
_SURE = 12.0


def fits(grid: Grid, text: str) -> bool:
    return _layout(grid, _length(text)).spread > 0


def write(image: Image.Image, grid: Grid, text: str) -> Image.Image:
    """The marked picture; `text` must fit `grid`."""
    length = _length(text)
    bits = code.encode(_packed(text, length))
    return modulation.write(image, _layout(grid, length), bits, _ERRORS[length])


def read(grey: Grey) -> str | None:
    """The text, None where none is found. By chance one in some hundred million is."""
    readings: list[tuple[Reading, int]] = []
    for grid in grids.candidates(grey.shape[1], grey.shape[0]):
        chips = grid.read(grid.plane(grey))
        for length in LENGTHS:
            layout = _layout(grid, length)
            if not layout.spread:
                continue
            reading = modulation.read(chips, layout, (_ERRORS[length], _ERRORS[length]))
            if reading.score >= _SURE and (text := _unpacked(reading, length)) is not None:
                return text
            readings.append((reading, length))
    readings.sort(key=lambda found: -found[0].score)
    texts = (_unpacked(reading, length) for reading, length in readings[:_DECODED])
    return next((text for text in texts if text is not None), None)


def _length(text: str) -> int:
    return next(length for length in LENGTHS if len(text) <= length)


def _size(length: int) -> int:
    return _CHARACTER * length + _CHECK


def _layout(grid: Grid, length: int) -> Layout:
    return Layout(grid, code.length(_size(length)), _PURPOSE)


def _packed(text: str, length: int) -> Bits:
    """Six bits a character, 0 for padding, and a CRC-32 of the padded text."""
    numbers = [ALPHABET.index(character) + 1 for character in text] + [0] * (length - len(text))
    value = 0
    for number in numbers:
        value = value << _CHARACTER | number
    value = value << _CHECK | zlib.crc32(bytes(numbers))
    return np.array([value >> shift & 1 for shift in reversed(range(_size(length)))], np.bool_)


def _unpacked(reading: Reading, length: int) -> str | None:
    value = 0
    for bit in code.decode(reading.soft, _size(length)).tolist():
        value = value << 1 | bit
    check = value & (1 << _CHECK) - 1
    value >>= _CHECK
    numbers = [value >> _CHARACTER * place & 63 for place in reversed(range(length))]
    if check != zlib.crc32(bytes(numbers)):
        return None
    return "".join(ALPHABET[number - 1] for number in numbers if number)

"""Counts the chunks of a PNG, and looks for metadata behind the pixels, without decoding them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = 8
_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")


def count(file: BinaryIO, most: int) -> int:
    """How many chunks there are up to IEND, no further than `most` + 1."""
    found = 0
    for found, _ in enumerate(_kinds(file), 1):
        if found > most:
            break
    return found


def has_late_metadata(file: BinaryIO) -> bool:
    """Whether a chunk that may hold EXIF follows IDAT. `file` keeps its position; what breaks off
    or is no chunk ends the search."""
    place = file.tell()
    try:
        pixels = False
        for kind in _kinds(file):
            if pixels and kind in _METADATA:
                return True
            pixels = pixels or kind == b"IDAT"
        return False
    finally:
        file.seek(place)


def _kinds(file: BinaryIO) -> Iterator[bytes]:
    file.seek(_SIGNATURE)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        yield kind
        file.seek(length + 4, 1)

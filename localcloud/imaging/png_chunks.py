"""Looks for metadata behind the pixels of a PNG without decoding them."""

from __future__ import annotations

import struct
from typing import BinaryIO

_SIGNATURE = 8
_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")


def has_late_metadata(file: BinaryIO) -> bool:
    """Whether a chunk that may hold EXIF follows IDAT. `file` keeps its position; what breaks off
    or is no chunk ends the search."""
    place = file.tell()
    try:
        file.seek(_SIGNATURE)
        pixels = False
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"IEND":
                return False
            if pixels and kind in _METADATA:
                return True
            pixels = pixels or kind == b"IDAT"
            file.seek(length + 4, 1)
        return False
    finally:
        file.seek(place)

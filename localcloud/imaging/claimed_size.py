"""The size that a header claims, where its decoder refuses the file without naming it.

AVIF and HEIF in the boxes of ISO/IEC 14496-12 (`ispe` is ISO/IEC 23008-12, 6.5.3), WebP in `VP8X`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from localcloud.imaging.geometry import Size

_MOST_BOXES = 1000
_MOST_BYTES = 1 << 20
_META_HEAD = 4  # version and flags before the boxes in it
_ISPE = 12  # version, flags, width, height
_VP8X = 30


def read(file: BinaryIO) -> Size | None:
    """The largest size in the header; None for other formats and where none is found."""
    file.seek(0)
    head = file.read(_VP8X)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        sides = head[24:27].ljust(3, b"\0"), head[27:30].ljust(3, b"\0")
        return Size(*(int.from_bytes(side, "little") + 1 for side in sides))
    if head[4:8] != b"ftyp":
        return None
    meta = _meta(file)
    found = [
        Size(int.from_bytes(box[4:8], "big"), int.from_bytes(box[8:_ISPE], "big"))
        for properties in _inside(meta[_META_HEAD:], b"iprp")
        for container in _inside(properties, b"ipco")
        for box in _inside(container, b"ispe")
        if len(box) >= _ISPE
    ]
    return max(found, key=lambda size: size.width * size.height, default=None)


def _meta(file: BinaryIO) -> bytes:
    """What the first `meta` box of a file holds; boxes before it are stepped over."""
    place = 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"meta":
            return file.read(min(max(length - 8, 0), _MOST_BYTES))
        if len(head) < 8 or length < 8:
            break
        place += length
    return b""


def _inside(data: bytes, kind: bytes) -> Iterator[bytes]:
    """What the boxes of a kind hold."""
    place = 0
    for _ in range(_MOST_BOXES):
        length = int.from_bytes(data[place : place + 4], "big")
        if length < 8:
            return
        if data[place + 4 : place + 8] == kind:
            yield data[place + 8 : place + length]
        place += length

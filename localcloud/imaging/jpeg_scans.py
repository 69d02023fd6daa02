"""Counts the scans of a JPEG without decoding any of them.

A progressive JPEG is drawn over and over, once a scan. An empty scan costs a few bytes of the file
and a walk over the whole picture, so a small file can keep a decoder busy for hours.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO, NamedTuple

_START, _END = 0xD8, 0xD9
SCAN = b"\xff\xda"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_BLOCK = 1 << 20
# Any number of FF, then what is neither that nor 0.
_MARKER = re.compile(b"\xff[^\0\xff]")


class Scans(NamedTuple):
    """`count` is 1 where all of the picture is in the first scan, 0 where there is none; `pieces`
    are the segments before it, and the bytes between these that belong to none."""

    count: int
    pieces: int


def scan(file: BinaryIO, most_pieces: int) -> Scans:
    """Count, from the start of `file`; the search ends beyond `most_pieces`."""
    file.seek(2)
    progressive, components, pieces = False, 0, 0
    end = file.tell()
    while pieces <= most_pieces and (marker := next_marker(file)) not in (None, _END):
        pieces += file.tell() - end - 1
        end = file.tell()
        if marker == _START:
            continue
        place, length = end, int.from_bytes(file.read(2), "big")
        if marker in _FRAMES:
            progressive = marker in _PROGRESSIVE
            components = file.read(6)[-1:].ljust(1, b"\0")[0]
        elif marker == SCAN[1]:
            if not progressive and file.read(1) == bytes([components]):
                return Scans(1, pieces)
            return Scans(1 + _scans_behind(file), pieces)
        end = file.seek(place + max(length, 2))
    return Scans(0, pieces + max(file.seek(0, os.SEEK_END) - end, 0))


def next_marker(file: BinaryIO) -> int | None:
    """The next marker, None at the end; decoders step over bytes before it."""
    place = file.tell()
    # Block by block: a file can have millions of bytes between two markers.
    size = 64
    while block := file.read(size):
        if found := _MARKER.search(block):
            file.seek(place + found.end())
            return block[found.end() - 1]
        # A marker may begin with the last byte.
        place += len(block) - (block[-1:] == b"\xff" and len(block) > 1)
        file.seek(place)
        if len(block) < size:
            break
        size = _BLOCK
    return None


def _scans_behind(file: BinaryIO) -> int:
    """In coded data a byte of FF is followed by 0, so that a marker is one indeed."""
    found, last = 0, b""
    while block := file.read(_BLOCK):
        found += (last + block).count(SCAN)
        last = block[-1:]
    return found

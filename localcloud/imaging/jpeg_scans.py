"""Counts the scans of a JPEG without decoding any of them.

A progressive JPEG is drawn over and over, once a scan. An empty scan costs a few bytes of the file
and a walk over the whole picture, so a small file can keep a decoder busy for hours.
"""

from __future__ import annotations

from typing import BinaryIO

_START, _END = 0xD8, 0xD9
SCAN = b"\xff\xda"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_BLOCK = 1 << 20


def count(file: BinaryIO) -> int:
    """1 where all of the picture is in the first scan, 0 where there is none."""
    file.seek(2)
    progressive, components = False, 0
    while (marker := next_marker(file)) not in (None, _END):
        if marker == _START:
            continue
        place, length = file.tell(), int.from_bytes(file.read(2), "big")
        if marker in _FRAMES:
            progressive = marker in _PROGRESSIVE
            components = file.read(6)[-1:].ljust(1, b"\0")[0]
        elif marker == SCAN[1]:
            if not progressive and file.read(1) == bytes([components]):
                return 1
            return 1 + _scans_behind(file)
        file.seek(place + max(length, 2))
    return 0


def next_marker(file: BinaryIO) -> int | None:
    """The next marker, None at the end; decoders step over bytes before it."""
    while byte := file.read(1):
        if byte == b"\xff":
            while (kind := file.read(1)) == b"\xff":
                pass
            if kind and kind != b"\0":
                return kind[0]
    return None


def _scans_behind(file: BinaryIO) -> int:
    """In coded data a byte of FF is followed by 0, so that a marker is one indeed."""
    found, last = 0, b""
    while block := file.read(_BLOCK):
        found += (last + block).count(SCAN)
        last = block[-1:]
    return found

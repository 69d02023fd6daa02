"""Counts the frames of a GIF and measures its canvas without decoding any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


@dataclass(frozen=True)
class GifCanvas:
    """Size in px that holds the screen and every frame, the number of frames, and that of pieces:
    blocks, and bytes between them that are none."""

    width: int
    height: int
    frames: int
    pieces: int = 0


def scan(file: BinaryIO, most: int, most_pieces: int) -> GifCanvas:
    """Read the blocks from the start of `file`, at most `most` + 1 frames and about `most_pieces`.

    A file that ends early counts what is there; decoding will refuse it.
    """
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return GifCanvas(0, 0, 0)
    width, height = _pair(head, 6), _pair(head, 8)
    _skip_palette(file, head[10])
    frames = pieces = 0
    while frames <= most and pieces <= most_pieces and (kind := file.read(1)):
        pieces += 1
        if kind[0] == _EXTENSION:
            file.seek(1, 1)
        elif kind[0] == _IMAGE:
            place = file.read(9)
            if len(place) < 9:
                break
            width = max(width, _pair(place, 0) + _pair(place, 4))
            height = max(height, _pair(place, 2) + _pair(place, 6))
            frames += 1
            _skip_palette(file, place[8])
            file.seek(1, 1)
        elif kind[0] == _TRAILER:
            break
        else:
            # Decoders step over bytes between blocks.
            continue
        pieces += _skip_blocks(file, most_pieces - pieces)
    return GifCanvas(width, height, frames, pieces)


def _pair(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << ((flags & 7) + 1), 1)


def _skip_blocks(file: BinaryIO, most: int) -> int:
    """How many blocks of data were stepped over: all up to the empty one, or `most` + 1."""
    count = 0
    while count <= most and (length := file.read(1)) and length[0]:
        file.seek(length[0], 1)
        count += 1
    return count

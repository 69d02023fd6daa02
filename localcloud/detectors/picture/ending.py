"""Where the picture of a file ends: what comes behind is shown by no viewer."""

from __future__ import annotations

import io
import re

from localcloud.imaging.gif_frames import scan
from localcloud.imaging.inspect import bmp_end, kind_of, png_end

_END, _SCAN = 0xD9, 0xDA
# Behind a scan's data comes a marker that is neither a stuffed byte nor a restart.
_BEHIND = re.compile(rb"\xff[^\0\xff\xd0-\xd7]")
_ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length
_PADDING = b"\0\xff \t\r\n"
_GIF_BLOCKS = 1 << 22


def rest(data: bytes, pictures: int = 1) -> bytes:
    """What follows the picture, or the several JPEGs of an MPO, without padding.

    A picture whose end is not found has no rest: its decoder says what is wrong with it.
    """
    end = _ENDS[kind](data) if (kind := kind_of(data)) in _ENDS else None
    while kind == "jpeg" and end is not None and pictures > 1:
        begin = data.find(b"\xff\xd8\xff", end)
        if begin < 0 or data[end:begin].strip(_PADDING):
            break
        end, pictures = _jpeg(data, begin), pictures - 1
    return b"" if end is None else data[end:].strip(_PADDING)


def _jpeg(data: bytes, begin: int = 0) -> int | None:
    place = begin + 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker == _END:
            return place + 2
        if marker in (0, 0xFF):
            place += 1
        elif marker in _ALONE:
            place += 2
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
            if marker == _SCAN:
                found = _BEHIND.search(data, place)
                place = found.start() if found else len(data)
    return len(data) if data.endswith(b"\xff\xd9") else None


def _gif(data: bytes) -> int:
    file = io.BytesIO(data)
    scan(file, _GIF_BLOCKS, _GIF_BLOCKS)
    return file.tell()


def _webp(data: bytes) -> int:
    size = int.from_bytes(data[4:8], "little")
    return 8 + size + size % 2


_ENDS = {"jpeg": _jpeg, "png": png_end, "gif": _gif, "webp": _webp, "bmp": bmp_end}

"""Films hidden in pictures: an MPEG transport stream behind one or in its place (004:8787).

Such files are hosted as pictures and played as films at the bucket owner's cost.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PACKET = 188
_SYNC = 0x47
# So many packets in a row are no accident; a shorter stream must be whole packets to its end.
_PACKETS = 5
_PNG, _BMP = b"\x89PNG\r\n\x1a\n", b"BM"
_MAGIC = ((b"\xff\xd8\xff", "jpeg"), (_PNG, "png"), (b"GIF8", "gif"), (_BMP, "bmp"))


@dataclass(frozen=True)
class Inspection:
    """`kind` of the picture (jpeg, png, gif, webp, bmp, ts, unknown); where a stream begins and
    ends (last byte included), None without one."""

    size: int
    kind: str
    begin: int | None = None
    end: int | None = None


def inspect(data: bytes) -> Inspection:
    """Look for a transport stream behind a PNG or BMP, or in place of any picture."""
    if _is_stream(data, 0):
        return Inspection(len(data), "ts", 0, len(data) - 1)
    kind = kind_of(data)
    after = {"png": png_end, "bmp": bmp_end}.get(kind, lambda _: None)(data)
    if after is not None and _is_stream(data, after):
        return Inspection(len(data), kind, after, len(data) - 1)
    return Inspection(len(data), kind)


def kind_of(data: bytes) -> str:
    """By its beginning; unknown for none of those in `Inspection`."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "unknown")


def _is_stream(data: bytes, start: int) -> bool:
    packets = min((len(data) - start) // _PACKET, _PACKETS)
    if packets == 0 or (packets < _PACKETS and (len(data) - start) % _PACKET):
        return False
    return all(data[start + number * _PACKET] == _SYNC for number in range(packets))


def png_end(data: bytes) -> int | None:
    """The byte after IEND; None when the chunks break off."""
    place = len(_PNG)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        place, kind = place + 12 + length, data[place + 4 : place + 8]
        if kind == b"IEND":
            return place
    return None


def bmp_end(data: bytes) -> int | None:
    """The byte after the size that the header gives; None when that cannot be."""
    if len(data) < 26:
        return None
    (size,) = struct.unpack_from("<I", data, 2)
    return size if 26 <= size <= len(data) else None

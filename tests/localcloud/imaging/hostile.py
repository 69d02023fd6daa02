"""Files made to do harm: small ones that claim or unfold to much, and broken ones."""

import struct
import zlib

from PIL import Image

from localcloud.imaging import heif
from tests.localcloud.imaging.pictures import animation, encoded, quadrants

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data):
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height, depth=8, kind=2):
    """A PNG of a few bytes that claims to be large."""
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return PNG_MAGIC + body


def with_chunk(png, kind, data):
    """A PNG with one more chunk behind its header."""
    return png[:33] + chunk(kind, data) + png[33:]


def gif_header(width, height):
    """One frame as large as its screen, of which no pixel is there."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x00\x3b"


def gif_with_a_frame_of(width, height, left=0, top=0):
    """A GIF of 10x10 whose second frame says that it is elsewhere."""
    data = bytearray(animation("GIF", [100, 100], size=(10, 10)))
    place = data.rindex(b"\x2c")
    data[place + 1 : place + 9] = struct.pack("<HHHH", left, top, width, height)
    return bytes(data)


def gif_of_frames(count):
    """So many frames of one pixel."""
    one = animation("GIF", [100], size=(1, 1))
    start = one.index(b"\x2c")
    return one[:start] + one[start:-1] * count + b"\x3b"


def bmp_header(width, height, *, compression=0, depth=24, data=b""):
    """A BMP with these sides and whatever follows its header."""
    palette = bytes(1024) if depth == 8 else b""
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, depth, compression, len(data), 0, 0, 0, 0
    )
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def webp_header(width, height):
    """A WebP whose first chunk names these sides, at most 16384 as VP8L and 2^24 as VP8X."""
    if max(width, height) <= 16384:
        bits = (width - 1) | (height - 1) << 14
        body = b"\x2f" + struct.pack("<I", bits) + bytes(11)
        kind = b"VP8L"
    else:
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        kind = b"VP8X"
    file = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(file)) + file


def avif_header(width, height):
    """A small AVIF whose box `ispe` names these sides."""
    data = bytearray(encoded(quadrants(64, 64), "AVIF"))
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", width, height)
    return bytes(data)


def heif_header(width, height):
    """The same of a HEIF."""
    heif.register()
    data = bytearray(encoded(quadrants(64, 64), "HEIF"))
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", width, height)
    return bytes(data)


def jpeg_header(width, height):
    """A JPEG of 64x64 whose frame header names these sides."""
    data = bytearray(encoded(quadrants(64, 64)))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_of_scans(width, height, count):
    """A progressive JPEG that says its last scan again and again."""
    data = encoded(Image.new("L", (width, height), 128), progressive=True, quality=90)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def jpeg_with_segments(count, size=65_533, marker=0xE5):
    """A JPEG with so many application segments before its tables."""
    data = encoded(quadrants(64, 48))
    segment = bytes((0xFF, marker)) + struct.pack(">H", size + 2) + bytes(size)
    return data[:2] + segment * count + data[2:]


def jpeg_with_segment(marker, payload):
    data = encoded(quadrants(64, 48))
    return (
        data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload + data[2:]
    )

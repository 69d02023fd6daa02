"""Metadata that is broken does not keep a picture from being served."""

import pytest

from localcloud.imaging import process
from shared.rules import parse
from tests.localcloud.imaging.hostile import jpeg_with_segment
from tests.localcloud.imaging.pictures import opened

# The library says so where nobody asked; the served cloud is silent.
pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Tag data larger")
GARBAGE = bytes(range(256)) * 234
TIFF = b"Exif\0\0MM\0*\0\0\0\x08"
ENDLESS = TIFF + b"\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08"
ENTRIES = TIFF + b"\xff\xff" + b"\1\x12\0\3\xff\xff\xff\xff\0\0\0\0" * 5000
# An Orientation that is a fraction, and one that is text.
FRACTION = TIFF + b"\0\1\1\x12\0\5\0\0\0\1\0\0\0\x1a" + bytes(4) + b"\0\0\0\6\0\0\0\1"
LETTERS = TIFF + b"\0\1\1\x12\0\2\0\0\0\4six\0" + bytes(4)
# A text that is told to be fractions, as found by changing bytes at random.
WRONG_TYPE = TIFF + b"\0\1\1\x0f\0\x0a\0\0\0\1\0\0\0\x1a" + bytes(4) + b"\0\0\0\1\0\0\0\0"
METADATA = {
    "garbage": (0xE1, b"Exif\0\0" + GARBAGE),
    "garbage behind a header": (0xE1, TIFF + GARBAGE),
    "a directory in itself": (0xE1, ENDLESS),
    "entries without end": (0xE1, ENTRIES),
    "a fraction for Orientation": (0xE1, FRACTION),
    "letters for Orientation": (0xE1, LETTERS),
    "a wrong type": (0xE1, WRONG_TYPE),
    "XMP that never ends": (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<a>" * 20_000),
    "XMP with entities": (
        0xE1, b"http://ns.adobe.com/xap/1.0/\0<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
        b"<x xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'>&a;</x>",
    ),
    "a profile of garbage": (0xE2, b"ICC_PROFILE\0\1\1" + GARBAGE),
    "a profile in no parts": (0xE2, b"ICC_PROFILE\0\0\0" + GARBAGE),
    "a profile in missing parts": (0xE2, b"ICC_PROFILE\0\7\xff" + GARBAGE),
    "Photoshop": (0xED, b"Photoshop 3.0\0" + GARBAGE),
    "Adobe": (0xEE, b"Adobe" + b"\xff" * 3),
    "JFIF": (0xE0, b"JFIF\0" + b"\xff" * 3),
}  # fmt: skip
RULES = (
    "imageMogr2/thumbnail/!50p", "imageMogr2/auto-orient", "imageMogr2/format/webp",
    "imageMogr2/auto-orient/format/png", "imageMogr2/format/avif", "imageMogr2/strip",
    "exif", "imageInfo", "imageAve",
)  # fmt: skip


@pytest.mark.parametrize(("marker", "payload"), METADATA.values(), ids=METADATA)
@pytest.mark.parametrize("rule", RULES)
def test_broken_metadata_does_not_matter(rule, marker, payload):
    result = process(jpeg_with_segment(marker, payload), parse(rule))
    if result.format == "json":
        assert result.data.startswith(b"{")
    else:
        assert min(opened(result.data).size) in (24, 48)

"""HEIF is read, and written where its encoder is installed."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from localcloud.imaging import ImageError, describe, heif, process
from shared.rules import parse
from tests.localcloud.imaging.pictures import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    corners,
    encoded,
    near,
    opened,
    photo,
    quadrants,
)


def converted(data, rule):
    return process(data, parse(f"imageMogr2/{rule}"))


@pytest.fixture(scope="module")
def heic():
    return converted(photo(400, 300), "format/heif").data


@pytest.mark.parametrize("name", ["heif", "heic", "HEIF"])
def test_a_picture_becomes_heif(name):
    result = converted(photo(400, 300), f"thumbnail/200x/format/{name}/quality/60")
    assert (result.format, result.content_type) == ("heif", "image/heif")
    assert (result.width, result.height, result.quality) == (200, 150, 60)
    assert result.data[4:12] == b"ftypheic"
    assert all(map(near, corners(opened(result.data)), (RED, GREEN, BLUE, WHITE)))


@pytest.mark.parametrize("name", ["jpg", "png", "webp", "gif", "bmp", "avif"])
def test_heif_becomes_everything_else(heic, name):
    result = converted(heic, f"thumbnail/!50p/format/{name}")
    assert (result.format, result.width, result.height) == (name, 200, 150)
    assert all(map(near, corners(opened(result.data)), (RED, GREEN, BLUE, WHITE)))


def test_its_facts(heic):
    facts = describe(heic)
    assert (facts.format, facts.width, facts.height, facts.frames) == ("heif", 400, 300, 1)
    info = json.loads(converted_info(heic))
    assert (info["format"], info["width"], info["size"]) == ("heif", "400", str(len(heic)))


def converted_info(data):
    return process(data, parse("imageInfo")).data


def test_alpha_metadata_and_smaller_quality_survive():
    image = quadrants(200, 100, "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 50, 100))
    result = opened(converted(encoded(image, "PNG"), "format/heif").data)
    assert result.mode == "RGBA"
    assert result.getpixel((10, 50))[3] == 0
    assert result.getpixel((150, 20))[3] == 255
    large = converted(photo(400, 300), "format/heif/quality/90!").data
    small = converted(photo(400, 300), "format/heif/quality/10!").data
    assert len(small) < len(large)
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    kept = converted(photo(64, 64, exif=exif), "format/heif").data
    assert opened(kept).getexif()[0x010F] == "Maker"
    assert 0x010F not in opened(converted(kept, "strip").data).getexif()


def test_an_orientation_of_its_own_is_applied_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    for rule in ("format/heif", "auto-orient/format/heif"):
        turned = converted(photo(400, 300, exif=exif), rule)
        assert (turned.width, turned.height) == (300, 400)
        upright = opened(converted(turned.data, "auto-orient/format/png").data)
        assert upright.size == (300, 400)
        assert all(map(near, corners(upright), (BLUE, RED, WHITE, GREEN)))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_half_a_file_is_refused(heic, share):
    with pytest.raises(ImageError) as caught:
        converted(heic[: int(len(heic) * share)], "format/jpg")
    assert caught.value.number in (-120, -441)


def test_a_header_that_lies_is_refused(heic):
    """The container's size of the picture is not the coded one."""
    at = heic.index(b"ispe") + 8
    for width in (10, 399, 30001, 2**31):
        with pytest.raises(ImageError) as caught:
            converted(heic[:at] + width.to_bytes(4, "big") + heic[at + 4 :], "format/jpg")
        assert caught.value.number in (-120, -441, -447), width


WITHOUT_ENCODER = """
import sys
sys.modules["pillow_heif"] = None
from localcloud.imaging import ImageError, process
from shared.rules import parse
data = sys.stdin.buffer.read()
result = process(data, parse("imageMogr2/thumbnail/100x/format/png"))
assert (result.width, result.height) == (100, 75), result
try:
    process(data, parse("imageMogr2/format/heif"))
except ImageError as error:
    print(error.number, error.message)
assert process(data, parse("imageMogr2/format/heif/ignore-error/1")).data == data
"""


def test_without_the_encoder_heif_is_still_read(heic):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ENCODER], input=heic, capture_output=True, check=True
    )
    assert done.stdout.startswith(b"-163 format/heif: no HEVC encoder is installed")


def test_tpg_is_not_enabled():
    with pytest.raises(ImageError) as caught:
        converted(photo(40, 30), "format/tpg")
    assert caught.value.number == -163
    assert "closed format" in caught.value.message
    data = photo(40, 30)
    assert converted(data, "format/tpg/ignore-error/1").data == data


@pytest.mark.parametrize("header", [b"", b"\0\0\0\x18ftyphei", b"\0\0\0\x18ftypavif", b"RIFF"])
def test_other_files_are_not_taken_for_heif(header):
    assert not heif.is_heif(header)

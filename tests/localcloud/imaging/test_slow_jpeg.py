"""The slow JPEG path: fewer bytes, the same look, the same metadata."""

import io
from pathlib import Path

import pytest
from PIL import Image

from localcloud.imaging import process
from localcloud.imaging.similarity import Reference
from shared.rules import parse
from tests.localcloud.imaging.pictures import encoded, opened, photo

OBJECTS = Path(__file__).parents[3] / "events" / "objects"


def both(data, rule):
    rule = parse(f"imageMogr2/{rule}")
    return process(data, rule), process(data, rule, slow_jpeg=True)


@pytest.mark.parametrize("name", ["rocket-on-pad.jpg", "切尔西 猫.webp", "coffee-cutout.png"])
def test_it_is_smaller_than_an_optimised_jpeg_and_looks_the_same(name):
    source = (OBJECTS / name).read_bytes()
    plain, slow = both(source, "thumbnail/!77p/format/yjpeg/quality/75")
    assert len(slow.data) < 0.97 * len(plain.data)
    assert (slow.format, slow.width, slow.quality) == ("jpg", plain.width, plain.quality)
    target = opened(process(source, parse("imageMogr2/thumbnail/!77p/format/bmp")).data)
    look = Reference(target)
    assert look.ssim(opened(slow.data)) >= look.ssim(opened(plain.data)) - 0.002


@pytest.mark.parametrize("size", [(1, 1), (9, 2000), (2100, 1100)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_every_size_and_mode(size, mode):
    source = encoded(Image.linear_gradient("L").resize(size).convert(mode), "PNG")
    result = opened(process(source, parse("imageMogr2/format/jpg"), slow_jpeg=True).data)
    assert (result.format, result.size) == ("JPEG", size)
    assert result.mode == ("L" if mode == "L" else "RGB")


def test_metadata_is_kept_or_stripped():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    source = photo(120, 80, exif=exif)
    assert opened(both(source, "thumbnail/60x")[1].data).getexif()[0x010F] == "Maker"
    assert not opened(both(source, "strip")[1].data).getexif()


def test_the_size_limit_still_holds():
    source = (OBJECTS / "rocket-on-pad.jpg").read_bytes()
    _, slow = both(source, "strip/format/jpg/size-limit/8k")
    assert 4000 < len(slow.data) <= 8192


def test_other_formats_are_not_touched():
    plain, slow = both(photo(120, 80), "format/webp")
    assert plain.data == slow.data


def test_ssim():
    image = Image.open(OBJECTS / "rocket-on-pad.jpg")
    look = Reference(image)
    assert look.ssim(image) == pytest.approx(1.0)
    worse = [look.ssim(Image.open(io.BytesIO(encoded(image, quality=q)))) for q in (90, 50, 10)]
    assert 1 > worse[0] > worse[1] > worse[2] > 0

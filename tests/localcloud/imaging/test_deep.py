"""PNGs of 16 bits keep them through everything that changes shape only."""

import numpy
import pytest
import pyvips
from PIL import Image

from localcloud.imaging import ImageError, describe, process
from shared.rules import parse
from tests.localcloud.imaging.pictures import opened


def deep(bands, width=60, height=40):
    """Steps of 7 in 65536, which 8 bits cannot hold."""
    values = numpy.arange(width * height * bands, dtype=numpy.uint32) * 7 % 65536
    return values.astype(numpy.uint16).reshape(height, width, bands)


def png(values, **options):
    space = "grey16" if values.shape[2] == 1 else "rgb16"
    image = pyvips.Image.new_from_array(values).copy(interpretation=space)
    return image.pngsave_buffer(bitdepth=16, **options)


def read(data):
    image = pyvips.Image.pngload_buffer(data)
    assert image.format == "ushort"
    return image.numpy().reshape(image.height, image.width, image.bands)


def shaped(values, rule):
    return read(process(png(values), parse(rule)).data)


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("imageMogr2/strip", lambda v: v),
        ("imageMogr2/format/png", lambda v: v),
        ("imageMogr2/cut/20x10x5x6", lambda v: v[6:16, 5:25]),
        ("imageMogr2/crop/20x10/gravity/center", lambda v: v[15:25, 20:40]),
        ("imageMogr2/rotate/90", lambda v: numpy.rot90(v, -1)),
        ("imageMogr2/rotate/180", lambda v: v[::-1, ::-1]),
        ("imageMogr2/rotate/270", numpy.rot90),
        ("imageMogr2/flip/vertical", lambda v: v[::-1]),
        ("imageMogr2/flip/horizontal", lambda v: v[:, ::-1]),
        ("imageMogr2/cut/20x10x5x6|imageMogr2/flip/vertical", lambda v: v[6:16, 5:25][::-1]),
    ],
)
def test_every_bit_survives(bands, rule, expected):
    values = deep(bands)
    assert numpy.array_equal(shaped(values, rule), expected(values))


@pytest.mark.parametrize(
    ("rule", "size"),
    [
        ("imageMogr2/thumbnail/!50p", (30, 20)),
        ("imageMogr2/thumbnail/90x", (90, 60)),
        ("imageView2/2/w/30", (30, 20)),
        ("imageView2/1/w/20/h/20", (20, 20)),
        ("imageView2/1/w/31/h/7", (31, 7)),
    ],
)
def test_scaling_keeps_the_depth(rule, size):
    ramp = numpy.tile(numpy.linspace(20_000, 21_000, 60, dtype=numpy.uint16), (40, 1))[..., None]
    result = shaped(ramp, rule)
    assert (result.shape[1], result.shape[0]) == size
    assert len(numpy.unique(result)) > 8
    assert 19_900 <= result.min() <= result.max() <= 21_100


def test_transparent_colours_do_not_shine_through():
    values = numpy.full((40, 60, 4), 65535, numpy.uint16)
    values[:, :30] = (65535, 0, 0, 0)
    values[:, 30:] = (0, 0, 65535, 65535)
    result = shaped(values, "imageMogr2/thumbnail/!50p")
    assert result.shape == (20, 30, 4)
    seen = result[result[..., 3] > 3000]
    assert (seen[:, 0] < 700).all()


@pytest.mark.parametrize(
    "rule",
    ["imageMogr2/format/jpg", "imageMogr2/blur/3x2", "imageMogr2/thumbnail/30x30/pad/1",
     "imageMogr2/rotate/45", "watermark/2/text/SEhI"],
)  # fmt: skip
def test_what_needs_more_than_shape_is_done_with_8_bits(rule):
    result = opened(process(png(deep(3)), parse(rule)).data)
    assert result.mode in ("RGB", "RGBA")


def test_the_facts_tell_the_depth():
    assert describe(png(deep(1))).bit_depth == 16
    assert describe(png(deep(3))).bit_depth == 16
    eight = pyvips.Image.new_from_array(deep(3).astype(numpy.uint8)).pngsave_buffer()
    assert describe(eight).bit_depth == 8


def test_orientation_and_metadata():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    image = pyvips.Image.new_from_array(deep(3)).copy(interpretation="rgb16")
    image.set_type(pyvips.GValue.blob_type, "exif-data", exif.tobytes())
    source = image.pngsave_buffer(bitdepth=16, keep="exif")
    kept = process(source, parse("imageMogr2/auto-orient")).data
    assert numpy.array_equal(read(kept), numpy.rot90(deep(3), -1))
    told = opened(kept).getexif()
    assert (told[0x0112], told[0x010F]) == (1, "Maker")
    assert not opened(process(source, parse("imageMogr2/strip")).data).getexif()


def test_a_damaged_file_is_refused():
    data = png(deep(3))
    for cut in (40, len(data) // 2, len(data) - 20):
        with pytest.raises(ImageError) as caught:
            process(data[:cut], parse("imageMogr2/thumbnail/!50p"))
        assert caught.value.number in (-120, -441)


def test_a_profile_is_turned_into_srgb_and_a_broken_one_ignored():
    values = numpy.full((20, 20, 3), (20_000, 30_000, 40_000), numpy.uint16)
    image = pyvips.Image.new_from_array(values).copy(interpretation="rgb16")
    marked = image.icc_transform("p3", input_profile="srgb", depth=16)
    result = read(process(marked.pngsave_buffer(bitdepth=16), parse("imageMogr2/strip")).data)
    assert abs(result.astype(int) - values.astype(int)).max() < 300
    broken = image.copy()
    broken.set_type(pyvips.GValue.blob_type, "icc-profile-data", b"\0" * 200)
    result = read(process(broken.pngsave_buffer(bitdepth=16), parse("imageMogr2/strip")).data)
    assert numpy.array_equal(result, values)

"""Colours on their way in: profiles, CMYK, grey, palettes, depths, alpha."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from localcloud.imaging import process
from shared.rules import parse
from tests.localcloud.imaging.pictures import encoded, near, opened

PNG = parse("imageMogr2/format/png")
JPG = parse("imageMogr2/format/jpg/quality/100!")
# Primaries and white (D65) as CIE xy, and the exponent of the tone curve.
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
WHITE = (0.3127, 0.3290)
# From D65 to the D50 of profiles (Bradford).
TO_D50 = np.array([[1.0479, 0.0229, -0.0502], [0.0296, 0.9904, -0.0171], [-0.0092, 0.0151, 0.7517]])


def to_xyz(primaries):
    """The matrix from linear RGB to XYZ under D65."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    x, y = WHITE
    return columns * np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def profile(primaries, gamma):
    """A whole ICC profile, version 2: a matrix and one curve."""
    matrix = TO_D50 @ to_xyz(primaries)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"Test\0" + bytes(78)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": white}
    for index, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        tags[name] = b"XYZ " + bytes(4) + b"".join(fixed(value) for value in matrix[:, index])
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28)
    head += b"".join(map(fixed, (0.9642, 1.0, 0.8249))) + bytes(48)
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def in_srgb(color, primaries, gamma):
    """What the colour is in sRGB, by arithmetic."""
    linear = (np.asarray(color) / 255) ** gamma
    there = np.clip(np.linalg.solve(to_xyz(SRGB), to_xyz(primaries) @ linear), 0, 1)
    shown = np.where(there <= 0.0031308, 12.92 * there, 1.055 * there ** (1 / 2.4) - 0.055)
    return tuple(np.round(shown * 255).astype(int))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize(("primaries", "gamma"), [(P3, 2.2), (ADOBE, 2.19921875), (SRGB, 1.0)])
@pytest.mark.parametrize("color", [(200, 100, 50), (60, 180, 90), (128, 128, 128), (30, 40, 200)])
def test_a_profile_is_turned_into_srgb(format, primaries, gamma, color):
    options = {"quality": 100} if format != "PNG" else {}
    data = encoded(
        Image.new("RGB", (32, 32), color), format, icc_profile=profile(primaries, gamma), **options
    )
    image = opened(process(data, PNG).data)
    expected = in_srgb(color, primaries, gamma)
    assert near(image.convert("RGB").getpixel((16, 16)), expected, 6)
    # The profile that no longer fits is gone.
    left = image.info.get("icc_profile")
    assert left is None or "sRGB" in ImageCms.getProfileDescription(
        ImageCms.ImageCmsProfile(io.BytesIO(left))
    )


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_profile_counts_with_alpha_and_for_palettes_too(mode):
    image = Image.new("RGBA", (32, 32), (60, 180, 90, 255))
    image.paste((60, 180, 90, 100), (0, 0, 16, 32))
    options = {"transparency": 1} if mode == "P" else {}
    data = encoded(image.convert(mode), "PNG", icc_profile=profile(ADOBE, 2.2), **options)
    seen = opened(process(data, PNG).data).convert("RGBA")
    assert near(seen.getpixel((24, 16)), in_srgb((60, 180, 90), ADOBE, 2.2), 6)
    if mode == "RGBA":
        assert seen.getpixel((4, 16))[3] == 100


def test_the_colours_of_these_tests_really_differ():
    assert not near(in_srgb((60, 180, 90), ADOBE, 2.2), (60, 180, 90), 20)
    assert not near(in_srgb((200, 100, 50), P3, 2.2), (200, 100, 50), 12)


def test_srgb_itself_changes_nothing():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    image = opened(process(encoded(noise, "PNG", icc_profile=own), PNG).data)
    assert image.convert("RGB").tobytes() == noise.tobytes()


@pytest.mark.parametrize(
    "broken",
    [
        b"not a profile",
        b"",
        b"\0" * 200,
        profile(P3, 2.2)[:150],
        profile(P3, 2.2)[:128] + b"\xff" * 400,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    ],
    ids=["words", "empty", "zeros", "truncated", "garbage tags", "of another space"],
)
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_profile_that_does_not_fit_is_left_out(format, broken):
    data = encoded(Image.new("RGB", (32, 32), (200, 100, 50)), format, icc_profile=broken)
    assert near(
        opened(process(data, PNG).data).convert("RGB").getpixel((16, 16)), (200, 100, 50), 6
    )


INKS = {
    "white": ((0, 0, 0, 0), (255, 255, 255)),
    "black": ((0, 0, 0, 255), (0, 0, 0)),
    "cyan": ((255, 0, 0, 0), (0, 255, 255)),
    "magenta": ((0, 255, 0, 0), (255, 0, 255)),
    "yellow": ((0, 0, 255, 0), (255, 255, 0)),
    "half": ((0, 0, 0, 128), (127, 127, 127)),
}


@pytest.mark.parametrize(("inks", "color"), INKS.values(), ids=INKS)
def test_cmyk_as_adobe_writes_it(inks, color):
    """Such files hold the inks inverted, and say so in an APP14 segment."""
    data = encoded(Image.new("CMYK", (32, 32), inks), quality=100)
    assert b"Adobe" in data
    image = opened(process(data, PNG).data)
    assert image.mode == "RGB"
    assert near(image.getpixel((16, 16)), color, 4)


def test_cmyk_into_a_jpeg_is_rgb():
    data = encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), quality=100)
    image = opened(process(data, JPG).data)
    assert image.mode == "RGB"
    assert near(image.getpixel((16, 16)), (255, 0, 0), 4)


def test_cmyk_with_a_profile_that_is_no_cmyk_profile():
    data = encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), icc_profile=profile(P3, 2.2))
    assert near(opened(process(data, PNG).data).getpixel((16, 16)), (255, 0, 0), 6)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_grey_ramp_stays_what_it_is(format):
    ramp = Image.linear_gradient("L")
    options = {"lossless": True} if format == "WEBP" else {}
    image = opened(process(encoded(ramp, format, **options), PNG).data)
    rgb = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(rgb - np.asarray(ramp)[..., None]).max() <= 2


@pytest.mark.parametrize("target", ["png", "webp", "avif"])
def test_a_palette_keeps_its_colours_and_its_holes(target):
    image = Image.new("P", (30, 10))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    for index in range(3):
        image.paste(index, (index * 10, 0, index * 10 + 10, 10))
    data = encoded(image, "PNG", transparency=bytes([255, 0, 128]))
    rule = parse(f"imageMogr2/format/{target}/quality/100!")
    seen = opened(process(data, rule).data).convert("RGBA")
    assert near(seen.getpixel((5, 5)), (255, 0, 0), 12)
    assert [abs(seen.getpixel((x, 5))[3] - a) <= 2 for x, a in ((5, 255), (15, 0), (25, 128))] == [
        True
    ] * 3
    assert near(seen.getpixel((25, 5)), (0, 0, 255), 12)


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF"])
def test_one_bit_a_pixel(format):
    image = Image.new("1", (32, 32), 1)
    image.paste(0, (0, 0, 16, 32))
    seen = opened(process(encoded(image, format), JPG).data).convert("L")
    assert seen.getpixel((3, 16)) < 8
    assert seen.getpixel((29, 16)) > 247


def test_a_transparent_grey():
    image = Image.new("LA", (32, 32), (90, 255))
    image.paste((90, 51), (0, 0, 16, 32))
    seen = opened(process(encoded(image, "PNG"), PNG).data).convert("RGBA")
    assert seen.getpixel((4, 16)) == (90, 90, 90, 51)
    flat = opened(process(encoded(image, "PNG"), JPG).data).convert("RGB")
    # 90 at a fifth, on white.
    assert near(flat.getpixel((4, 16)), (222, 222, 222), 3)
    assert near(flat.getpixel((28, 16)), (90, 90, 90), 3)


def deep_png(channels, value):
    """A PNG of 16 bits a channel, 8x8, all of `value`."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    kinds = {1: 0, 2: 4, 3: 2, 4: 6}
    head = struct.pack(">IIBBBBB", 8, 8, 16, kinds[channels], 0, 0, 0)
    rows = (b"\0" + struct.pack(">H", value) * channels * 8) * 8
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("value", [0, 0x4000, 0x80FF, 0xFFFF])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_shown_by_their_upper_eight(channels, value):
    pixel = opened(process(deep_png(channels, value), JPG).data).convert("RGB").getpixel((4, 4))
    assert near(pixel, (value >> 8,) * 3, 2)


@pytest.mark.parametrize("channels", [2, 4])
def test_sixteen_bits_with_alpha_are_laid_on_white(channels):
    pixel = opened(process(deep_png(channels, 0x8000), JPG).data).convert("RGB").getpixel((4, 4))
    assert near(pixel, (191, 191, 191), 3)


@pytest.mark.parametrize("target", ["jpg", "bmp"])
@pytest.mark.parametrize(("alpha", "seen"), [(0, 255), (51, 224), (128, 177), (255, 100)])
def test_alpha_is_laid_on_white_where_there_is_none(target, alpha, seen):
    data = encoded(Image.new("RGBA", (32, 32), (100, 100, 100, alpha)), "PNG")
    rule = parse(f"imageMogr2/format/{target}/quality/100!")
    image = opened(process(data, rule).data)
    assert image.mode in ("RGB", "L")
    assert near(image.convert("RGB").getpixel((16, 16)), (seen,) * 3, 2)


def test_scaling_does_not_draw_the_colour_of_what_is_transparent():
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 32, 64))
    seen = opened(process(encoded(image, "PNG"), parse("imageMogr2/thumbnail/9x9!")).data)
    for red, _, blue, alpha in seen.convert("RGBA").get_flattened_data():
        assert alpha < 8 or (red < 16 and blue > 239)

"""Filters, shapes and bounds, by what they do to known pixels."""

import io
import json
from itertools import pairwise

import pytest
from PIL import Image, ImageChops

from localcloud.imaging import ImageError, process, streaming
from localcloud.imaging.filters import kernel_deviation
from shared.rules import Spread, parse
from tests.localcloud.imaging.pictures import (
    RED,
    animation,
    encoded,
    near,
    opened,
    photo,
    quadrants,
)

FINE = Image.effect_noise((300, 200), 90).convert("RGB")


def run(rule, source):
    return opened(process(source, parse(rule)).data)


def flat(value, mode="RGB", size=(40, 30)):
    return encoded(Image.new(mode, size, value), "PNG")


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("bright/0", (100, 150, 200), (100, 150, 200)),
        ("bright/20", (100, 150, 200), (151, 201, 251)),
        ("bright/-20", (100, 150, 200), (49, 99, 149)),
        ("bright/100", (0, 1, 2), (255, 255, 255)),
        ("bright/-100", (255, 254, 253), (0, 0, 0)),
        ("contrast/0", (100, 150, 200), (100, 150, 200)),
        ("contrast/-50", (28, 128, 228), (78, 128, 178)),
        ("contrast/-100", (0, 100, 255), (128, 128, 128)),
        ("contrast/50", (100, 128, 160), (73, 129, 193)),
        ("contrast/100", (100, 120, 160), (0, 0, 255)),
        ("grayscale/0", (200, 30, 30), (200, 30, 30)),
        ("grayscale/1", (255, 0, 0), (76, 76, 76)),
        ("blur/8x5", (10, 20, 30), (10, 20, 30)),
        ("sharpen/70", (10, 20, 30), (10, 20, 30)),
    ],
)
def test_what_a_filter_makes_of_a_colour(rule, before, after):
    assert near(run(f"imageMogr2/{rule}", flat(before)).convert("RGB").getpixel((20, 15)), after, 1)


def cut_out(hidden):
    """A grey disc on nothing; `hidden` is the colour that its surroundings have and nobody sees."""
    image = Image.new("RGBA", (120, 120), (*hidden, 0))
    disc = Image.radial_gradient("L").resize((120, 120)).point(lambda v: 255 * (v < 100))
    image.paste((128, 128, 128, 255), mask=disc)
    return image


def on(value, image):
    canvas = Image.new("RGBA", image.size, (value, value, value, 255))
    canvas.alpha_composite(image)
    return canvas.convert("RGB")


@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255), (255, 0, 0)])
@pytest.mark.parametrize(
    "rule",
    ["blur/20x6", "sharpen/300", "thumbnail/50x", "thumbnail/300x", "rotate/30",
     "thumbnail/90x|imageMogr2/blur/3x1", "blur/3x1/sharpen/200/rotate/10"],
)  # fmt: skip
@pytest.mark.parametrize("backend", ["Pillow", "libvips"])
def test_no_hidden_colour_shines_out_over_an_edge(monkeypatch, backend, rule, hidden):
    if backend == "libvips":
        monkeypatch.setattr(streaming, "_WORTH", 1)
    result = run(f"imageMogr2/{rule}", encoded(cut_out(hidden), "PNG"))
    wanted = run(f"imageMogr2/{rule}", encoded(cut_out((128, 128, 128)), "PNG"))
    assert result.mode == "RGBA"
    assert result.getchannel("A").getextrema() == (0, 255)
    assert ImageChops.difference(on(0, result), on(0, wanted)).getbbox() is None
    assert ImageChops.difference(on(255, result), on(255, wanted)).getbbox() is None


@pytest.mark.parametrize("rule", ["blur/20x6", "sharpen/100"])
def test_a_grey_cut_out_stays_grey(rule):
    result = run(f"imageMogr2/{rule}", encoded(cut_out((255, 0, 0)), "PNG"))
    edge = [pixel for pixel in result.get_flattened_data() if pixel[3] >= 60]
    assert len(edge) > 1000
    # Alpha of 8 bits leaves colours that show little some room.
    assert all(near(pixel, (128, 128, 128), 6) for pixel in edge)


def test_a_sharpened_cut_out_is_as_sharp_as_the_same_picture_without_alpha():
    opaque = FINE.convert("RGBA")
    one, other = (run("imageMogr2/sharpen/150", encoded(image, "PNG")) for image in (FINE, opaque))
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    assert max(high for _, high in difference.getextrema()) <= 1


@pytest.mark.parametrize(
    "rule", ["bright/30", "contrast/30", "grayscale/1", "sharpen/70", "blur/3x2"]
)
def test_transparency_stays(rule):
    image = run(f"imageMogr2/{rule}", flat((200, 100, 50, 77), "RGBA"))
    assert image.convert("RGBA").getpixel((20, 15))[3] == 77


def roughness(image):
    data = image.convert("L").tobytes()
    return sum(abs(a - b) for a, b in pairwise(data)) / len(data)


def test_blur_smooths_and_more_of_it_smooths_more():
    source = encoded(FINE, "PNG")
    some, more = (run(f"imageMogr2/blur/{r}", source) for r in ("5x1", "20x8"))
    assert roughness(FINE) > 2 * roughness(some) > 4 * roughness(more)


def test_sharpen_roughens_and_more_of_it_more():
    source = encoded(FINE, "PNG")
    some, more = (run(f"imageMogr2/sharpen/{n}", source) for n in (10, 300))
    assert roughness(FINE) < roughness(some) < roughness(more)


@pytest.mark.parametrize(
    ("radius", "sigma", "low", "high"),
    [(50, 5, 4.9, 5.01), (2, 1000, 1.4, 1.42), (1, 0.1, 0, 0.01)],
)
def test_a_radius_cuts_the_kernel_off(radius, sigma, low, high):
    assert low <= kernel_deviation(Spread(radius, sigma)) <= high


def test_iradius_is_a_circle_on_nothing():
    image = run("imageMogr2/iradius/40/format/png", photo(200, 100)).convert("RGBA")
    assert image.size == (80, 80)
    assert image.getpixel((1, 1))[3] == 0
    assert image.getpixel((20, 20))[3] == 255
    assert near(image.getpixel((20, 20)), RED)
    assert near(run("imageMogr2/iradius/40", photo(200, 100)).getpixel((1, 1)), (255, 255, 255), 6)


def test_rradius_rounds_the_corners_only():
    image = run("imageMogr2/rradius/30/format/png", photo(200, 100)).convert("RGBA")
    assert image.size == (200, 100)
    corners = [image.getpixel(place)[3] for place in ((0, 0), (199, 0), (0, 99), (199, 99))]
    assert corners == [0, 0, 0, 0]
    assert image.getpixel((100, 0))[3] == image.getpixel((0, 50))[3] == 255


@pytest.mark.parametrize("rule", ["iradius/51", "rradius/51"])
def test_a_radius_must_fit(rule):
    with pytest.raises(ImageError, match="50 px"):
        run(f"imageMogr2/{rule}", photo(200, 100))


@pytest.mark.parametrize("rule", ["iradius/10", "rradius/10"])
def test_a_gif_has_no_round_form(rule):
    with pytest.raises(ImageError, match="GIF") as caught:
        run(f"imageMogr2/{rule}", animation("GIF", [100]))
    assert caught.value.number == -443


@pytest.mark.parametrize("kilobytes", [10, 15, 25])
def test_size_limit_really_reaches_the_size(kilobytes):
    source = encoded(FINE, "PNG")
    result = process(source, parse(f"imageMogr2/strip/format/jpg/size-limit/{kilobytes}k"))
    assert len(result.data) <= kilobytes * 1024
    assert opened(result.data).size == (300, 200)
    better = process(source, parse(f"imageMogr2/strip/format/jpg/quality/{result.quality + 1}!"))
    assert len(better.data) > kilobytes * 1024


def test_size_limit_leaves_what_fits_and_other_formats():
    source = encoded(FINE, quality=80)
    assert process(source, parse("imageMogr2/size-limit/9m")).quality == 80
    assert process(source, parse("imageMogr2/format/png/size-limit/1k")).format == "png"


def test_size_limit_with_a_mark_gives_the_source_when_it_is_smaller():
    source = encoded(quadrants(40, 30), quality=1)
    rule = "imageMogr2/format/jpg/quality/100!/size-limit/1m"
    assert process(source, parse(rule)).data != source
    assert process(source, parse(f"{rule}!")).data == source


@pytest.mark.parametrize(
    ("frames", "rule", "left"), [(45, 1, 30), (20, 1, 20), (80, 50, 50), (5, 3, 3)]
)
def test_cgif_keeps_the_first_frames(frames, rule, left):
    source = animation("GIF", [20 + n for n in range(frames)], size=(8, 6))
    result = process(source, parse(f"imageMogr2/cgif/{rule}"))
    image = Image.open(io.BytesIO(result.data))
    assert (result.frames, image.n_frames) == (left, left)


def test_cgif_is_for_gifs_only():
    source = animation("WEBP", [100] * 5, size=(8, 6))
    assert process(source, parse("imageMogr2/cgif/2")).frames == 5


def test_image_ave():
    assert process(flat((0x73, 0x62, 0x46)), parse("imageAve")).data == b'{"RGB": "0x736246"}'


def test_exif_is_listed_or_said_to_be_none():
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x829A] = (1, 50)
    found = json.loads(process(encoded(quadrants(40, 30), exif=exif), parse("exif")).data)
    assert found["Make"] == {"val": "Camera"}
    assert found["Orientation"] == {"val": "6"}
    assert "ExposureTime" in found
    assert process(photo(40, 30), parse("exif")).data == b'{"error": "no exif data"}'


def test_filters_come_before_a_scaled_decode_can_spoil_them():
    source = encoded(FINE.resize((1200, 800)), quality=95)
    first = run("imageMogr2/rradius/300/thumbnail/120x/format/png", source).convert("RGBA")
    assert first.getpixel((1, 1))[3] == 0
    assert first.getpixel((60, 40))[3] == 255

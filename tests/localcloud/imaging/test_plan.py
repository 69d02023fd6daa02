"""Scaled decoding gives what a full decode and Lanczos give, whatever the size of the source."""

import functools
import json
import math

import numpy as np
import pytest
from PIL import Image

from localcloud.imaging import LIMITS, plan, process
from localcloud.imaging.source import open_image
from shared.rules import parse
from tests.localcloud.imaging.pictures import encoded, opened

LEAST = 43
# Odd ones: the decoder rounds 1/2, 1/4 and 1/8 of them up, by as much as seven eighths of a pixel.
SIZES = ((1333, 1000), (1331, 999), (1201, 1607), (809, 613))


@functools.cache
def sources(size, mode, orientation):
    """A JPEG with slopes and stripes up to its edges, and its decoded pixels as a PNG."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    bands = [x * 200 / size[0], y * 200 / size[1], 100 + 90 * np.sin((x + 2 * y) / 15)]
    stripes = 40 * ((x // 21 + y // 29) % 2)
    pixels = np.stack([band + stripes for band in bands], axis=2).clip(0, 255).astype(np.uint8)
    tags = Image.Exif()
    tags[0x0112] = orientation
    jpeg = encoded(Image.fromarray(pixels).convert(mode), quality=92, exif=tags)
    return jpeg, encoded(opened(jpeg), "PNG", exif=tags)


def decibels(size, rule, mode="RGB", orientation=1):
    """How near the JPEG's result is to that of its decoded pixels."""
    jpeg, png = sources(size, mode, orientation)
    rule = parse(rule)
    drafted = open_image(jpeg, LIMITS)
    plan.scaled_decoding(drafted, rule, LIMITS)
    # Else a full decode would be compared with itself.
    assert drafted.size != size
    ours, wanted = (opened(process(source, rule).data).convert("RGB") for source in (jpeg, png))
    assert ours.size == wanted.size
    error = np.mean((np.asarray(ours, float) - np.asarray(wanted, float)) ** 2)
    return 20 * math.log10(255 / max(math.sqrt(error), 0.01))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "rule",
    [
        "imageMogr2/thumbnail/100x/format/png",
        "imageMogr2/thumbnail/!25p/format/png",
        "imageMogr2/thumbnail/x171/format/png",
        "imageMogr2/thumbnail/240x160!/format/png",
        "imageView2/2/w/150/format/png",
        "imageView2/1/w/100/h/130/format/png",
        "imageView2/5/w/140/h/90/format/png",
    ],
)
def test_odd_sizes_lose_nothing(size, rule):
    assert decibels(size, rule) >= LEAST


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "rule",
    [
        "imageMogr2/auto-orient/thumbnail/x120/format/png",
        "imageMogr2/auto-orient|imageView2/1/w/90/h/140/format/png",
    ],
)
def test_nor_do_pictures_that_are_turned(orientation, rule):
    assert decibels((1333, 1000), rule, orientation=orientation) >= LEAST


def test_nor_does_a_grey_picture():
    assert decibels((1331, 999), "imageMogr2/thumbnail/150x/format/png", "L") >= LEAST


@pytest.mark.parametrize(
    ("size", "rule", "drafted"),
    [
        # A part that does not lie on the decoder's own pixels is resampled from more of them.
        ((2000, 1000), "imageView2/1/w/500/h/500/format/png", (1000, 500)),
        ((2004, 1000), "imageView2/1/w/500/h/500/format/png", (1002, 500)),
        ((2002, 1000), "imageView2/1/w/500/h/500/format/png", (2002, 1000)),
        ((2000, 1000), "imageMogr2/thumbnail/!50p", (1000, 500)),
        ((2002, 1000), "imageMogr2/thumbnail/!25p", (1001, 500)),
    ],
)
def test_exact_shares_are_left_to_the_decoder(size, rule, drafted):
    image = open_image(encoded(Image.new("RGB", size)), LIMITS)
    plan.scaled_decoding(image, parse(rule), LIMITS)
    assert image.size == drafted


@pytest.mark.parametrize("side", [9, 10, 15, 17])
def test_the_average_colour_of_a_small_jpeg_counts_its_own_pixels_only(side):
    """The decoder fills up to a multiple of eight with what is at the edge."""
    image = Image.new("L", (side, 1))
    image.paste(255, (8, 0, side, 1))
    found = json.loads(process(encoded(image, quality=100), parse("imageAve")).data)["RGB"]
    assert int(found[2:4], 16) == pytest.approx(255 * (side - 8) / side, abs=12)

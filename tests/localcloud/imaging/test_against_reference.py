"""Our results against other implementations: libvips, OpenCV, and numpy written out."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
from PIL import Image

from localcloud.imaging import process
from shared.rules import parse
from tests.localcloud.imaging.pictures import encoded
from tests.localcloud.imaging.similarity import ssim

OBJECTS = Path(__file__).parents[3] / "events" / "objects"
# What two right implementations of one operation share at least.
ALIKE = 0.97


def photograph(name):
    return np.asarray(Image.open(OBJECTS / name).convert("RGB"))


def synthetic():
    """Circles that grow finer outwards, over a gradient: every frequency and direction."""
    y, x = np.mgrid[0:360, 0:480].astype(np.float64)
    rings = 60 * np.cos(((x - 240) ** 2 + (y - 180) ** 2) / 900)
    ramp = np.stack([x / 480, y / 360, 1 - x / 480], axis=2)
    return np.clip(ramp * 120 + 68 + rings[..., None], 0, 255).astype(np.uint8)


SOURCES = {
    "rocket": photograph("rocket-on-pad.jpg"),
    "cup": photograph("coffee-cutout.png"),
    "cat": photograph("切尔西 猫.webp"),
    "rings": synthetic(),
}


def ours(rule, array, format="PNG", **options):
    """What the rule makes of the picture, as an array; nothing is lost on the way in or out."""
    result = process(encoded(Image.fromarray(array), format, **options), parse(rule))
    return np.asarray(Image.open(io.BytesIO(result.data)).convert("RGB"))


def vips(array):
    return pyvips.Image.new_from_array(array)


def by_vips_resize(array, width, height):
    image = vips(array)
    return image.resize(
        width / image.width, vscale=height / image.height, kernel="lanczos3"
    ).numpy()


@pytest.fixture(params=SOURCES)
def picture(request):
    return SOURCES[request.param]


@pytest.mark.parametrize("rule", ["!50p", "!33p", "200x", "x150", "300x120!"])
def test_resize(picture, rule):
    seen = ours(f"imageMogr2/thumbnail/{rule}", picture)
    height, width = seen.shape[:2]
    assert ssim(seen, by_vips_resize(picture, width, height)) >= ALIKE
    if picture is not SOURCES["rings"]:
        # An average over areas, which keeps less of the finest rings than Lanczos does.
        means = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        assert ssim(seen, means) >= ALIKE


@pytest.mark.parametrize("rule", ["!150p", "!101p", "700x700!"])
def test_enlarging(picture, rule):
    seen = ours(f"imageMogr2/thumbnail/{rule}", picture)
    size = (seen.shape[1], seen.shape[0])
    expected = cv2.resize(picture, size, interpolation=cv2.INTER_LANCZOS4)
    assert ssim(seen, expected) >= ALIKE


@pytest.mark.parametrize("share", [50, 25, 13, 40])
def test_resize_of_a_jpeg_that_is_decoded_small(share):
    large = cv2.resize(SOURCES["rocket"], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    data = encoded(Image.fromarray(large), quality=95)
    result = process(data, parse(f"imageMogr2/thumbnail/!{share}p/format/png"))
    seen = np.asarray(Image.open(io.BytesIO(result.data)))
    whole = pyvips.Image.new_from_buffer(data, "").numpy()
    assert ssim(seen, by_vips_resize(whole, seen.shape[1], seen.shape[0])) >= ALIKE


@pytest.mark.parametrize(
    ("rule", "left", "top", "width", "height"),
    [
        ("cut/200x150x30x20", 30, 20, 200, 150),
        ("crop/201x151/gravity/northwest", 0, 0, 201, 151),
    ],
)
def test_cut_outs_are_exact(picture, rule, left, top, width, height):
    expected = picture[top : top + height, left : left + width]
    assert np.array_equal(ours(f"imageMogr2/{rule}", picture), expected)


def test_a_crop_in_the_middle_is_exact(picture):
    height, width = picture.shape[:2]
    top, left = (height - 100) // 2, (width - 120) // 2
    expected = picture[top : top + 100, left : left + 120]
    assert np.array_equal(ours("imageMogr2/crop/120x100/gravity/center", picture), expected)


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 3), (180, 2), (270, 1), (360, 0)])
def test_right_angles_are_exact(picture, degrees, turns):
    seen = ours(f"imageMogr2/rotate/{degrees}", picture)
    assert np.array_equal(seen, np.rot90(picture, turns))


@pytest.mark.parametrize("degrees", [1, 30, 45, 135, 200, 359])
def test_other_angles(picture, degrees):
    seen = ours(f"imageMogr2/rotate/{degrees}/format/bmp", picture)
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
    # The middle of one picture comes to the middle of the other.
    matrix[0, 2] += (seen.shape[1] - width) / 2
    matrix[1, 2] += (seen.shape[0] - height) / 2
    expected = cv2.warpAffine(
        picture, matrix, (seen.shape[1], seen.shape[0]), flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT, borderValue=(255, 255, 255),
    )  # fmt: skip
    assert ssim(seen, expected) >= ALIKE


@pytest.mark.parametrize(("rule", "axis"), [("vertical", 0), ("horizontal", 1)])
def test_flips_are_exact(picture, rule, axis):
    assert np.array_equal(ours(f"imageMogr2/flip/{rule}", picture), np.flip(picture, axis))


@pytest.mark.parametrize(("radius", "sigma"), [(1, 1), (8, 5), (20, 8), (50, 10), (2, 30)])
def test_blur(picture, radius, sigma):
    """A Gaussian whose kernel ends at the radius, as the manual words it."""
    side = 2 * radius + 1
    expected = cv2.GaussianBlur(picture, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)
    assert ssim(ours(f"imageMogr2/blur/{radius}x{sigma}", picture), expected) >= ALIKE


@pytest.mark.parametrize("percent", [10, 70, 300])
def test_sharpen(picture, percent):
    """The picture, and `percent` of what a blur of 1 px takes away from it."""
    soft = vips(picture).gaussblur(1.0, precision="float")
    image = vips(picture)
    expected = (image + (image - soft) * (percent / 100)).rint().cast("uchar").numpy()
    assert ssim(ours(f"imageMogr2/sharpen/{percent}", picture), expected) >= ALIKE


def test_grayscale(picture):
    expected = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    seen = ours("imageMogr2/grayscale/1", picture)
    assert np.abs(seen.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("value", [-100, -40, 0, 25, 100])
def test_bright(picture, value):
    expected = np.clip(np.floor(picture + 2.55 * value + 0.5), 0, 255)
    seen = ours(f"imageMogr2/bright/{value}", picture)
    assert np.abs(seen.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("value", [-100, -50, 0, 30, 80])
def test_contrast(picture, value):
    slope = 1 + value / 100 if value <= 0 else 1 / (1 - value / 100)
    expected = np.clip(127.5 + (picture - 127.5) * slope, 0, 255)
    seen = ours(f"imageMogr2/contrast/{value}", picture)
    assert np.abs(seen - expected).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(300, 300), (500, 100), (100, 400)])
def test_padding(picture, width, height):
    seen = ours(f"imageMogr2/thumbnail/{width}x{height}/pad/1/color/IzNEM0QzRA", picture)
    factor = min(width / picture.shape[1], height / picture.shape[0])
    inner = [int(np.floor(side * factor + 0.5)) for side in (picture.shape[1], picture.shape[0])]
    small = vips(by_vips_resize(picture, *inner))
    expected = small.embed(
        (width - inner[0]) // 2, (height - inner[1]) // 2, width, height,
        extend="background", background=[0x3D] * 3,
    )  # fmt: skip
    assert ssim(seen, expected.numpy()) >= ALIKE


def disc(width, height, radius):
    """Where a rectangle with rounded corners is, in shares of each pixel's area."""
    fine = 8
    y, x = (np.mgrid[0 : height * fine, 0 : width * fine] + 0.5) / fine
    beyond_x = np.maximum(np.maximum(radius - x, x - (width - radius)), 0)
    beyond_y = np.maximum(np.maximum(radius - y, y - (height - radius)), 0)
    inside = (beyond_x**2 + beyond_y**2 <= radius**2).astype(np.float64)
    return inside.reshape(height, fine, width, fine).mean(axis=(1, 3))


@pytest.mark.parametrize("radius", [5, 40, 100])
def test_rounded_corners(radius):
    picture = SOURCES["rings"][:240, :320]
    data = encoded(Image.fromarray(picture), "PNG")
    result = process(data, parse(f"imageMogr2/rradius/{radius}"))
    seen = np.asarray(Image.open(io.BytesIO(result.data)))
    assert np.array_equal(seen[..., :3], picture)
    assert np.abs(seen[..., 3] / 255 - disc(320, 240, radius)).max() <= 0.35
    assert np.abs(seen[..., 3] / 255 - disc(320, 240, radius)).mean() <= 0.001


@pytest.mark.parametrize("radius", [5, 60, 119])
def test_a_round_picture(radius):
    picture = SOURCES["rings"][:240, :320]
    data = encoded(Image.fromarray(picture), "PNG")
    result = process(data, parse(f"imageMogr2/iradius/{radius}"))
    seen = np.asarray(Image.open(io.BytesIO(result.data)))
    left, top = 160 - radius, 120 - radius
    expected = picture[top : top + 2 * radius, left : left + 2 * radius]
    assert np.array_equal(seen[..., :3], expected)
    coverage = disc(2 * radius, 2 * radius, radius)
    assert np.abs(seen[..., 3] / 255 - coverage).max() <= 0.35


@pytest.mark.parametrize(
    ("rule", "size", "width", "height"),
    [
        ("1/w/200/h/180", (200, 180), 270, 180),
        ("2/w/200/h/180", (200, 133), 200, 133),
        ("3/w/200/h/180", (270, 180), 270, 180),
    ],
)
def test_templates(rule, size, width, height):
    picture = SOURCES["cup"]
    seen = ours(f"imageView2/{rule}", picture)
    assert seen.shape[:2] == size[::-1]
    scaled = by_vips_resize(picture, width, height)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    assert ssim(seen, scaled[top : top + size[1], left : left + size[0]]) >= ALIKE


def test_the_measure_tells_pictures_apart():
    """What the other tests would say of a wrong picture."""
    picture = SOURCES["cat"]
    assert ssim(picture, picture) == 1
    assert ssim(picture, np.roll(picture, 2, axis=1)) < 0.9
    assert ssim(picture, cv2.GaussianBlur(picture, (0, 0), 2)) < 0.9
    assert ssim(picture, picture[:, ::-1]) < 0.6

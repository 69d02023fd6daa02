"""Other sizes of a picture: the same result as from the original, from a rendition of it."""

import io
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from localcloud.ci.proxies import Proxies
from localcloud.imaging import process
from localcloud.storage import StoredObject
from shared.rules import parse
from tests.localcloud.imaging.pictures import encoded, opened
from tests.localcloud.imaging.test_colour import ADOBE, profile

SAMPLE = Path(__file__).parents[3] / "events" / "objects" / "rocket-on-pad.jpg"
PNG = "|imageMogr2/format/png"
FIRST, SECOND = "imageMogr2/thumbnail/310x", "imageMogr2/thumbnail/320x"


@cache
def picture(size=(2400, 1800)):
    """Detail of all sizes, down to grain."""
    with Image.open(SAMPLE) as sample:
        tile = sample.convert("RGB").resize((size[0] // 3, size[1] // 3))
    image = Image.new("RGB", size)
    for left in range(0, size[0], tile.width):
        for top in range(0, size[1], tile.height):
            image.paste(tile, (left, top))
    grain = Image.effect_noise(size, 9)
    return ImageChops.add(image, Image.merge("RGB", [grain] * 3), offset=-128)


@cache
def large(size=(2400, 1800), quality=90, **options):
    return encoded(picture(size), quality=quality, **options)


def psnr(one, other):
    assert one.size == other.size
    difference = np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)
    return 10 * np.log10(255**2 / max(np.mean(difference**2), 1e-9))


@pytest.fixture
def proxies(inside):
    return inside.cloud.proxies


@pytest.fixture
def served(near, proxies):
    """Put a picture and have it served at two sizes, so that there is a rendition."""

    def serve(body, key="a.jpg"):
        near.put(key, body)
        for rule in (FIRST, SECOND):
            assert near.processed(key, rule).status == 200
        return proxies.made

    return serve


def files(inside):
    folder = inside.cloud.config.data / "proxies"
    return sorted(folder.iterdir()) if folder.is_dir() else []


RULES = {
    "width": ("imageMogr2/thumbnail/300x", (300, 225)),
    "small": ("imageMogr2/thumbnail/64x", (64, 48)),
    "large": ("imageMogr2/thumbnail/790x", (790, 593)),
    "share": ("imageMogr2/thumbnail/!20p", (480, 360)),
    "one side": ("imageMogr2/thumbnail/!20px", None),
    "area": ("imageMogr2/thumbnail/60000@", (282, 212)),
    "forced": ("imageMogr2/thumbnail/200x300!", (200, 300)),
    "view": ("imageView2/2/w/250/h/250", (250, 188)),
}


@pytest.mark.parametrize(("rule", "size"), RULES.values(), ids=RULES)
def test_it_looks_like_a_full_decode(near, proxies, served, rule, size):
    body = large()
    served(body)
    before = proxies.served
    result = opened(near.processed("a.jpg", rule + PNG).body)
    if size is None:
        # Only one side shrinks: the rendition has too little of the other.
        assert proxies.served == before
        assert result.size == (480, 1800)
        return
    assert proxies.served == before + 1
    assert result.size == size
    assert psnr(result, opened(body).resize(size, Image.Resampling.LANCZOS)) >= 43


@pytest.mark.parametrize("size", [(2401, 1799), (3999, 1501), (2333, 2001), (1801, 2503)])
def test_odd_sizes(near, proxies, served, size):
    body = large(size)
    served(body)
    for width in (50, 200, 301, 333):
        before = proxies.served
        result = opened(near.processed("a.jpg", f"imageMogr2/thumbnail/{width}x{PNG}").body)
        assert proxies.served == before + 1
        full = opened(body).resize(result.size, Image.Resampling.LANCZOS)
        assert psnr(result, full) >= 43, width


CHAINS = {
    "crop": "imageView2/1/w/200/h/300",
    "cover and cut": "imageMogr2/thumbnail/!300x300r/cut/250x250x20x10",
    "turned after": "imageMogr2/thumbnail/300x/rotate/90",
    "effects after": "imageMogr2/thumbnail/300x|imageMogr2/blur/3x2|imageMogr2/grayscale/1",
    "text": "imageMogr2/thumbnail/300x|watermark/2/text/TU1NTQ==/fontsize/30",
    "upright": "imageMogr2/auto-orient/thumbnail/300x",
    "upright, cropped": "imageMogr2/auto-orient|imageView2/1/w/200/h/300",
    "padded": "imageMogr2/thumbnail/300x300/pad/1",
}


@pytest.mark.parametrize("rule", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_what_follows_is_done_as_on_the_original(near, proxies, served, rule, orientation):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    body = large(exif=exif.tobytes())
    served(body)
    before = proxies.served
    result = opened(near.processed("a.jpg", rule + PNG).body)
    direct = opened(process(body, parse(rule + PNG)).data)
    assert proxies.served == before + 1
    assert psnr(result, direct) >= 38  # against each other: both are near the truth
    assert dict(result.getexif()) == dict(direct.getexif())
    assert result.getexif()[0x010F] == "Maker"


def test_colours_are_converted_by_the_originals_profile(near, proxies, served):
    body = large(icc_profile=profile(ADOBE, 2.2))
    plain = large()
    served(body)
    rule = "imageMogr2/thumbnail/300x" + PNG
    before = proxies.served
    result = opened(near.processed("a.jpg", rule).body)
    assert proxies.served == before + 1
    full = opened(process(body, parse("imageMogr2/format/bmp")).data)
    assert psnr(result, full.resize(result.size, Image.Resampling.LANCZOS)) >= 43
    assert psnr(result, opened(plain).resize(result.size, Image.Resampling.LANCZOS)) < 40
    assert result.info.get("icc_profile") == opened(process(body, parse(rule)).data).info.get(
        "icc_profile"
    )


@pytest.mark.parametrize("ending", ["", "/rquality/80", "/quality/99", "/lquality/70", "/strip"])
def test_quality_is_the_originals(near, proxies, served, ending):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    body = large(quality=61, exif=exif.tobytes())
    served(body)
    rule = f"imageMogr2/thumbnail/300x{ending}"
    before = proxies.served
    result = opened(near.processed("a.jpg", rule).body)
    direct = opened(process(body, parse(rule)).data)
    assert proxies.served == before + 1
    assert result.quantization == direct.quantization
    assert result.info.get("exif") == direct.info.get("exif")
    assert (result.format, result.mode) == (direct.format, direct.mode)


def test_a_grey_picture(near, proxies, served):
    body = encoded(picture().convert("L"))
    served(body)
    result = opened(near.processed("a.jpg", FIRST + PNG).body)
    assert proxies.served == 2
    assert result.mode == "L"
    assert psnr(result, opened(body).resize(result.size, Image.Resampling.LANCZOS)) >= 43


ORIGINALS = {
    "information": "imageInfo",
    "average colour": "imageAve",
    "metadata": "exif",
    "a failure that is ignored": "imageMogr2/thumbnail/!900p/ignore-error/1",
    "too large": "imageMogr2/thumbnail/1000x",
    "cut first": "imageMogr2/cut/600x600x0x0/thumbnail/100x",
    "blurred first": "imageMogr2/blur/3x2/thumbnail/100x",
    "turned first": "imageMogr2/rotate/90|imageMogr2/thumbnail/100x",
    "not scaled": "imageMogr2/quality/50",
    "enlarged": "imageMogr2/thumbnail/!120p",
}


@pytest.mark.parametrize("rule", ORIGINALS.values(), ids=ORIGINALS)
def test_what_only_the_original_can_tell(near, proxies, served, rule):
    body = large()
    served(body)
    before = proxies.served
    answer = near.processed("a.jpg", rule)
    assert answer.status == 200
    assert proxies.served == before
    assert answer.body == process(body, parse(rule)).data


def test_a_result_that_is_no_smaller_is_the_original(near, proxies, served):
    body = large(quality=3)
    served(body)
    before = proxies.served
    rule = "imageMogr2/thumbnail/790x/quality/100!/size-limit"
    assert near.processed("a.jpg", f"{rule}/9m!").body == body
    assert proxies.served == before
    small = near.processed("a.jpg", f"{rule}/40k!").body
    assert len(small) <= 40 * 1024
    assert opened(small).width == 790


def test_an_error_is_that_of_the_original(near, served):
    served(large())
    answer = near.processed("a.jpg", "imageMogr2/thumbnail/300x/cut/10x10x900x0")
    assert answer.error[1] == "-106"
    assert "300x225" in answer.error[2]


SMALL = {
    "few pixels": lambda: large((1200, 900)),
    "no JPEG": lambda: encoded(picture(), "BMP"),
    "CMYK": lambda: encoded(picture().convert("CMYK"), quality=80),
    "cut short": lambda: large()[: len(large()) // 3],
}


@pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
def test_pictures_that_get_none(near, proxies, make):
    near.put("a.jpg", make())
    statuses = {near.processed("a.jpg", rule).status for rule in (FIRST, SECOND, FIRST + PNG)}
    assert statuses in ({200}, {400})
    assert (proxies.made, proxies.served) == (0, 0)


def test_a_picture_served_at_one_size_costs_nothing_more(inside, near, proxies):
    near.put("a.jpg", large())
    for _ in range(3):
        assert near.processed("a.jpg", FIRST).status == 200
    assert (proxies.made, files(inside)) == (0, [])


def test_an_overwritten_picture_has_one_of_its_own(inside, near, proxies, served):
    served(large())
    [before] = files(inside)
    flat = encoded(Image.new("RGB", (2400, 1800), (10, 200, 30)))
    near.put("a.jpg", flat)
    assert not before.exists()
    for width in (100, 110, 120):
        result = opened(near.processed("a.jpg", f"imageMogr2/thumbnail/{width}x").body)
        assert result.convert("RGB").getpixel((50, 40))[1] > 190
    assert proxies.made == 2


def test_it_goes_with_its_object_and_only_the_owner_may_read_it(inside, near, served):
    served(large())
    [file] = files(inside)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    near.client.delete_object(Bucket=near.name, Key="a.jpg")
    assert files(inside) == []
    assert near.processed("a.jpg", FIRST).status == 404


@pytest.mark.parametrize("damage", [b"", b"PXY1", b"PXY1" + b"\xff" * 4000, None])
def test_a_damaged_file_does_no_harm(inside, near, proxies, served, damage):
    served(large())
    [file] = files(inside)
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    result = opened(near.processed("a.jpg", "imageMogr2/thumbnail/200x" + PNG).body)
    assert psnr(result, opened(large()).resize((200, 150), Image.Resampling.LANCZOS)) >= 43
    # Another takes its place.
    near.processed("a.jpg", "imageMogr2/thumbnail/210x")
    assert proxies.made == 2
    assert len(files(inside)) == 1


def test_a_start_removes_what_a_crash_left_and_nothing_else(start_cloud, bucket_of, tmp_path):
    folder = tmp_path / "data" / "proxies"
    folder.mkdir(parents=True)
    half = folder / ("0123456789abcdef" * 2)
    half.write_bytes(b"PXY1 half written")
    (folder / "notes.txt").write_text("mine")
    with start_cloud("--no-functions", data=tmp_path / "data") as cloud:
        assert sorted(path.name for path in folder.iterdir()) == ["notes.txt"]
        bucket = bucket_of(cloud)
        bucket.put("a.jpg", large())
        for rule in (FIRST, SECOND, "imageMogr2/thumbnail/200x"):
            assert bucket.processed("a.jpg", rule).status == 200
        assert len(list(folder.iterdir())) == 2
    with start_cloud("--no-functions", data=tmp_path / "data"):
        assert sorted(path.name for path in folder.iterdir()) == ["notes.txt"]


# The store of renditions by itself


def ask(proxies, folder, name, width):
    path = folder / name
    stored = StoredObject("b-1", name, path.stat().st_size, "etag", "", "image/jpeg", 0.0, path)
    rule = parse(f"imageMogr2/thumbnail/{width}x")
    return proxies.process(stored, path.read_bytes, rule, {}, slow_jpeg=False)


@pytest.fixture
def originals(tmp_path):
    folder = tmp_path / "originals"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(large())
    return folder


def test_the_room_is_kept_and_the_oldest_goes(tmp_path, originals):
    one = 2400 * 1800 // 4 * 3 * 5 // 4
    proxies = Proxies(tmp_path / "proxies", room=2 * one + 10_000)
    for name in ("0.jpg", "1.jpg", "2.jpg"):
        for width in (100, 110):
            ask(proxies, originals, name, width)
    assert (proxies.made, len(proxies)) == (3, 2)
    stored = sum(path.stat().st_size for path in (tmp_path / "proxies").iterdir())
    assert stored == proxies.size <= 2 * one + 10_000
    before = proxies.served
    ask(proxies, originals, "0.jpg", 120)  # the one that went: it was seen before, so it is made
    assert (proxies.made, proxies.served) == (4, before + 1)


def test_one_that_is_larger_than_the_room_is_not_made(tmp_path, originals):
    proxies = Proxies(tmp_path / "proxies", room=100_000)
    for width in (100, 110, 120):
        ask(proxies, originals, "0.jpg", width)
    assert (proxies.made, proxies.size) == (0, 0)


def test_a_disk_that_takes_nothing_is_no_failure(tmp_path, originals):
    proxies = Proxies(tmp_path / "proxies", room=10**8)
    (tmp_path / "proxies").write_text("in the way")
    for width in (100, 110, 120):
        result = ask(proxies, originals, "0.jpg", width)
        assert Image.open(io.BytesIO(result.data)).width == width
    assert (proxies.made, proxies.size) == (0, 0)


def test_an_object_that_goes_while_its_rendition_is_made_leaves_none(tmp_path, originals):
    proxies = Proxies(tmp_path / "proxies", room=10**8)
    ask(proxies, originals, "0.jpg", 100)
    path = originals / "0.jpg"
    stored = StoredObject("b-1", "0.jpg", path.stat().st_size, "etag", "", "", 0.0, path)

    def last_read():
        data = path.read_bytes()
        shutil.rmtree(originals)
        return data

    rule = parse("imageMogr2/thumbnail/110x")
    assert proxies.process(stored, last_read, rule, {}, slow_jpeg=False).width == 110
    assert (proxies.made, len(proxies)) == (1, 0)
    assert list((tmp_path / "proxies").iterdir()) == []

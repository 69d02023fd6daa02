"""What a rule does to real pixels where a table cannot say it; the tables are `test_vectors*`."""

import io
import json

import pytest
from PIL import Image

from localcloud.imaging import ImageError, describe, fonts, process
from shared.rules import parse
from tests.localcloud.imaging.pictures import (
    BLUE,
    RED,
    animation,
    corners,
    encoded,
    near,
    opened,
    photo,
    quadrants,
)

A = photo(960, 540)


def run(rule, source=A):
    result = process(source, parse(rule))
    image = opened(result.data)
    assert image.size == (result.width, result.height)
    return image


@pytest.mark.parametrize("target", ["webp", "avif"])
def test_a_lower_quality_makes_a_smaller_file(target):
    source = encoded(Image.effect_noise((200, 150), 80).convert("RGB"), "PNG")
    sizes = [
        len(process(source, parse(f"imageMogr2/format/{target}/quality/{quality}")).data)
        for quality in (20, 60, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def jpeg_quality(data):
    return describe(data).quality


@pytest.mark.parametrize("quality", [1, 10, 25, 49, 50, 51, 75, 85, 90, 95, 99, 100])
def test_the_source_quality_is_read_from_its_tables(quality):
    assert jpeg_quality(photo(64, 64, quality=quality)) == quality


@pytest.fixture
def portrait():
    """Stored on its side: Orientation 6 says to turn it clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    return encoded(quadrants(960, 540), exif=exif)


def test_only_auto_orient_turns(portrait):
    turned = run("imageMogr2/auto-orient", portrait)
    assert turned.size == (540, 960)
    assert near(corners(turned)[0], BLUE)
    assert turned.getexif()[0x0112] == 1
    assert turned.getexif()[0x010F] == "Camera"
    left = run("imageMogr2/thumbnail/!50p", portrait)
    assert left.size == (480, 270)
    assert left.getexif()[0x0112] == 6


def test_auto_orient_then_scaling_uses_the_upright_sides(portrait):
    small = run("imageMogr2/auto-orient/thumbnail/270x", portrait)
    assert small.size == (270, 480)
    assert near(corners(small)[0], BLUE)
    assert run("imageMogr2/auto-orient|imageView2/1/w/100/h/50", portrait).size == (100, 50)


def test_strip_leaves_no_metadata(portrait):
    assert len(run("imageMogr2/strip", portrait).getexif()) == 0


def test_transparency_is_kept_or_laid_on_white():
    image = quadrants(80, 60, "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 30))
    source = encoded(image, "PNG")
    assert run("imageMogr2/thumbnail/!50p", source).convert("RGBA").getpixel((5, 5))[3] == 0
    for target in ("webp", "avif"):
        image = run(f"imageMogr2/format/{target}", source).convert("RGBA")
        assert image.getpixel((5, 5))[3] == 0
    assert near(run("imageMogr2/format/jpg", source).getpixel((5, 5)), (255, 255, 255), 6)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK", "I;16"])
def test_other_colour_modes_come_through(mode):
    if mode == "I;16":
        source = encoded(Image.new("I;16", (40, 30), 32768), "PNG")
    elif mode == "CMYK":
        source = encoded(quadrants(40, 30, "CMYK"))
    else:
        source = encoded(quadrants(40, 30, mode), "PNG")
    image = run("imageMogr2/thumbnail/!50p/format/jpg", source)
    assert image.size == (20, 15)
    if mode == "I;16":
        assert near(image.convert("RGB").getpixel((5, 5)), (128, 128, 128), 4)
    if mode == "CMYK":
        assert near(corners(image)[0], RED, 60)


@pytest.mark.parametrize("source", ["GIF", "WEBP"])
@pytest.mark.parametrize("target", ["gif", "webp"])
def test_animations_keep_frames_and_timing(source, target):
    data = animation(source, [100, 250, 400])
    result = process(data, parse(f"imageMogr2/thumbnail/!50p/format/{target}"))
    image = Image.open(io.BytesIO(result.data))
    assert result.frames == image.n_frames == 3
    durations, reds = [], []
    for index in range(3):
        image.seek(index)
        image.load()
        durations.append(image.info["duration"])
        reds.append(image.convert("RGB").getpixel((5, 5))[0])
        assert image.size == (30, 20)
    assert durations == [100, 250, 400]
    assert reds == sorted(reds)
    assert reds[0] < reds[2] - 20
    assert image.info.get("loop", 0) == 0


@pytest.mark.parametrize("loop", [None, 0, 3])
def test_animations_repeat_as_often_as_before(loop):
    source = animation("GIF", [100, 100], loop=loop)
    image = Image.open(io.BytesIO(process(source, parse("imageMogr2/thumbnail/!50p")).data))
    assert image.info.get("loop") == loop


def test_an_animation_into_a_still_format_is_its_first_frame():
    result = process(animation("GIF", [100, 100]), parse("imageMogr2/format/png"))
    assert (result.frames, opened(result.data).format) == (1, "PNG")


def test_a_text_mark_is_where_it_was_asked_for():
    source = encoded(Image.new("RGB", (400, 200), (0, 0, 0)), "PNG")
    for gravity, box in {
        "southeast": (250, 140, 400, 200),
        "northwest": (0, 0, 150, 60),
        "center": (120, 60, 280, 140),
    }.items():
        rule = f"watermark/2/text/SGVsbG8/fill/I0ZGRkZGRg/fontsize/30/gravity/{gravity}/dx/5/dy/5"
        image = run(rule, source).convert("L")
        assert max(image.crop(box).tobytes()) > 180
        image.paste(0, box)
        assert max(image.tobytes()) == 0


def test_a_tiled_mark_covers_the_picture_and_turns():
    source = encoded(Image.new("RGB", (300, 300), (0, 0, 0)), "PNG")
    rule = "watermark/2/text/SEhI/fill/I0ZGRkZGRg/fontsize/20/batch/1"
    plain, turned = run(rule, source), run(f"{rule}/degree/45", source)
    for image in (plain, turned):
        for box in ((0, 0, 100, 100), (200, 200, 300, 300)):
            assert max(image.convert("L").crop(box).tobytes()) > 150
    assert plain.tobytes() != turned.tobytes()


def test_a_shadow_darkens_beside_the_text():
    source = encoded(Image.new("RGB", (400, 200), (200, 200, 200)), "PNG")
    rule = "watermark/2/text/SEhI/fill/I0ZGRkZGRg/fontsize/60"
    assert min(run(rule, source).convert("L").tobytes()) >= 199
    assert min(run(f"{rule}/shadow/80", source).convert("L").tobytes()) < 100


CHINESE = "watermark/2/text/5pWw5o2u5LiH6LGh/fill/I0ZGRkZGRg/fontsize/40/dissolve/100"


def test_chinese_is_drawn_with_the_font_that_is_installed():
    source = encoded(Image.new("RGB", (400, 200), (0, 0, 0)), "PNG")
    box = run(CHINESE, source).convert("L").point(lambda v: 255 if v > 128 else 0).getbbox()
    left, top, right, bottom = box
    # Four characters, as wide as they are high.
    assert 140 < right - left < 180
    assert 30 < bottom - top < 45


def test_without_a_font_chinese_is_refused_and_never_boxes(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", tuple)
    monkeypatch.delenv(fonts.SETTING, raising=False)
    with pytest.raises(ImageError, match="no font here can draw '数'"):
        run(CHINESE, A)
    assert run("watermark/2/text/SEhI", A).size == (960, 540)


@pytest.mark.parametrize("content", [None, "no font"])
def test_a_font_setting_that_is_wrong_is_named(monkeypatch, tmp_path, content):
    path = tmp_path / "font.ttf"
    if content:
        path.write_text(content)
    monkeypatch.setenv(fonts.SETTING, str(path))
    with pytest.raises(ImageError, match=r"font\.ttf"):
        run("watermark/2/text/SEhI", A)


def test_image_info_is_the_manuals_json():
    result = process(A, parse("imageInfo"))
    assert result.content_type == "application/json"
    found = json.loads(result.data)
    assert found["format"] == "jpeg"
    assert (found["width"], found["height"], found["frame_count"]) == ("960", "540", "1")
    assert found["size"] == str(len(A))
    assert len(found["md5"]) == 32
    average = quadrants(960, 540).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    digits = found["photo_rgb"].removeprefix("0x")
    assert near(bytes.fromhex(digits), average, 3)


def test_facts_of_a_source(portrait):
    facts = describe(portrait)
    assert (facts.format, facts.orientation, facts.frames, facts.quality) == ("jpeg", 6, 1, 95)
    assert describe(animation("GIF", [100, 100])).frames == 2


def test_ignore_error_gives_the_source_back():
    result = process(A, parse("imageMogr2/thumbnail/10000x/ignore-error/1"))
    assert result.data == A


def test_scaled_decoding_gives_the_picture_that_a_full_decode_gives():
    fine = Image.effect_noise((1600, 1200), 50).convert("RGB").resize((3200, 2400))
    source = encoded(fine)
    small = run("imageMogr2/thumbnail/300x", source)
    full = opened(source).resize((300, 225), Image.Resampling.LANCZOS)
    pairs = zip(small.convert("L").tobytes(), full.convert("L").tobytes(), strict=True)
    assert sum(abs(a - b) for a, b in pairs) / (300 * 225) < 3

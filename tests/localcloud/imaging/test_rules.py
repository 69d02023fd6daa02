"""What a rule does to real pixels: the manual's own examples, then colours and positions."""

import io
import json

import pytest
from PIL import Image

from localcloud.imaging import ImageError, describe, fonts, process
from shared.rules import parse
from tests.localcloud.imaging.pictures import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    animation,
    corners,
    encoded,
    near,
    opened,
    photo,
    quadrants,
)

A, B, C = photo(960, 540), photo(1000, 500), photo(500, 1000)


def run(rule, source=A):
    result = process(source, parse(rule))
    image = opened(result.data)
    assert image.size == (result.width, result.height)
    return image


SIZES = [
    ("thumbnail/!50p", A, (480, 270)),
    ("thumbnail/!50px", A, (480, 540)),
    ("thumbnail/!x50p", A, (960, 270)),
    ("thumbnail/!200p", B, (2000, 1000)),
    ("thumbnail/!33p", A, (317, 178)),
    ("thumbnail/640x", A, (640, 360)),
    ("thumbnail/x300", A, (533, 300)),
    ("thumbnail/500x", C, (500, 1000)),
    ("thumbnail/500x400", B, (500, 250)),
    ("thumbnail/500x400", C, (200, 400)),
    ("thumbnail/2000x2000", B, (2000, 1000)),
    ("thumbnail/500x400>", B, (500, 250)),
    ("thumbnail/2000x2000>", B, (1000, 500)),
    ("thumbnail/2000x400>", B, (800, 400)),
    ("thumbnail/2000x2000<", B, (2000, 1000)),
    ("thumbnail/500x400<", B, (1000, 500)),
    ("thumbnail/2000x400<", B, (1000, 500)),
    ("thumbnail/!500x400r", B, (800, 400)),
    ("thumbnail/!500x400r", C, (500, 1000)),
    ("thumbnail/500x400!", B, (500, 400)),
    ("thumbnail/125000@", B, (500, 250)),
    ("thumbnail/100000@", B, (447, 223)),
    ("thumbnail/200000@", A, (596, 335)),
    ("thumbnail/518400@", A, (960, 540)),
    ("thumbnail/10@", photo(10000, 1), (10, 1)),
    ("thumbnail/10@", photo(1, 10000), (1, 10)),
    ("thumbnail/600x600/pad/1", B, (600, 600)),
    ("thumbnail/600x600/pad/0", A, (600, 338)),
    ("cut/600x400x100x10", A, (600, 400)),
    ("cut/600x600x100x10", A, (600, 530)),
    ("crop/300x400/gravity/center", A, (300, 400)),
    ("crop/300x", A, (300, 540)),
    ("crop/x200/gravity/southeast", A, (960, 200)),
    ("rotate/0", A, (960, 540)),
    ("rotate/90", A, (540, 960)),
    ("rotate/180", A, (960, 540)),
    ("rotate/360", A, (960, 540)),
    ("rotate/45", A, (1061, 1061)),
    ("flip/horizontal", A, (960, 540)),
    ("thumbnail/!50p/rotate/90/crop/100x100", A, (100, 100)),
]


@pytest.mark.parametrize(("rule", "source", "size"), SIZES)
def test_image_mogr2_sizes(rule, source, size):
    assert run(f"imageMogr2/{rule}", source).size == size


VIEWS = [
    ("1/w/500/h/400", B, (500, 400)),
    ("2/w/500/h/400", B, (500, 250)),
    ("3/w/500/h/400", B, (800, 400)),
    ("1/w/300", B, (300, 300)),
    ("2/w/500", A, (500, 281)),
    ("2/w/5000", A, (960, 540)),
    ("3/w/300", B, (600, 300)),
    ("4/w/500/h/400", B, (800, 400)),
    ("4/w/500/h/400", C, (400, 800)),
    ("4/w/300", B, (600, 300)),
    ("5/w/500/h/400", B, (500, 400)),
    ("5/w/500/h/400", C, (400, 500)),
    ("1/w/400/h/600/q/85", A, (400, 600)),
    ("2/w/300/h/300/format/png", C, (150, 300)),
]


@pytest.mark.parametrize(("rule", "source", "size"), VIEWS)
def test_image_view2_sizes(rule, source, size):
    assert run(f"imageView2/{rule}", source).size == size


PLACES = [
    # What is left of red, green / blue, white.
    ("imageMogr2/rotate/90", (BLUE, RED, WHITE, GREEN)),
    ("imageMogr2/rotate/180", (WHITE, BLUE, GREEN, RED)),
    ("imageMogr2/rotate/270", (GREEN, WHITE, RED, BLUE)),
    ("imageMogr2/flip/horizontal", (GREEN, RED, WHITE, BLUE)),
    ("imageMogr2/flip/vertical", (BLUE, WHITE, RED, GREEN)),
    ("imageMogr2/thumbnail/120x", (RED, GREEN, BLUE, WHITE)),
    ("imageMogr2/cut/400x200x0x0", (RED, RED, RED, RED)),
    ("imageMogr2/cut/400x200x500x0", (GREEN, GREEN, GREEN, GREEN)),
    ("imageMogr2/crop/400x200/gravity/southeast", (WHITE, WHITE, WHITE, WHITE)),
    ("imageMogr2/crop/400x200/gravity/southwest", (BLUE, BLUE, BLUE, BLUE)),
    ("imageMogr2/crop/400x200/gravity/center", (RED, GREEN, BLUE, WHITE)),
    ("imageMogr2/crop/400x", (RED, RED, BLUE, BLUE)),
    ("imageView2/1/w/200/h/200", (RED, GREEN, BLUE, WHITE)),
    ("imageMogr2/thumbnail/!50p|imageMogr2/cut/100x100x300x0", (GREEN, GREEN, GREEN, GREEN)),
    ("imageMogr2/rotate/90/cut/100x100x0x0", (BLUE, BLUE, BLUE, BLUE)),
    ("imageMogr2/cut/100x100x0x0/rotate/90", (RED, RED, RED, RED)),
]


@pytest.mark.parametrize(("rule", "expected"), PLACES)
def test_the_right_part_ends_in_the_right_place(rule, expected):
    for seen, wanted in zip(corners(run(rule)), expected, strict=True):
        assert near(seen, wanted), (seen, wanted)


@pytest.mark.parametrize(("color", "seen"), [("", WHITE), ("/color/IzAwMDBGRg", (0, 0, 255))])
def test_padding_is_centred_and_coloured(color, seen):
    image = run(f"imageMogr2/thumbnail/600x600/pad/1{color}", B)
    assert near(image.getpixel((300, 20)), seen, 12)
    assert near(image.getpixel((100, 200)), RED)
    assert near(image.getpixel((500, 400)), WHITE)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF"])
@pytest.mark.parametrize("target", ["jpg", "png", "gif", "webp", "bmp", "avif"])
def test_every_format_into_every_other(format, target):
    result = process(photo(80, 60, format), parse(f"imageMogr2/format/{target}"))
    image = opened(result.data)
    assert image.format == {"jpg": "JPEG"}.get(target, target.upper())
    assert result.format == target
    assert result.content_type == f"image/{'jpeg' if target == 'jpg' else target}"
    for seen, wanted in zip(corners(image), (RED, GREEN, BLUE, WHITE), strict=True):
        assert near(seen, wanted)


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


QUALITIES = [
    # rule, quality of the source, quality of the result
    ("quality/60", 100, 60),
    ("quality/90", 80, 80),
    ("quality/90!", 80, 90),
    ("rquality/80", 80, 64),
    ("rquality/60", 100, 60),
    ("lquality/80", 85, 85),
    ("lquality/80", 60, 80),
    ("thumbnail/!50p", 70, 70),
    ("quality/0", 80, 1),
]


@pytest.mark.parametrize(("rule", "source", "expected"), QUALITIES)
def test_quality(rule, source, expected):
    result = process(photo(80, 60, quality=source), parse(f"imageMogr2/{rule}"))
    assert result.quality == expected
    assert jpeg_quality(result.data) == expected


@pytest.mark.parametrize("quality", [1, 10, 25, 49, 50, 51, 75, 85, 90, 95, 99, 100])
def test_the_source_quality_is_read_from_its_tables(quality):
    assert jpeg_quality(photo(64, 64, quality=quality)) == quality


def test_interlace_makes_a_progressive_jpeg_and_nothing_else():
    assert run("imageMogr2/interlace/1").info.get("progressive")
    assert not run("imageMogr2/interlace/0").info.get("progressive")
    assert run("imageMogr2/format/png/interlace/1").format == "PNG"


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


@pytest.mark.parametrize(("dissolve", "low", "high"), [(100, 250, 255), (50, 120, 135)])
def test_dissolve_is_the_opacity(dissolve, low, high):
    source = encoded(Image.new("RGB", (400, 200), (0, 0, 0)), "PNG")
    rule = f"watermark/2/text/SEhI/fill/I0ZGRkZGRg/fontsize/60/dissolve/{dissolve}"
    assert low <= max(run(rule, source).convert("L").tobytes()) <= high


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

"""`watermark/3` and `watermark/4`: marks that no eye sees, found again after much suffering."""

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from localcloud.imaging import ImageError, process
from localcloud.imaging.blind import code, grids, noise
from localcloud.imaging.limits import Limits
from shared.rules import parse
from tests.localcloud.imaging.pictures import animation, encoded, opened

SAMPLES = Path(__file__).parents[3] / "events" / "objects"
MARK = "http://b-1.cos.ap-guangzhou.myqcloud.com/mark.png"
ORIGINAL = "http://b-1.cos.ap-guangzhou.myqcloud.com/original"
TEXT = "Reader 4711 of the annual report"
SIZE = (640, 427)


def word(value):
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def logo(width=40, height=26):
    """A white ring and a bar on black."""
    image = Image.new("1", (width, height))
    draw = ImageDraw.Draw(image)
    draw.ellipse((1, 1, height - 2, height - 2), outline=1, width=max(2, height // 8))
    draw.rectangle((height + 2, height // 3, width - 2, height // 2), fill=1)
    return image.convert("L")


def picture(name, size=SIZE):
    with Image.open(SAMPLES / name) as sample:
        return sample.convert("RGB").resize(size, Image.Resampling.LANCZOS)


PHOTOS = ("rocket-on-pad.jpg", "astronaut-portrait.jpg", "切尔西 猫.webp")


def rule_to_add(kind, level=1):
    if kind == 3:
        return f"watermark/3/type/3/text/{word(TEXT)}"
    return f"watermark/3/type/{kind}/image/{word(MARK)}" + (f"/level/{level}" if level > 1 else "")


def marked(source, kind, mark=None, level=1, pipe=""):
    rule = parse(rule_to_add(kind, level) + pipe)
    return process(source, rule, marks={MARK: encoded(mark or logo(), "PNG")})


def found(suspect, kind, original=b"", mark=None):
    """The result of an extraction and its picture."""
    address = {1: f"/image/{word(ORIGINAL)}", 2: f"/image/{word(MARK)}", 3: ""}[kind]
    marks = {MARK: encoded(mark or logo(), "PNG"), ORIGINAL: original}
    result = process(suspect, parse(f"watermark/4/type/{kind}{address}"), marks=marks)
    assert (result.content_type, result.format, result.frames) == ("image/png", "png", 1)
    image = opened(result.data)
    assert image.size == (result.width, result.height)
    return result, image


def assert_found(suspect, kind, original, mark=None):
    result, image = found(suspect, kind, original, mark)
    if kind == 3:
        assert image.info["Comment"] == TEXT
        assert np.asarray(image).max() > 200, "the text is drawn"
    else:
        assert image.tobytes() == (mark or logo()).tobytes()
    assert result.watermark_status == (100 if kind == 2 else None)


def half(image):
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


ATTACKS = {
    "nothing": lambda image: encoded(image, "PNG"),
    "JPEG q50": lambda image: encoded(image, quality=50),
    "WebP q75": lambda image: encoded(image, "WEBP", quality=75),
    "half the size": lambda image: encoded(half(image), "PNG"),
    "half and back": lambda image: encoded(half(image).resize(image.size), "PNG"),
    "larger": lambda image: encoded(image.resize((1000, 667)), quality=80),
    "another ratio": lambda image: encoded(image.resize((500, 400)), quality=90),
    "brighter by a fifth": lambda image: encoded(
        ImageEnhance.Brightness(image).enhance(1.2), quality=90
    ),
    "darker by a fifth": lambda image: encoded(
        ImageEnhance.Brightness(image).enhance(0.8), quality=90
    ),
    "grey": lambda image: encoded(image.convert("L"), quality=85),
    "painted over": lambda image: encoded(painted(image), quality=85),
}


def painted(image):
    image = image.copy()
    ImageDraw.Draw(image).rectangle((200, 150, 300, 250), fill="red")
    return image


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("name", PHOTOS)
def test_a_mark_is_found_exactly_after(name, kind, attack):
    source = encoded(picture(name), quality=92)
    image = opened(marked(source, kind).data)
    assert_found(ATTACKS[attack](image), kind, source)


def cropped(image, left=0.0, top=0.0, right=0.0, bottom=0.0):
    width, height = image.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return image.crop(tuple(round(edge) for edge in box))


CROPS = {
    "a tenth off two sides": lambda image: encoded(cropped(image, 0.1, 0.1), "PNG"),
    "a tenth off every side": lambda image: encoded(cropped(image, 0.1, 0.1, 0.1, 0.1), quality=80),
    "cropped and back to size": lambda image: encoded(
        cropped(image, 0.1, bottom=0.1).resize(image.size, Image.Resampling.BICUBIC), quality=90
    ),
    "cropped and smaller": lambda image: encoded(
        cropped(image, right=0.1).resize((432, 320), Image.Resampling.LANCZOS), quality=90
    ),
    "turned a little": lambda image: encoded(image.rotate(3, Image.Resampling.BICUBIC), "PNG"),
}


@pytest.mark.parametrize("attack", CROPS)
@pytest.mark.parametrize("name", PHOTOS)
def test_with_the_original_at_hand_a_crop_does_no_harm(name, attack):
    source = encoded(picture(name), quality=92)
    image = opened(marked(source, 1).data)
    assert_found(CROPS[attack](image), 1, source)


@pytest.mark.parametrize("kind", [1, 2])
def test_a_mark_of_an_eighth_survives_a_jpeg(kind):
    source, mark = encoded(picture(PHOTOS[0]), "PNG"), logo(80, 53)
    image = opened(marked(source, kind, mark).data)
    assert_found(encoded(image, quality=50), kind, source, mark)
    assert_found(encoded(half(image).resize(image.size), quality=95), kind, source, mark)


def psnr(one, other):
    difference = np.asarray(one, float) - np.asarray(other, float)
    return 10 * np.log10(255**2 / (difference**2).mean())


@pytest.mark.parametrize(("kind", "level", "mark"), [
    (1, 1, (40, 26)), (1, 1, (80, 53)), (2, 1, (80, 53)), (2, 3, (80, 53)), (2, 3, (40, 26)),
    (3, 1, None),
])  # fmt: skip
@pytest.mark.parametrize("name", PHOTOS)
def test_the_mark_is_not_seen(name, kind, level, mark):
    source = picture(name)
    result = marked(encoded(source, "PNG"), kind, mark and logo(*mark), level)
    assert psnr(source, opened(result.data)) >= 38


def test_a_higher_level_changes_more_and_survives_more():
    source, mark = picture(PHOTOS[1]), logo(80, 53)
    images = [opened(marked(encoded(source, "PNG"), 2, mark, n).data) for n in (1, 2, 3)]
    changes = [psnr(source, image) for image in images]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] - changes[2] > 1
    hard = [encoded(half(image), quality=88) for image in images]
    wrong = [
        (np.asarray(found(suspect, 2, mark=mark)[1]) != np.asarray(mark)).mean() for suspect in hard
    ]
    assert wrong[0] > wrong[2]


@pytest.mark.parametrize("name", [*PHOTOS, "coffee-cutout.png", "hubble-zoom.gif"])
def test_an_unmarked_picture_is_told_apart(name):
    image = picture(name)
    clean = encoded(image, quality=90)
    assert found(clean, 2)[0].watermark_status < 20
    _, drawn = found(clean, 3)
    assert "Comment" not in drawn.info
    assert not np.asarray(drawn).any()
    _, nothing = found(clean, 1, encoded(image, "PNG"))
    assert nothing.size == (80, 53)
    assert not np.asarray(nothing).any()


def test_another_mark_has_a_low_status_and_shows_the_one_that_is_there():
    result = marked(encoded(picture(PHOTOS[0]), "PNG"), 2)
    other = Image.fromarray(np.flipud(np.asarray(logo())).copy()).rotate(180)
    seen, image = found(result.data, 2, mark=other)
    assert seen.watermark_status < 60
    assert image.tobytes() == logo().tobytes()
    assert found(result.data, 2, mark=logo(41, 26))[0].watermark_status < 20


def test_marks_of_all_types_live_in_one_picture():
    source = encoded(picture(PHOTOS[1]), "PNG")
    mark = {MARK: encoded(logo(), "PNG")}
    rule = "|".join(rule_to_add(kind) for kind in (2, 3))
    data = process(source, parse(rule), marks=mark).data
    assert_found(encoded(opened(data), quality=80), 3, source)
    result, _ = found(encoded(opened(data), quality=80), 2)
    assert result.watermark_status > 75


@pytest.mark.parametrize(
    ("format", "mode"),
    [("JPEG", "RGB"), ("PNG", "RGB"), ("WEBP", "RGB"), ("BMP", "RGB"), ("PNG", "RGBA"),
     ("WEBP", "RGBA"), ("PNG", "L"), ("JPEG", "L"), ("PNG", "P"), ("JPEG", "CMYK")],
)  # fmt: skip
@pytest.mark.parametrize("kind", [1, 2, 3])
def test_every_format_and_mode(kind, format, mode):
    source = encoded(picture(PHOTOS[0]).convert(mode), format)
    result = marked(source, kind)
    assert result.format == {"JPEG": "jpg"}.get(format, format.lower())
    assert_found(result.data, kind, source)


def test_transparency_stays_and_what_it_hides_too():
    with Image.open(SAMPLES / "coffee-cutout.png") as sample:
        image = sample.convert("RGBA")
    source = encoded(image, "PNG")
    mark = logo(image.width // 16, image.height // 16)
    for kind in (1, 2, 3):
        result = opened(marked(source, kind, mark).data)
        before, after = np.asarray(image), np.asarray(result)
        assert (before[:, :, 3] == after[:, :, 3]).all()
        hidden = before[:, :, 3] == 0
        assert hidden.any()
        assert (before[hidden] == after[hidden]).all()
        on_white = Image.new("RGB", image.size, "white")
        on_white.paste(result, mask=result.getchannel("A"))
        assert_found(encoded(on_white, quality=80), kind, source, mark)


def test_a_pipe_marks_what_the_stages_before_it_made():
    source = encoded(picture(PHOTOS[1], (1280, 854)), quality=92)
    rule = parse(f"imageMogr2/thumbnail/!50p|{rule_to_add(2)}|imageMogr2/format/webp/quality/80")
    result = process(source, rule, marks={MARK: encoded(logo(), "PNG")})
    assert (result.format, result.width) == ("webp", 640)
    assert_found(result.data, 2, b"")


@pytest.mark.parametrize(
    "text", ["a", "0123456789abcdef", "x" * 17, "Zz9 " * 15 + "end", "q" * 128]
)
def test_texts_of_all_lengths(text):
    source = encoded(picture(PHOTOS[2]), quality=90)
    data = process(source, parse(f"watermark/3/type/3/text/{word(text)}")).data
    _, image = found(encoded(opened(data), quality=60), 3)
    assert image.info["Comment"] == text


def test_a_mark_is_read_in_black_and_white():
    """Soft edges and transparency: what is bright counts, what is transparent is black."""
    soft = Image.new("RGBA", (40, 26), (255, 255, 255, 0))
    soft.paste((200, 200, 200, 255), (10, 5, 30, 20))
    soft.paste((90, 90, 90, 255), (0, 0, 8, 8))
    source = encoded(picture(PHOTOS[0]), "PNG")
    data = marked(source, 2, soft).data
    _, image = found(data, 2, mark=soft)
    assert Image.fromarray(np.asarray(image)).getbbox() == (10, 5, 30, 20)


REFUSED = [
    # source, kind, mark, number, a word of the message
    (lambda: encoded(picture(PHOTOS[0]), "GIF"), 3, None, -443, "GIF"),
    (lambda: animation("GIF", [100, 100], (200, 200)), 3, None, -443, "animated"),
    (lambda: animation("WEBP", [100, 100], (200, 200)), 2, None, -443, "animated"),
    (lambda: encoded(picture(PHOTOS[0]), "PNG"), 1, logo(81, 53), -60998, "at most 80x53"),
    (lambda: encoded(picture(PHOTOS[0]), "PNG"), 2, logo(80, 54), -60998, "at most 80x53"),
    (lambda: encoded(picture(PHOTOS[0]), "PNG"), 2, logo(20, 7), -60998, "at least 8"),
    (lambda: encoded(picture(PHOTOS[0]), "PNG"), 2, Image.new("L", (40, 26)), -60998, "one colour"),
    (lambda: encoded(picture(PHOTOS[0], (640, 88)), "PNG"), 3, None, -60998, "89 px"),
    (lambda: encoded(picture(PHOTOS[0], (100, 89)), "PNG"), 3, None, None, ""),
    (lambda: b"no picture", 3, None, -441, "no picture"),
    (lambda: encoded(picture(PHOTOS[0]), "PNG")[:20000], 3, None, -120, ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "kind", "mark", "number", "said"), REFUSED)
def test_what_cannot_be_marked_is_refused(source, kind, mark, number, said):
    if number is None:
        assert_found(marked(source(), kind).data, kind, b"")
        return
    with pytest.raises(ImageError) as caught:
        marked(source(), kind, mark)
    assert caught.value.number == number
    assert said in caught.value.message


def test_a_long_text_needs_room():
    source = encoded(picture(PHOTOS[0], (100, 100)), "PNG")
    with pytest.raises(ImageError, match="too small for 128 characters"):
        process(source, parse(f"watermark/3/type/3/text/{word('x' * 128)}"))


def test_what_a_mark_may_not_be():
    rule = parse(rule_to_add(2))
    source = encoded(picture(PHOTOS[0]), "PNG")
    for data, said in (
        (animation("GIF", [100, 100], (20, 20)), "animated"),
        (b"text", "no picture"),
        (encoded(logo(1000, 501), "PNG"), "at most 500000 pixels"),
    ):
        with pytest.raises(ImageError, match=said):
            process(source, rule, marks={MARK: data})
    with pytest.raises(ImageError, match=r"mark\.png is not at hand"):
        process(source, rule)


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (5000, 1), (31, 31), (64, 64)])
@pytest.mark.parametrize("kind", [1, 2, 3])
def test_odd_suspects_hold_nothing(size, kind):
    original = encoded(picture(PHOTOS[0]), "PNG")
    suspect = encoded(Image.new("RGB", size, (90, 120, 60)), "PNG")
    result, image = found(suspect, kind, original)
    assert (result.watermark_status or 0) < 20
    if kind != 2:
        assert not np.asarray(image).any()


def test_a_flat_original_is_no_trouble():
    flat = encoded(Image.new("RGB", (200, 200), (90, 120, 60)), "PNG")
    assert_found(marked(flat, 1, logo(25, 20)).data, 1, flat, logo(25, 20))
    assert not np.asarray(found(flat, 1, flat)[1]).any()


def test_an_original_too_small_for_a_mark_holds_none():
    small = encoded(picture(PHOTOS[0], (60, 40)), "PNG")
    assert not np.asarray(found(small, 1, small)[1]).any()


def test_animations_and_damaged_files_are_not_searched():
    for data, number in (
        (animation("GIF", [100, 100]), -443),
        (b"", -40168),
        (encoded(picture(PHOTOS[0]), "PNG")[:9000], -120),
    ):
        with pytest.raises(ImageError) as caught:
            found(data, 3)
        assert caught.value.number == number


def test_limits_hold_for_the_original_too():
    big = encoded(Image.new("L", (3000, 20)), "PNG")
    suspect = encoded(picture(PHOTOS[0]), "PNG")
    rule = parse(f"watermark/4/type/1/image/{word(ORIGINAL)}")
    with pytest.raises(ImageError, match="2000 px a side"):
        process(suspect, rule, marks={ORIGINAL: big}, limits=Limits(source_side=2000))


@pytest.mark.parametrize("size", [(8000, 7000)])
def test_more_than_fifty_million_pixels_are_refused_from_the_header(size):
    image = Image.new("1", size)
    with pytest.raises(ImageError, match="at most 50000000 pixels") as caught:
        marked(encoded(image, "PNG"), 3)
    assert caught.value.number == -447


def test_the_code_corrects_a_tenth_of_wrong_bits():
    for count in (1, 142, 1000, 5000):
        bits = noise.signs(7, count) < 0
        coded = code.encode(bits)
        assert coded.size == code.length(count)
        soft = np.where(coded, -1, 1).astype(np.float32)
        assert (code.decode(soft, count) == bits).all()
        soft[noise.fractions(8, coded.size) < 0.04] *= -1
        assert (code.decode(soft, count) == bits).all()


def test_the_pseudo_random_numbers_never_change():
    """Marks that are in pictures out in the world hang on them."""
    assert noise.words(1, 3).tolist() == [
        5095610196844313600,
        3982070227906906278,
        16216609496213459576,
    ]
    assert noise.order(5, 8).tolist() == [2, 0, 6, 1, 4, 3, 5, 7]
    assert sorted(noise.order(5, 1000).tolist()) == list(range(1000))


def test_the_grid_of_a_picture_is_among_those_tried_at_any_common_size():
    sizes = [(120, 120), (640, 427), (1080, 1920), (1000, 300), (1067, 1067), (4000, 3000),
             (9000, 3000), (400, 30000)]  # fmt: skip
    for width, height in sizes:
        grid = grids.choose(width, height)
        for scale in (0.47, 0.5, 2 / 3, 0.75, 1, 1.3, 2, 3):
            for ratio in (1, 0.85, 1.2):
                tried = grids.candidates(round(width * scale * ratio), round(height * scale))
                assert grid in tried
                assert len(tried) <= 60
    assert grids.choose(88, 500) is None

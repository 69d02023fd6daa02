"""Watermarks are where they were asked for, and nowhere else: every changed pixel is looked at."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from localcloud.imaging import process
from shared.rules import parse
from tests.localcloud.imaging.pictures import animation, encoded

ADDRESS = "http://b-1.cos.ap-guangzhou.myqcloud.com/mark.png"
GROUND = (90, 110, 130)
WIDTH, HEIGHT = 640, 360
MARK_WIDTH, MARK_HEIGHT = 80, 40
# Beside a glyph of 40 px, in px.
AIR = 4
TEXT = "watermark/2/text/{text}/fill/I0ZGRkZGRg/dissolve/100"


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


IMAGE = f"watermark/1/image/{b64(ADDRESS)}"
FLAT = encoded(Image.new("RGB", (WIDTH, HEIGHT), GROUND), "PNG")
MARK = encoded(Image.new("RGB", (MARK_WIDTH, MARK_HEIGHT), (255, 0, 0)), "PNG")


def marked(rule, source=FLAT, mark=MARK):
    result = process(source, parse(rule), marks={ADDRESS: mark})
    return np.asarray(Image.open(io.BytesIO(result.data)).convert("RGB")).astype(int)


def changed(pixels, ground=GROUND):
    """Where the picture is no longer its ground."""
    return (pixels != np.asarray(ground)).any(axis=2)


def box(mask):
    """Left, top, right, bottom of what is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


MIDDLE_X, MIDDLE_Y = (WIDTH - MARK_WIDTH) // 2, (HEIGHT - MARK_HEIGHT) // 2
RIGHT, BOTTOM = WIDTH - MARK_WIDTH, HEIGHT - MARK_HEIGHT
# dx counts but for the middle column, dy but for the middle row (CI manual 004:3783).
PLACES = {
    "northwest": (0, 0, 1, 1),
    "north": (MIDDLE_X, 0, 0, 1),
    "northeast": (RIGHT, 0, -1, 1),
    "west": (0, MIDDLE_Y, 1, 0),
    "center": (MIDDLE_X, MIDDLE_Y, 0, 0),
    "east": (RIGHT, MIDDLE_Y, -1, 0),
    "southwest": (0, BOTTOM, 1, -1),
    "south": (MIDDLE_X, BOTTOM, 0, -1),
    "southeast": (RIGHT, BOTTOM, -1, -1),
}


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (17, 23), (30, 0), (0, 30)])
@pytest.mark.parametrize("gravity", PLACES)
def test_a_picture_changes_its_own_box_and_no_pixel_more(gravity, dx, dy):
    left, top, x, y = PLACES[gravity]
    left, top = left + x * dx, top + y * dy
    mask = changed(marked(f"{IMAGE}/dissolve/100/gravity/{gravity}/dx/{dx}/dy/{dy}"))
    expected = np.zeros_like(mask)
    expected[top : top + MARK_HEIGHT, left : left + MARK_WIDTH] = True
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (17, 23)])
@pytest.mark.parametrize("gravity", PLACES)
@pytest.mark.parametrize("text", ["HHHH", "数据万象"])
def test_text_touches_the_margins_it_was_given(text, gravity, dx, dy):
    rule = TEXT.format(text=b64(text)) + f"/fontsize/40/gravity/{gravity}/dx/{dx}/dy/{dy}"
    left, top, right, bottom = box(changed(marked(rule)))
    # A glyph has some air of its own at its sides.
    horizontal = {
        1: (left, dx), -1: (WIDTH - right, dx), 0: ((left + right) / 2, WIDTH / 2),
    }[PLACES[gravity][2]]  # fmt: skip
    vertical = {
        1: (top, dy), -1: (HEIGHT - bottom, dy), 0: ((top + bottom) / 2, HEIGHT / 2),
    }[PLACES[gravity][3]]  # fmt: skip
    for seen, wanted in (horizontal, vertical):
        assert abs(seen - wanted) <= AIR
    assert 60 <= right - left <= 170
    assert 20 <= bottom - top <= 50


@pytest.mark.parametrize("dissolve", [1, 25, 50, 90, 100])
@pytest.mark.parametrize("kind", ["image", "text"])
def test_dissolve_is_the_opacity_in_percent(kind, dissolve):
    rule = {
        "image": f"{IMAGE}/dissolve/{dissolve}",
        "text": f"watermark/2/text/{b64('HHH')}/fill/I0ZGMDAwMA/fontsize/90/dissolve/{dissolve}",
    }[kind]
    pixels = marked(rule).reshape(-1, 3)
    # The most red there is, where the mark covers a pixel in full.
    strongest = pixels[pixels[:, 0].argmax()]
    expected = np.asarray(GROUND) + (np.asarray((255, 0, 0)) - GROUND) * dissolve / 100
    assert np.abs(strongest - expected).max() <= 2


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("image", IMAGE), ("text", f"watermark/2/text/{b64('HHH')}/fill/I0ZGMDAwMA/fontsize/90")],
)
def test_opacity_is_90_percent_and_the_place_southeast_unless_said(kind, rule):
    assert np.array_equal(marked(rule), marked(f"{rule}/dissolve/90/gravity/southeast/dx/0/dy/0"))


def test_a_text_is_grey_and_13_points_unless_said():
    text = f"watermark/2/text/{b64('Hello')}"
    defaults = f"/font/{b64('tahoma.ttf')}/fontsize/13/fill/{b64('#3D3D3D')}/shadow/0/degree/0"
    assert np.array_equal(marked(text), marked(text + defaults))
    _, top, right, bottom = box(changed(marked(text)))
    assert 8 <= bottom - top <= 13
    assert WIDTH - right <= 2
    assert bottom == HEIGHT


@pytest.mark.parametrize(
    ("rest", "size"),
    [
        ("scatype/1/spcent/100", (64, 32)),
        ("scatype/1/spcent/1000", (640, 320)),
        ("scatype/1/spcent/1", (1, 1)),
        ("scatype/2/spcent/500", (360, 180)),
        # A mark above the source is cut off by its edges.
        ("scatype/2/spcent/1000", (640, 360)),
        ("scatype/3/spcent/250", (339, 170)),
        ("scatype/3/spcent/1", (21, 11)),
        ("blogo/1", (80, 40)),
        ("blogo/2", (80, 40)),
    ],
)
def test_a_scaled_picture_is_as_large_as_it_should_be(rest, size):
    pixels = marked(f"{IMAGE}/dissolve/100/gravity/center/{rest}")
    left, top, right, bottom = box(changed(pixels))
    assert (right - left, bottom - top) == size
    assert abs((left + right) / 2 - WIDTH / 2) <= 1
    assert abs((top + bottom) / 2 - HEIGHT / 2) <= 1


@pytest.mark.parametrize(("blogo", "size"), [(1, (640, 160)), (2, (640, 300))])
def test_blogo_scales_or_cuts_a_large_picture(blogo, size):
    large = encoded(Image.new("RGB", (1200, 300), (255, 0, 0)), "PNG")
    mask = changed(marked(f"{IMAGE}/dissolve/100/gravity/center/blogo/{blogo}", mark=large))
    left, top, right, bottom = box(mask)
    assert (right - left, bottom - top) == size
    assert mask[top:bottom, left:right].all()


def runs(line):
    """Begins of the stretches that are set."""
    return np.flatnonzero(np.diff(np.concatenate(([0], line.astype(int)))) == 1).tolist()


@pytest.mark.parametrize(
    ("rest", "across", "down"),
    [("", 120, 80), ("/dx/20/dy/60", 100, 100), ("/dx/100/dy/10", 180, 50)],
)
def test_tiles_stand_in_rows_and_columns_and_leave_the_gaps_alone(rest, across, down):
    mask = changed(marked(f"{IMAGE}/dissolve/100/batch/1{rest}"))
    expected = np.zeros_like(mask)
    for top in range(0, HEIGHT, down):
        for left in range(0, WIDTH, across):
            expected[top : top + MARK_HEIGHT, left : left + MARK_WIDTH] = True
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize("text", ["HHHH", "数据万象"])
def test_tiled_text_reaches_every_part_and_repeats_itself(text):
    rule = TEXT.format(text=b64(text)) + "/fontsize/20/batch/1/dx/15/dy/25"
    pixels = marked(rule)
    mask = changed(pixels)
    rows = runs(mask.any(axis=1))
    step = rows[1] - rows[0]
    assert len(rows) >= 5
    assert np.array_equal(pixels[: HEIGHT - step], pixels[step:])


@pytest.mark.parametrize("degree", [0, 45, 90, 300, 360])
@pytest.mark.parametrize("kind", ["image", "text"])
def test_a_tile_is_turned_clockwise(kind, degree):
    """The first tile: its red part lies left of its blue one before it is turned."""
    if kind == "text":
        rule = TEXT.format(text=b64("HHHHHHHH")) + f"/fontsize/20/batch/1/degree/{degree}"
        mask = changed(marked(rule + "/dx/600/dy/300"))[:200, :300]
        left, top, right, bottom = box(mask)
        wide, high = right - left, bottom - top
        assert (wide > 2 * high) is (degree in (0, 360))
        assert (high > 2 * wide) is (degree == 90)
        return
    halves = Image.new("RGB", (80, 40), (255, 0, 0))
    halves.paste((0, 0, 255), (40, 0, 80, 40))
    rest = f"/dissolve/100/batch/1/degree/{degree}/dx/600/dy/300"
    pixels = marked(IMAGE + rest, mark=encoded(halves, "PNG"))
    reds, blues = (np.argwhere(pixels[..., n] > 200).mean(axis=0) for n in (0, 2))
    down, right = blues - reds
    angle = np.degrees(np.arctan2(down, right)) % 360
    assert abs((angle - degree + 180) % 360 - 180) <= 2


def test_degree_means_nothing_without_tiles():
    assert np.array_equal(marked(f"{IMAGE}/degree/45"), marked(IMAGE))
    text = TEXT.format(text=b64("Hello"))
    assert np.array_equal(marked(f"{text}/degree/45"), marked(text))


@pytest.mark.parametrize("strength", [1, 50, 100])
def test_a_shadow_darkens_beside_the_text_and_as_much_as_asked(strength):
    rule = TEXT.format(text=b64("HHH")) + "/fontsize/100/gravity/northwest"
    plain, shaded = marked(rule), marked(f"{rule}/shadow/{strength}")
    shadow = changed(shaded) & ~changed(plain)
    assert shadow.any()
    expected = np.asarray(GROUND) * (1 - strength / 100)
    assert np.abs(shaded[shadow].min(axis=0) - expected).max() <= 2
    # The letters stay as they were, and the shadow ends where they do, a twentieth further on.
    whole = (plain == 255).all(axis=2)
    assert (shaded[whole] == 255).all()
    left, top, right, bottom = box(changed(plain))
    assert box(changed(shaded)) == (left, top, right + 5, bottom + 5)


@pytest.mark.parametrize("kind", ["image", "text"])
@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_every_frame_of_an_animation_is_marked_and_nothing_else_of_it(kind, format):
    source = animation(format, [100, 200, 300, 400], size=(320, 180))
    mark = {
        "image": f"{IMAGE}/dissolve/100/gravity/northeast/dx/5/dy/5",
        "text": TEXT.format(text=b64("HHH")) + "/fontsize/40/gravity/northeast/dx/5/dy/5",
    }[kind]
    result = process(source, parse(mark), marks={ADDRESS: MARK})
    before = [np.asarray(f.convert("RGB")).astype(int) for f in frames(source)]
    after = [np.asarray(f.convert("RGB")).astype(int) for f in frames(result.data)]
    assert len(before) == len(after) == 4
    for old, new in zip(before, after, strict=True):
        # Palettes and lossy coding move colours a little.
        mask = (np.abs(old - new) > 40).any(axis=2)
        left, top, right, bottom = box(mask)
        assert abs(right - 315) <= AIR
        assert abs(top - 5) <= 2
        assert left >= 180
        assert bottom <= 60


def frames(data):
    return ImageSequence.Iterator(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA"])
@pytest.mark.parametrize("kind", ["image", "text"])
def test_a_mark_on_other_modes(kind, mode):
    source = encoded(Image.new("RGB", (WIDTH, HEIGHT)).convert(mode), "PNG")
    rule = {
        "image": f"{IMAGE}/dissolve/100",
        "text": f"watermark/2/text/{b64('HHH')}/fill/I0ZGMDAwMA/fontsize/50/dissolve/100",
    }[kind]
    pixels = marked(rule, source)
    left, top, _, _ = box(changed(pixels, (0, 0, 0)))
    assert left >= WIDTH - 120
    assert top >= HEIGHT - 60
    assert (pixels.reshape(-1, 3).max(axis=0) == (255, 0, 0)).all()


@pytest.mark.parametrize(("dx", "dy"), [(620, 0), (0, 350), (640, 0), (0, 360), (30000, 30000)])
def test_a_mark_over_the_edge_is_cut_off_there(dx, dy):
    rule = f"{IMAGE}/dissolve/100/gravity/northwest/dx/{dx}/dy/{dy}"
    mask = changed(marked(rule))
    expected = np.zeros_like(mask)
    expected[dy : dy + MARK_HEIGHT, dx : dx + MARK_WIDTH] = True
    assert np.array_equal(mask, expected)

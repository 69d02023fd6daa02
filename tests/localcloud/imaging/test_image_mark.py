"""`watermark/1` on known pictures: where the mark lands, how large and how strong it is."""

import base64

import pytest
from PIL import Image

from localcloud.imaging import ImageError, process
from localcloud.imaging.geometry import Size
from localcloud.imaging.image_mark import stamp_size
from shared.rules import ImageWatermark, parse
from tests.localcloud.imaging.pictures import RED, animation, encoded, near, opened

ADDRESS = "http://b-1.cos.ap-guangzhou.myqcloud.com/mark.png"
RULE = f"watermark/1/image/{base64.urlsafe_b64encode(ADDRESS.encode()).decode()}"
BLACK = encoded(Image.new("RGB", (960, 540)), "PNG")


def marked(rest="", source=BLACK, mark=(100, 50), color=RED, data=None):
    data = data or encoded(Image.new("RGB", mark, color), "PNG")
    result = process(source, parse(f"{RULE}/dissolve/100{rest}"), marks={ADDRESS: data})
    return opened(result.data).convert("RGB")


def box(image):
    """The part that is not black."""
    return image.point(lambda value: 255 if value > 10 else 0).getbbox()


@pytest.mark.parametrize(
    ("rest", "place"),
    [
        ("/gravity/southeast/dx/10/dy/20", (850, 470)),
        ("/gravity/center/dx/10/dy/20", (430, 245)),
        ("/gravity/north/dx/10/dy/20", (430, 20)),
        ("/gravity/west/dx/10/dy/20", (10, 245)),
        ("/gravity/northwest/dx/10/dy/20", (10, 20)),
        ("/gravity/northeast", (860, 0)),
        ("/gravity/southwest/dx/7", (7, 490)),
        ("", (860, 490)),
    ],
)
def test_the_mark_lands_where_its_gravity_says(rest, place):
    left, top = place
    image = marked(rest)
    assert box(image) == (left, top, left + 100, top + 50)
    assert near(image.getpixel((left + 50, top + 25)), RED, 2)


@pytest.mark.parametrize(
    ("rest", "size"),
    [
        ({"scatype": 1, "spcent": 100}, (96, 48)),
        ({"scatype": 2, "spcent": 500}, (540, 270)),
        ({"scatype": 3, "spcent": 250}, (509, 255)),
        ({"blogo": 1}, (200, 100)),
        ({}, (200, 100)),
    ],
)
def test_the_mark_is_scaled_to_the_source(rest, size):
    mark = ImageWatermark(ADDRESS, **rest)
    assert stamp_size(Size(200, 100), Size(960, 540), mark) == size


@pytest.mark.parametrize("blogo", [1, 2])
def test_a_mark_larger_than_the_source_is_fitted(blogo):
    image = marked(f"/blogo/{blogo}/gravity/center", mark=(2000, 540))
    left, top, right, bottom = box(image)
    assert (left, right) == (0, 960)
    assert bottom - top == (259 if blogo == 1 else 540)


@pytest.mark.parametrize(("dissolve", "red"), [(100, 220), (50, 110), (1, 2)])
def test_dissolve_is_the_opacity(dissolve, red):
    data = encoded(Image.new("RGB", (100, 50), RED), "PNG")
    result = process(BLACK, parse(f"{RULE}/dissolve/{dissolve}"), marks={ADDRESS: data})
    assert abs(opened(result.data).getpixel((900, 520))[0] - red) <= 1


def test_transparent_parts_of_the_mark_show_the_source():
    mark = Image.new("RGBA", (100, 50))
    mark.paste((*RED, 255), (0, 0, 50, 50))
    image = marked("/gravity/northwest", data=encoded(mark, "PNG"))
    assert box(image) == (0, 0, 50, 50)


def test_a_transparent_source_gets_the_mark_too():
    source = encoded(Image.new("RGBA", (200, 100)), "PNG")
    data = encoded(Image.new("RGB", (50, 50), RED), "PNG")
    image = opened(process(source, parse(f"{RULE}/dissolve/100"), marks={ADDRESS: data}).data)
    assert image.getpixel((180, 80))[3] == 255
    assert image.getpixel((10, 10))[3] == 0


def test_tiles_cover_the_picture_and_turn():
    plain, turned = marked("/batch/1", mark=(40, 20)), marked("/batch/1/degree/45", mark=(40, 20))
    for image in (plain, turned):
        left, top, right, bottom = box(image)
        assert left < 40
        assert top < 40
        assert right > 880
        assert bottom > 480
    assert plain.tobytes() != turned.tobytes()


def test_several_marks_in_a_pipe():
    rule = parse(f"{RULE}/gravity/northwest|{RULE}/gravity/southeast|imageMogr2/thumbnail/!50p")
    data = encoded(Image.new("RGB", (100, 50), RED), "PNG")
    image = opened(process(BLACK, rule, marks={ADDRESS: data}).data).convert("RGB")
    assert image.size == (480, 270)
    assert box(image) == (0, 0, 480, 270)
    assert image.getpixel((240, 135)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (animation("GIF", [100, 100]), "animated"),
        (b"text", "no picture"),
        (b"", "empty"),
    ],
)
def test_what_is_no_mark(data, said):
    with pytest.raises(ImageError, match=said):
        process(BLACK, parse(RULE), marks={ADDRESS: data})


def test_a_narrow_mark_cannot_be_blown_up_without_end():
    data = encoded(Image.new("RGB", (1, 900), RED), "PNG")
    with pytest.raises(ImageError, match="9999"):
        process(BLACK, parse(f"{RULE}/scatype/1/spcent/1000"), marks={ADDRESS: data})


def test_nothing_is_fetched_here():
    with pytest.raises(ImageError, match=r"mark\.png is not at hand"):
        process(BLACK, parse(RULE))

"""`scrop` finds the face of a real portrait, wherever it stands."""

import io
from pathlib import Path

import pytest
from PIL import Image

from localcloud.imaging import ImageError, process
from localcloud.imaging.faces import NoFaceError, around, find
from localcloud.imaging.geometry import Box, Size
from shared.rules import parse
from tests.localcloud.imaging.pictures import encoded, opened, photo

OBJECTS = Path(__file__).parents[3] / "events" / "objects"


@pytest.fixture(scope="module")
def portrait():
    """384x512, upright, the face about (180, 100)."""
    stored = Image.open(OBJECTS / "astronaut-portrait.jpg")
    return stored.transpose(Image.Transpose.ROTATE_270)


def cropped(image, rule, format="PNG", **options):
    return opened(process(encoded(image, format, **options), parse(f"imageMogr2/{rule}")).data)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (500, 0), (0, 400), (500, 400)])
@pytest.mark.parametrize("target", ["200x200", "300x100", "100x300", "90x600"])
def test_the_result_has_the_size_and_the_face(portrait, left, top, target):
    scene = Image.new("RGB", (884, 912), "#808080")
    scene.paste(portrait, (left, top))
    result = cropped(scene, f"scrop/{target}")
    assert f"{result.width}x{result.height}" == target
    # Enlarged, because a face below 24 px is not looked for.
    face = find(result.resize((3 * result.width, 3 * result.height)))
    assert face.left >= 0
    assert face.top >= 0
    assert face.right <= 3 * result.width
    assert face.bottom <= 3 * result.height


def test_all_faces_are_in_where_they_have_room(portrait):
    scene = Image.new("RGB", (1600, 600), "#808080")
    scene.paste(portrait, (300, 40))
    scene.paste(portrait, (700, 40))
    found = find(scene)
    assert found.right - found.left > 400
    result = cropped(scene, "scrop/800x600")
    seen = find(result)
    assert seen.right - seen.left == pytest.approx(found.right - found.left, abs=20)


def test_the_file_upside_down_needs_auto_orient():
    data = (OBJECTS / "astronaut-portrait.jpg").read_bytes()
    rule = "imageMogr2/auto-orient/scrop/120x120"
    assert opened(process(data, parse(rule)).data).size == (120, 120)
    assert process(data, parse("imageMogr2/scrop/120x120")).data == data


@pytest.mark.parametrize("rule", ["scrop/100x600", "scrop/100x600/format/webp", "scrop/1x1"])
def test_without_a_face_the_original_comes_back(rule):
    """CI manual 004:1660: vector 39."""
    data = photo(960, 540)
    result = process(data, parse(f"imageMogr2/{rule}"))
    assert (result.data, result.content_type, result.width) == (data, "image/jpeg", 960)


def test_what_comes_before_and_after_runs_too(portrait):
    result = cropped(portrait, "thumbnail/!150p/scrop/200x200/grayscale/1")
    assert result.size == (200, 200)
    assert result.convert("RGB").getextrema()[0] == result.convert("RGB").getextrema()[2]
    find(result)
    with pytest.raises(NoFaceError):
        find(portrait.crop((0, 250, 384, 512)))
    assert cropped(portrait, "cut/384x262x0x250/scrop/100x100").size == (384, 512)


def test_every_frame_of_an_animation_keeps_the_part_of_the_first(portrait):
    scenes = [Image.new("RGB", (768, 512), color) for color in ("#404040", "#808080", "#c0c0c0")]
    scenes[0].paste(portrait, (384, 0))
    scenes[1].paste(portrait, (0, 0))
    data = encoded(scenes[0], "WEBP", save_all=True, append_images=scenes[1:], duration=[50] * 3,
                   lossless=True)  # fmt: skip
    result = process(data, parse("imageMogr2/scrop/384x512"))
    assert (result.frames, result.width, result.height) == (3, 384, 512)
    moving = Image.open(io.BytesIO(result.data))
    find(moving.convert("RGB"))
    moving.seek(1)
    with pytest.raises(NoFaceError):
        find(moving.convert("RGB"))


def test_a_result_beyond_the_limit_is_refused(portrait):
    with pytest.raises(ImageError) as caught:
        cropped(portrait, "scrop/10000x10")
    assert caught.value.number == -442


def test_the_part_never_leaves_the_picture():
    size = Size(1000, 500)
    for faces in (Box(0, 0, 10, 10), Box(990, 490, 1000, 500), Box(0, 0, 1000, 500)):
        for target in (Size(1, 500), Size(1000, 1), Size(3000, 200), Size(100, 100)):
            scaled, box = around(size, target, faces)
            assert 0 <= box.left <= box.right <= scaled.width
            assert 0 <= box.top <= box.bottom <= scaled.height
            assert (box.right - box.left, box.bottom - box.top) == target


def test_greyscale_and_alpha_sources(portrait):
    assert cropped(portrait.convert("L"), "scrop/64x64").size == (64, 64)
    assert cropped(portrait.convert("RGBA"), "scrop/64x64").mode == "RGBA"

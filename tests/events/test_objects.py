"""The sample photos are what events/objects/README.md says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

OBJECTS = Path(__file__).parents[2] / "events" / "objects"
PHOTOS = sorted(path.name for path in OBJECTS.iterdir() if path.suffix != ".md")
MAX_TOTAL = 1_500_000


def _described() -> dict[str, list[str]]:
    """The README's table: file name -> its other cells."""
    rows = [
        line.strip("|").split(" | ")
        for line in (OBJECTS / "README.md").read_text("utf-8").splitlines()
        if re.match(r"\| `[^`]+` \| ", line)
    ]
    return {row[0].strip(" `"): row[1:] for row in rows if len(row) == 6}


def test_the_readme_names_every_file_with_a_source_and_a_licence() -> None:
    described = _described()
    assert sorted(described) == PHOTOS
    for _, _, photo, source, licence in described.values():
        assert photo.strip()
        assert source.strip()
        assert re.search(r"CC0 1\.0|public domain", licence)


@pytest.mark.parametrize("name", [name for name in PHOTOS if not name.startswith("broken-")])
def test_the_readme_tells_the_true_size(name: str) -> None:
    with Image.open(OBJECTS / name) as image:
        image.load()
        assert f"{image.width}x{image.height}" in _described()[name][1]


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in OBJECTS.iterdir()) < MAX_TOTAL


def test_the_portrait_is_stored_on_its_side_with_orientation_6() -> None:
    with Image.open(OBJECTS / "astronaut-portrait.jpg") as image:
        assert image.format == "JPEG"
        assert image.getexif()[0x0112] == 6
        assert image.size == (512, 384)
        assert ImageOps.exif_transpose(image).size == (384, 512)


def test_the_landscape_photo_has_exif() -> None:
    with Image.open(OBJECTS / "rocket-on-pad.jpg") as image:
        exif = image.getexif()
        assert (exif[0x0112], exif[0x013B]) == (1, "SpaceX")


def test_the_png_has_clear_soft_and_solid_pixels() -> None:
    with Image.open(OBJECTS / "coffee-cutout.png") as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        histogram = image.getchannel("A").histogram()
    assert histogram[0] > 10_000
    assert histogram[255] > 10_000
    assert sum(histogram[1:255]) > 1000


def test_the_gif_has_ten_frames_of_distinct_length_and_loops() -> None:
    with Image.open(OBJECTS / "hubble-zoom.gif") as image:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
    assert durations == [200, 100, 110, 120, 130, 140, 150, 160, 170, 500]


def test_one_name_has_chinese_characters_and_a_space_and_is_a_webp() -> None:
    (name,) = [name for name in PHOTOS if not name.isascii()]
    assert " " in name
    with Image.open(OBJECTS / name) as image:
        assert image.format == "WEBP"


def test_the_truncated_jpeg_has_a_good_header_and_no_end() -> None:
    with Image.open(OBJECTS / "broken-half-uploaded.jpg") as image:
        assert image.size == (600, 400)
        with pytest.raises(OSError, match="truncated"):
            image.load()


def test_the_other_broken_file_is_no_image_at_all() -> None:
    with pytest.raises(UnidentifiedImageError):
        Image.open(OBJECTS / "broken-not-a-photo.jpg")

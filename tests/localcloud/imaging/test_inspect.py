"""Films hidden in pictures."""

import pytest

from localcloud.imaging import Inspection, inspect
from tests.localcloud.imaging.pictures import animation, photo


def stream(packets):
    return (b"\x47" + bytes(187)) * packets


PNG, BMP = photo(20, 10, "PNG"), photo(20, 10, "BMP")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (photo(20, 10), "jpeg"),
        (PNG, "png"),
        (BMP, "bmp"),
        (animation("GIF", [100]), "gif"),
        (photo(20, 10, "WEBP"), "webp"),
        (b"text", "unknown"),
        (b"", "unknown"),
        (b"\x47", "unknown"),
        (PNG + b"a comment behind the picture" * 30, "png"),
        (PNG[:40], "png"),
        (BMP[:10], "bmp"),
        (b"G" * 187, "unknown"),
        (photo(20, 10) + stream(9), "jpeg"),
    ],
)
def test_nothing_is_suspected_without_reason(data, kind):
    assert inspect(data) == Inspection(len(data), kind)


@pytest.mark.parametrize("picture", [PNG, BMP], ids=["png", "bmp"])
@pytest.mark.parametrize("packets", [1, 2, 5, 100])
def test_a_stream_behind_a_picture(picture, packets):
    data = picture + stream(packets)
    found = inspect(data)
    assert (found.begin, found.end) == (len(picture), len(data) - 1)


@pytest.mark.parametrize("packets", [1, 4, 5, 50])
def test_a_stream_in_place_of_a_picture(packets):
    data = stream(packets)
    assert inspect(data) == Inspection(len(data), "ts", 0, len(data) - 1)


def test_a_long_stream_may_break_off():
    assert inspect(PNG + stream(20)[:-50]).begin == len(PNG)

"""Files that are not what they say, and files that want too much."""

import base64
import io
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from localcloud.imaging import ImageError, Limits, describe, process
from shared.rules import parse
from tests.localcloud.imaging.pictures import animation, encoded, photo, quadrants

HALF = parse("imageMogr2/thumbnail/!50p")


def refused(source, rule=HALF, **options):
    with pytest.raises(ImageError) as caught:
        process(source, rule, **options)
    return caught.value


def png_header(width, height):
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("source", "number", "named"),
    [
        (b"", -40168, "empty"),
        (b"just text", -441, "JPEG, PNG"),
        (b"\xff\xd8\xff", -441, ""),
        (b"GIF89a", -441, ""),
        (b"%PDF-1.7 ...", -441, "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", -441, "no picture"),
        (photo(400, 300)[:4000], -120, "truncated"),
        (photo(400, 300, "PNG")[:300], -120, "truncated"),
        (animation("GIF", [100] * 9)[:400], -120, ""),
        (png_header(30_001, 10), -447, "30000 px"),
        (png_header(20_000, 20_000), -447, "250000000"),
        (png_header(9_000, 9_000), -120, "truncated"),
        (b"x" * (32 * 1024**2 + 1), -167, str(32 * 1024**2)),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(source, number, named):
    error = refused(source)
    assert error.number == number
    assert named in error.message


@pytest.mark.parametrize("rule", ["imageMogr2/thumbnail/10000x", "imageView2/1/w/10000/h/10",
                                  "imageMogr2/thumbnail/999999999x999999999!"])  # fmt: skip
def test_a_result_may_not_be_larger_than_the_service_makes(rule):
    error = refused(photo(100, 100), parse(rule))
    assert error.number == -442
    assert "9999" in error.message


def test_frames_are_counted_before_they_are_decoded():
    data = animation("GIF", [20] * 5)
    assert "frames" in refused(data, limits=Limits(frames=4)).message
    assert refused(data, limits=Limits(pixels=60 * 40 * 4)).number == -447


def test_a_cut_outside_of_the_picture():
    assert "100x100" in refused(photo(100, 100), parse("imageMogr2/cut/10x10x100x0")).message


def test_a_broken_colour_profile_does_not_matter():
    data = encoded(quadrants(40, 30), icc_profile=b"not a profile")
    assert process(data, HALF).width == 20


def test_a_picture_with_another_name_is_still_a_picture(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo(40, 30, "PNG"))
    assert process(path, HALF).format == "png"


PEAK = r"""
import re, sys
from pathlib import Path
from localcloud.imaging import ImageError, process
from shared.rules import parse
try:
    print(process(Path(sys.argv[1]), parse("imageMogr2/thumbnail/300x")).width)
except ImageError as error:
    print(error.number)
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak(path):
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True
    )
    answer, mebibytes = done.stdout.split()
    return int(answer), int(mebibytes)


def test_48_megapixels_fit_into_100_mib(tmp_path):
    path = tmp_path / "large.jpg"
    Image.linear_gradient("L").resize((8000, 6000)).convert("RGB").save(path, quality=85)
    width, mebibytes = peak(path)
    assert width == 300
    assert mebibytes < 100


def test_a_bomb_is_refused_from_its_header_alone(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(30_000, 30_000))
    number, mebibytes = peak(path)
    assert number == -447
    assert mebibytes < 60


def test_other_decoders_are_never_tried():
    output = io.BytesIO()
    quadrants(20, 20).save(output, "TIFF")
    assert refused(output.getvalue()).number == -441


WANTS_TOO_MUCH = """
import resource, sys
from localcloud.imaging import ImageError, process
from shared.rules import parse
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    result = process(open(sys.argv[1], "rb").read(), parse(sys.argv[2]))
    print(f"{result.width}x{result.height}")
except ImageError as error:
    print(error.number)
"""
LONG_TEXT = base64.urlsafe_b64encode(b"W" * 5000).decode()


@pytest.mark.parametrize(
    ("source", "rule", "answer"),
    [
        # Scaled whole, the first two would have half a million rows.
        (photo(60, 3000, "PNG"), "imageView2/1/w/9999/h/1", "9999x1"),
        (photo(60, 3000, "PNG"), "imageView2/5/w/9998/h/9", "9x9998"),
        (photo(100, 100), f"watermark/2/text/{LONG_TEXT}/fontsize/1000", "-442"),
        (animation("GIF", [20] * 99, size=(10, 10)), "imageMogr2/thumbnail/2000x2000!", "-442"),
        (photo(5000, 5000, quality=20), "watermark/2/text/Lg/fontsize/1/batch/1", "5000x5000"),
    ],
    ids=["thin view", "thin view 5", "long text", "large frames", "many tiles"],
)
def test_a_small_file_cannot_ask_for_much_memory(tmp_path, source, rule, answer):
    path = tmp_path / "source"
    path.write_bytes(source)
    done = subprocess.run(
        [sys.executable, "-c", WANTS_TOO_MUCH, str(path), rule],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == answer, done.stderr


def gif_with_a_frame_of(width, height):
    """A GIF of 10x10 whose second frame says that it is larger."""
    data = bytearray(animation("GIF", [100, 100], size=(10, 10)))
    place = data.rindex(b"\x2c")
    data[place + 5 : place + 9] = struct.pack("<HH", width, height)
    return bytes(data)


def test_a_gif_frame_larger_than_its_canvas():
    assert refused(gif_with_a_frame_of(40_000, 40_000)).number == -447


def test_a_gif_of_a_million_frames_is_counted_no_further_than_needed():
    one = animation("GIF", [100], size=(1, 1))
    start = one.index(b"\x2c")
    endless = one[:start] + one[start:-1] * 100_000 + b"\x3b"
    assert "300 frames" in refused(endless).message


def test_metadata_too_long_for_a_jpeg_is_left_out():
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    result = process(encoded(quadrants(40, 30), "PNG", exif=exif), parse("imageMogr2/format/jpg"))
    assert len(Image.open(io.BytesIO(result.data)).getexif()) == 0


def test_a_phones_jpeg_with_a_second_picture_is_a_jpeg():
    output = io.BytesIO()
    quadrants(400, 300).save(
        output, "MPO", save_all=True, append_images=[quadrants(40, 30)], quality=90
    )
    result = process(output.getvalue(), parse("imageMogr2/thumbnail/!50p"))
    assert (result.format, result.width, result.frames) == ("jpg", 200, 1)
    facts = describe(output.getvalue())
    assert (facts.format, facts.frames) == ("jpeg", 1)

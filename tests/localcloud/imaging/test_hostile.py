"""Files that are not what they say, and files that want too much."""

import base64
import io
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from localcloud.imaging import ImageError, Limits, describe, jpeg_scans, process
from shared.rules import parse
from tests.localcloud.imaging import hostile
from tests.localcloud.imaging.hostile import (
    bmp_header,
    chunk,
    gif_header,
    gif_of_frames,
    gif_with_a_frame_of,
    jpeg_header,
    jpeg_of_scans,
    jpeg_with_segments,
    png_header,
    webp_header,
    with_chunk,
)
from tests.localcloud.imaging.pictures import animation, encoded, near, opened, photo, quadrants
from tests.localcloud.imaging.vectors import outcome

HALF = parse("imageMogr2/thumbnail/!50p")


def refused(source, rule=HALF, **options):
    with pytest.raises(ImageError) as caught:
        process(source, rule, **options)
    return caught.value


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
ROUND = "imageMogr2/thumbnail/9000x9000!/rradius/4400"
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
        (photo(9, 9, "PNG"), f"{ROUND}|imageMogr2/cut/3x3x0x0", "3x3"),
    ],
    ids=["thin view", "thin view 5", "long text", "large frames", "many tiles", "large corners"],
)
def test_a_small_file_cannot_ask_for_much_memory(tmp_path, source, rule, answer):
    path = tmp_path / "source"
    path.write_bytes(source)
    done = subprocess.run(
        [sys.executable, "-c", WANTS_TOO_MUCH, str(path), rule],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == answer, done.stderr


def test_a_gif_frame_larger_than_its_canvas():
    assert refused(gif_with_a_frame_of(40_000, 40_000)).number == -447


def test_a_gif_of_a_million_frames_is_counted_no_further_than_needed():
    assert "300 frames" in refused(gif_of_frames(100_000)).message


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


FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF")
NOISE = Image.effect_noise((120, 90), 80).convert("RGB")


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_ends_early(format, share):
    data = encoded(NOISE, format)
    error = refused(data[: int(len(data) * share)])
    assert error.number in (-120, -441)
    assert error.message


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.95])
def test_an_animation_that_ends_early(format, share):
    frames = [Image.effect_noise((60, 40), 80).convert("RGB") for _ in range(5)]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=50)
    assert refused(data[: int(len(data) * share)]).number in (-120, -441)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["a.jpg", "a.gif", "a.txt", "a"])
def test_what_counts_is_the_content_and_not_the_name(tmp_path, format, name):
    path = tmp_path / name
    path.write_bytes(photo(40, 30, format))
    assert opened(process(path, HALF).data).format == format


@pytest.mark.parametrize("side", [30_000, 65_535])
@pytest.mark.parametrize("header", [png_header, gif_header, bmp_header, jpeg_header])
def test_a_header_that_claims_too_much(header, side):
    error = refused(header(side, side))
    assert error.number == -447
    assert str(side) in error.message


@pytest.mark.parametrize("side", [16_384, 30_000, 65_535, 2**24])
@pytest.mark.parametrize("header", [webp_header, hostile.avif_header, hostile.heif_header])
def test_a_header_that_claims_more_than_its_decoder_takes(tmp_path, header, side):
    path = tmp_path / "source"
    path.write_bytes(header(side, side))
    for source in (path, path.read_bytes()):
        error = refused(source)
        assert error.number == -447
        assert f"{side}x{side}: at most" in error.message


@pytest.mark.parametrize(
    "source",
    [
        b"\0\0\0\x18ftypavif" + bytes(40),
        b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x08meta",
        b"\0\0\0\x10ftypheic\0\0\0\0\xff\xff\xff\xffmeta" + b"\0\0\0\x08iprp" * 5000,
        b"\0\0\0\x10ftypavif\0\0\0\0" + b"\0\0\0\x08free" * 5000,
        hostile.avif_header(70_000, 1)[:160],
        b"RIFF\x20\0\0\0WEBPVP8X",
    ],
)
def test_boxes_that_lead_nowhere(source):
    assert refused(source).number in (-120, -441)


def test_both_sides_of_250_million_pixels():
    assert process(jpeg_header(15_811, 15_811), parse("imageMogr2/thumbnail/90x")).width == 90
    for header in (jpeg_header, png_header, gif_header, bmp_header):
        assert refused(header(15_812, 15_812)).number == -447
    # Within the limit it is read, and found to hold no pixels.
    assert refused(png_header(15_811, 15_811)).number == -120


@pytest.mark.parametrize("header", [png_header, gif_header, bmp_header, jpeg_header])
def test_no_side_may_be_nothing(header):
    for width, height in ((0, 0), (0, 10), (10, 0)):
        assert refused(header(width, height)).number in (-120, -441)


def test_a_header_with_a_negative_side():
    # A height below zero stands for rows from the top, a width below zero for nothing.
    assert refused(bmp_header(-10, 10)).number == -447
    assert refused(bmp_header(10, -(2**31))).number == -447


@pytest.mark.parametrize(
    ("size", "rule", "expected"),
    [
        ((1, 1), "imageMogr2/thumbnail/!50p", (1, 1)),
        ((1, 1), "imageMogr2/thumbnail/9999x9999!|imageMogr2/cut/3x3x0x0", (3, 3)),
        ((1, 1), "imageMogr2/blur/50x50", (1, 1)),
        ((1, 1), "imageMogr2/sharpen/300", (1, 1)),
        ((1, 1), "imageMogr2/rotate/45", (1, 1)),
        ((1, 1), "imageView2/1/w/9/h/5", (9, 5)),
        ((1, 1), "watermark/2/text/SEhI/fontsize/100", (1, 1)),
        ((1, 1), "watermark/2/text/SEhI/batch/1/degree/33", (1, 1)),
        ((1, 30_000), "imageMogr2/thumbnail/!50p", (1, 15_000)),
        ((1, 30_000), "imageMogr2/thumbnail/x100", (1, 100)),
        ((1, 30_000), "imageMogr2/rotate/90|imageMogr2/crop/300x", (300, 1)),
        ((1, 30_000), "imageView2/1/w/100/h/100", (100, 100)),
        ((1, 30_000), "imageMogr2/blur/50x20", (1, 30_000)),
        ((30_000, 1), "imageMogr2/thumbnail/100x", (100, 1)),
        ((30_000, 1), "imageView2/2/w/100/h/100", (100, 1)),
        ((30_000, 1), "imageMogr2/thumbnail/100@", (100, 1)),
        ((30_000, 1), "watermark/2/text/SEhI/batch/1", (30_000, 1)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_the_thinnest_pictures(format, size, rule, expected):
    if "50p" in rule and size[1] == 30_000:
        assert refused(photo(*size, format), parse(rule)).number == -442
        return
    assert opened(process(photo(*size, format), parse(rule)).data).size == expected


MUCH = zlib.compress(bytes(60_000_000))


@pytest.mark.parametrize(
    "source",
    [
        with_chunk(photo(40, 30, "PNG"), b"zTXt", b"k\0\0" + MUCH),
        with_chunk(photo(40, 30, "PNG"), b"iTXt", b"k\0\1\0\0\0" + MUCH),
        with_chunk(photo(40, 30, "PNG"), b"iCCP", b"k\0\0" + MUCH),
    ],
    ids=["zTXt", "iTXt", "iCCP"],
)  # fmt: skip
def test_a_bomb_in_the_words_of_a_png(tmp_path, source):
    path = tmp_path / "bomb.png"
    path.write_bytes(source)
    number, mebibytes = peak(path)
    assert number == -120
    assert mebibytes < 60


def test_a_png_of_two_hundred_thousand_words():
    data = photo(40, 30, "PNG")
    words = chunk(b"tEXt", b"k\0v") * 200_000
    assert process(data[:33] + words + data[33:], HALF).width == 20


def test_a_jpeg_that_draws_itself_over_and_over():
    """A hundred kilobytes that would keep a decoder busy for a quarter of a minute."""
    error = refused(jpeg_of_scans(2000, 2000, 6000))
    assert error.number == -120
    assert "scans" in error.message
    assert process(photo(400, 300, progressive=True), HALF).width == 200


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xE5, 0xED, 0xFE])
def test_a_jpeg_of_thirty_megabytes_of_segments(tmp_path, marker):
    path = tmp_path / "segments.jpg"
    path.write_bytes(jpeg_with_segments(500, marker=marker))
    width, mebibytes = peak(path)
    assert width == 300
    assert mebibytes < 200


def test_a_jpeg_of_sixty_megabytes_of_segments():
    assert refused(jpeg_with_segments(1000)).number == -167


@pytest.mark.parametrize("place", [(200, 200), (65_000, 0), (5, 5)])
def test_a_gif_frame_beside_its_canvas(place):
    limits = Limits(source_side=70_000, pixels=10**9)
    source = gif_with_a_frame_of(10, 10, *place)
    if place[0] + 10 > 30_000:
        assert refused(source).number == -447
        return
    assert process(source, parse("imageMogr2/format/gif"), limits=limits).width == 10


def test_a_gif_frame_of_no_size():
    assert refused(gif_with_a_frame_of(0, 0)).number == -120


def test_a_gif_of_ten_thousand_frames():
    error = refused(gif_of_frames(10_000))
    assert error.number == -447
    assert "300 frames" in error.message


def test_a_webp_of_too_many_or_too_large_frames():
    assert refused(animation("WEBP", [20] * 301, size=(20, 20))).number == -447
    small = animation("WEBP", [20] * 5)
    assert refused(small, limits=Limits(pixels=60 * 40 * 4)).number == -447
    assert process(small, HALF, limits=Limits(pixels=60 * 40 * 5)).frames == 5


def test_an_animation_plays_no_frame_longer_than_a_gif_can_say():
    """As found by changing bytes at random: encoders gave up on the sum of such times."""
    frames = [quadrants(20, 10), NOISE.resize((20, 10))] * 20
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=65_535_000)
    result = process(data, parse("imageMogr2/format/webp"))
    image = Image.open(io.BytesIO(result.data))
    image.seek(1)
    image.load()
    assert (image.n_frames, image.info["duration"]) == (40, 655_350)


RLE_END = b"\0\1"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x01" * 1000 + RLE_END,
        # Jumps to the right and down, out of the picture.
        b"\0\2\xff\xff" * 5000,
        b"\0\2\xff\xff" * 5000 + RLE_END,
        # Literal runs that are not there.
        b"\0\xff" * 1000,
        b"\0",
    ],
)
@pytest.mark.parametrize(("compression", "depth"), [(1, 8), (2, 4)])
def test_a_compressed_bmp_that_lies(compression, depth, data):
    source = bmp_header(2000, 2000, compression=compression, depth=depth, data=data)
    result = outcome(source, "imageMogr2/thumbnail/!50p")
    assert result in ("-120", "-441") or result.width == 1000


def test_an_apng_is_its_first_picture_where_the_result_stands_still():
    frames = [quadrants(64, 48), quadrants(64, 48).rotate(180), quadrants(64, 48)]
    source = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)
    result = process(source, HALF)
    assert (result.format, result.width, result.frames) == ("png", 32, 1)
    assert near(opened(result.data).convert("RGB").getpixel((3, 3)), (220, 30, 30), 8)
    assert process(source, parse("imageMogr2/format/gif")).frames == 3


def avif_sequence():
    return encoded(NOISE, "AVIF", save_all=True, append_images=[quadrants(120, 90)])


def spoilt(data, place, patch):
    return data[:place] + patch + data[place + len(patch) :]


@pytest.mark.parametrize("rule", [HALF, parse("imageInfo"), parse("imageAve")])
def test_an_avif_whose_pixels_or_times_are_broken(rule):
    """As found by changing bytes at random: the decoder raised what nobody expected."""
    still = encoded(NOISE, "AVIF")
    pixels = still.index(b"mdat") + 4
    assert refused(spoilt(still, pixels, b"\xff" * 60), rule).number == -120
    moving = avif_sequence()
    clock = moving.index(b"mdhd") + 4
    # Times in units of nothing a second: version 0 and version 1 of the box.
    offset = 20 if moving[clock] else 12
    assert refused(spoilt(moving, clock + offset, bytes(4)), rule).number == -120


def test_a_result_that_webp_cannot_hold():
    error = refused(photo(20_000, 2), parse("imageMogr2/format/webp"))
    assert error.number == -442
    assert "16383" in error.message


SMALL = {format: photo(40, 30, format) for format in ("JPEG", "PNG", "GIF")}
FRAME = SMALL["GIF"].index(b"\x2c\0\0\0\0")


def with_bytes(format, place, piece, count=300_000):
    return SMALL[format][:place] + piece * count + SMALL[format][place:]


@pytest.mark.parametrize(
    "source",
    [
        with_bytes("JPEG", 20, b"\x55"),
        with_bytes("JPEG", 20, b"\xff"),
        with_bytes("JPEG", 20, b"\xff\xe5\0\2"),
        b"\xff\xd8" + b"\xff" * 300_000,
        b"\xff\xd8\xff\xe0" + bytes(300_000),
        with_bytes("PNG", 33, chunk(b"abCd", b"")),
        with_bytes("PNG", 33, chunk(b"IDAT", b"")),
        with_bytes("GIF", FRAME, b"\0"),
        with_bytes("GIF", FRAME, b"\x21\xfe\1x\0"),
        SMALL["GIF"][:FRAME] + b"\x21\xfe" + b"\1x" * 300_000 + b"\0" + SMALL["GIF"][FRAME:],
    ],
)
@pytest.mark.parametrize("rule", ["imageMogr2/thumbnail/!50p", "imageInfo", "exif"])
def test_a_file_in_too_many_pieces(source, rule):
    """At 32 MB each would keep its reader busy for up to half a minute."""
    error = refused(source, parse(rule))
    assert error.number in (-120, -441)
    assert "250000" in error.message


@pytest.mark.parametrize("count", [1, 70, 1 << 20, (1 << 20) + 63, (1 << 20) + 64])
def test_stray_bytes_between_segments_are_stepped_over(count):
    """Wherever the blocks end in which the next marker is looked for."""
    limits = Limits(pieces=1 << 22)
    for piece in (b"\x55", b"\xff"):
        scans = jpeg_scans.scan(io.BytesIO(with_bytes("JPEG", 20, piece, count)), limits.pieces)
        assert scans.count == 1
        assert scans.pieces >= count


def test_a_few_stray_bytes_do_no_harm():
    assert process(with_bytes("JPEG", 20, b"\x55", 1000), HALF).width == 20
    assert process(with_bytes("GIF", FRAME, b"\0", 1000), HALF).width == 20
    assert process(with_bytes("PNG", 33, chunk(b"abCd", b""), 1000), HALF).width == 20


@pytest.mark.parametrize("format", FORMATS)
def test_an_original_comes_back_in_every_format(format):
    """No limit applies to what is not processed, neither by default nor with a small one."""
    source = photo(60, 40, format)
    for rule in ("imageMogr2/scrop/10x10", "imageMogr2/thumbnail/!999p/rradius/900/ignore-error/1"):
        result = process(source, parse(rule))
        assert (result.data, result.width, result.height) == (source, 60, 40)

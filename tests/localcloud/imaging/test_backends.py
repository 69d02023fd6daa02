"""libvips and Pillow give the same picture: same file properties, and at least 43 dB apart."""

import functools
import io
import math
import subprocess
import sys

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from localcloud.imaging import ImageError, png_writer, process, streaming
from localcloud.imaging.source import read_exif
from shared.rules import parse
from tests.localcloud.imaging.pictures import animation, encoded, opened, photo

LEAST = 43
SIZE = (480, 360)


@functools.cache
def scene(mode="RGB"):
    """Fine grain over slow colours, and hard edges: hard for a resampler, like a photo."""
    down = Image.linear_gradient("L").resize(SIZE)
    bands = [down, down.rotate(180), Image.radial_gradient("L").resize(SIZE)]
    image = Image.merge("RGB", bands)
    grain = Image.merge("RGB", [Image.effect_noise(SIZE, 12)] * 3)
    image = ImageChops.add(image, grain, offset=-128)
    image.paste((250, 20, 20), (150, 100, 220, 250))
    if mode == "RGBA":
        image.putalpha(down.point(lambda value: min(255, value * 2)))
        return image
    return image.convert(mode)


@functools.cache
def source_of(kind):
    return SOURCES[kind]()


def exif(orientation=1):
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Camera"
    return tags


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
SOURCES = {
    "jpeg": lambda: encoded(scene(), quality=90, exif=exif()),
    "grey jpeg": lambda: encoded(scene("L"), quality=90),
    "turned jpeg": lambda: encoded(scene(), quality=90, exif=exif(6)),
    "progressive jpeg": lambda: encoded(scene(), quality=90, progressive=True),
    "jpeg with a comment": lambda: encoded(scene(), quality=90, comment=b"mine"),
    "jpeg with a profile": lambda: encoded(scene(), quality=90, icc_profile=PROFILE),
    "cmyk jpeg": lambda: encoded(scene("CMYK"), quality=90),
    "png": lambda: encoded(scene(), "PNG", exif=exif()),
    "grey png": lambda: encoded(scene("L"), "PNG"),
    "alpha png": lambda: encoded(scene("RGBA"), "PNG"),
    "palette png": lambda: encoded(scene().quantize(64), "PNG"),
}
RULES = (
    "imageMogr2/cut/300x200x100x50",
    "imageMogr2/crop/300x200/gravity/southeast/quality/60",
    "imageMogr2/cut/4000x4000x200x100/rotate/90",
    "imageMogr2/cut/600x600x0x0/thumbnail/200x/format/png",
    "imageMogr2/auto-orient/cut/300x200x100x50",
    "imageMogr2/blur/10x3",
    "imageMogr2/blur/2x0.5/quality/95!",
    "imageMogr2/blur/50x20/interlace/1",
    "imageMogr2/blur/8x3/thumbnail/300x/strip",
    "imageMogr2/thumbnail/300x",
    "imageMogr2/thumbnail/!37p/format/jpg",
    "imageMogr2/thumbnail/1000x",
    "imageMogr2/thumbnail/300x300/pad/1/color/IzAwRkYwMA",
    "imageView2/2/w/300",
    "imageView2/1/w/200/h/300",
    "imageMogr2/thumbnail/400x|watermark/2/text/SGVsbG8|imageMogr2/blur/3x1",
    "imageMogr2/format/webp/crop/500x400/gravity/center",
    "imageMogr2/size-limit/20k/blur/5x2",
)


@pytest.fixture
def always_libvips(monkeypatch):
    """Small pictures too, so that the test is fast."""
    monkeypatch.setattr(streaming, "_WORTH", 1)
    monkeypatch.setattr(png_writer, "_WORTH", 1)


def by_pillow(monkeypatch, source, rule):
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "render", lambda *_, **__: None)
        patch.setattr(png_writer, "is_faster", lambda _: False)
        return process(source, rule)


def on(colour, image):
    """What a person sees: colours that are transparent do not matter."""
    canvas = Image.new("RGBA", image.size, colour)
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def decibels(one, other):
    differences = [ImageChops.difference(on(c, one), on(c, other)) for c in ("white", "black")]
    error = sum(v**2 for image in differences for v in ImageStat.Stat(image).rms) / 6
    return 99 if error == 0 else 10 * math.log10(255**2 / error)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", SOURCES)
def test_both_give_the_same_picture(monkeypatch, always_libvips, kind, rule):
    source = source_of(kind)
    ours, theirs = process(source, parse(rule)), by_pillow(monkeypatch, source, parse(rule))
    # size-limit: the quality that keeps the bound may be a step away.
    near = "size-limit" in rule
    assert abs(ours.quality - theirs.quality) <= (4 if near else 0)
    for name in ("content_type", "format", "width", "height", "frames"):
        assert getattr(ours, name) == getattr(theirs, name)
    one, other = opened(ours.data), opened(theirs.data)
    assert (one.mode, one.size) == (other.mode, other.size)
    assert dict(read_exif(one)) == dict(read_exif(other))
    kept = ("icc_profile", "comment", "progressive", "jfif_density", "jfif_unit", "transparency")
    assert {k: one.info.get(k) for k in kept} == {k: other.info.get(k) for k in kept}
    if not near:
        assert getattr(one, "quantization", None) == getattr(other, "quantization", None)
        assert getattr(one, "layer", None) == getattr(other, "layer", None)
    assert decibels(one, other) >= LEAST - (3 if near else 0)


def rule_of(index):
    return parse(RULES[index])


@pytest.mark.parametrize(
    ("kind", "rule", "steps"),
    [
        ("jpeg", 0, 1),
        ("jpeg", 5, 1),
        ("jpeg", 8, 2),
        ("jpeg with a profile", 0, 1),
        ("jpeg with a profile", 5, 0),
        ("jpeg", 9, 0),
        ("turned jpeg", 4, 0),
        ("png", 9, 1),
        ("alpha png", 13, 1),
        ("alpha png", 5, 0),
        ("palette png", 9, 0),
        ("cmyk jpeg", 0, 0),
    ],
)
def test_who_does_what(monkeypatch, always_libvips, kind, rule, steps):
    """So that the comparison above does not compare Pillow with itself."""
    done = []
    planned = streaming.planned

    def noted(*arguments):
        found = planned(*arguments)
        done.extend(found[0])
        return found

    monkeypatch.setattr(streaming, "planned", noted)
    process(source_of(kind), rule_of(rule))
    assert len(done) == steps


def broken():
    jpeg, png = SOURCES["jpeg"](), SOURCES["alpha png"]()
    return {
        "jpeg, half": jpeg[: len(jpeg) // 2],
        "jpeg, no end": jpeg[:-2],
        "jpeg, noise inside": jpeg[:5_000] + bytes(range(256)) * 8 + jpeg[7_048:],
        "jpeg, bytes behind": jpeg + b"behind",
        "jpeg, half, with an end": jpeg[: len(jpeg) // 2] + b"\xff\xd9",
        "png, half": png[: len(png) // 2],
        "png, wrong sum": png[:5_000] + b"\x00" + png[5_001:],
        "png, no end": png[:-12],
    }


@pytest.mark.parametrize("rule", ["cut/300x200x100x0", "blur/5x2", "thumbnail/100x"])
@pytest.mark.parametrize("kind", broken())
def test_both_refuse_the_same_files(monkeypatch, always_libvips, kind, rule):
    source, rule = broken()[kind], parse(f"imageMogr2/{rule}")
    outcomes = []
    for run in (lambda: process(source, rule), lambda: by_pillow(monkeypatch, source, rule)):
        try:
            result = run()
            outcomes.append((result.width, result.height))
        except ImageError as error:
            outcomes.append((error.number, error.message))
    assert outcomes[0] == outcomes[1]


def test_a_png_keeps_exif_that_stands_behind_its_pixels():
    data = encoded(scene(), "PNG", exif=exif())
    chunk, start = b"eXIf", data.index(b"eXIf") - 4
    length = int.from_bytes(data[start : start + 4], "big") + 12
    assert data[start + 4 : start + 8] == chunk
    late = data[:start] + data[start + length : -12] + data[start : start + length] + data[-12:]
    result = process(late, parse("imageMogr2/thumbnail/300x"))
    assert opened(result.data).getexif()[0x010F] == "Camera"


def test_gif_frames_look_like_the_source_and_stay_transparent():
    frames = [scene().resize((200, 150)), scene("RGBA").resize((200, 150)).rotate(180)]
    source = io.BytesIO()
    frames[0].convert("RGBA").quantize(200).save(
        source, "GIF", save_all=True, append_images=[frames[1].quantize(200)], disposal=2
    )
    whole = Image.open(source)
    half = Image.open(
        io.BytesIO(process(source.getvalue(), parse("imageMogr2/thumbnail/!50p")).data)
    )
    assert half.n_frames == whole.n_frames == 2
    for number in range(2):
        whole.seek(number)
        half.seek(number)
        wanted = whole.convert("RGBA").resize((100, 75), Image.Resampling.LANCZOS)
        hard = wanted.getchannel("A").point(lambda value: 255 * (value >= 128))
        found = half.convert("RGBA")
        assert ImageChops.difference(found.getchannel("A"), hard).getbbox() is None
        shown = Image.new("RGBA", (100, 75)), Image.new("RGBA", (100, 75))
        for canvas, frame in zip(shown, (wanted, found), strict=True):
            canvas.paste(frame.convert("RGB"), mask=hard)
        assert decibels(*shown) >= 32


def test_few_colours_of_a_gif_are_kept_exactly():
    data = process(animation("GIF", [100] * 3), parse("imageMogr2/cut/20x20x0x0")).data
    frames = Image.open(io.BytesIO(data))
    frames.seek(2)
    assert frames.convert("RGB").getpixel((5, 5))[:3] == (70, 6, 20)


IMPORTED = """
import sys
from localcloud.imaging import process
from shared.rules import parse
process(open(sys.argv[1], "rb").read(), parse(sys.argv[2]))
print("pyvips" in sys.modules)
"""


@pytest.mark.parametrize(
    ("rule", "loaded"), [("imageMogr2/thumbnail/100x", "False"), ("imageMogr2/blur/3x1", "True")]
)
def test_libvips_is_loaded_by_the_first_plan_that_needs_it(tmp_path, rule, loaded):
    path = tmp_path / "photo"
    path.write_bytes(photo(900, 700))
    command = [sys.executable, "-c", IMPORTED, str(path), rule]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded

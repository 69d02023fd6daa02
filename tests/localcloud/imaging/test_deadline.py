"""Image work ends when nobody waits for it any more; slow encoders write the same file apart."""

import threading

import pytest
from PIL import Image

from localcloud.imaging import (
    LIMITS,
    ImageError,
    apart,
    deadline,
    encode,
    process,
    stages,
    streaming,
    vips,
)
from localcloud.imaging.encode import Encoding, Frame
from shared import rules
from shared.rules import parse
from tests.localcloud.imaging.pictures import animation, encoded, opened, quadrants

MANY_BLURS = parse("imageMogr2" + "/blur/9x3" * 500)
NOISE = Image.effect_noise((900, 700), 80).convert("RGB")


class After:
    """True from the call number `count` on."""

    def __init__(self, count):
        self.left = count

    def __call__(self):
        self.left -= 1
        return self.left < 0


def ended(source, rule, count):
    with deadline.watching(After(count)), pytest.raises(ImageError) as caught:
        process(source, rule)
    return caught.value.number


@pytest.mark.parametrize("count", [0, 3, 40])
def test_a_long_rule_ends_at_the_next_operation(monkeypatch, count):
    done = []
    blur = stages._OPERATIONS[rules.Blur]
    monkeypatch.setitem(
        stages._OPERATIONS, rules.Blur, lambda *given: done.append(1) or blur(*given)
    )
    assert ended(encoded(quadrants(60, 40), "PNG"), MANY_BLURS, count) == -901
    assert len(done) <= count


def test_an_animation_ends_at_the_next_frame():
    source = animation("GIF", [20] * 200)
    assert ended(source, parse("imageMogr2/thumbnail/!200p"), 20) == -901


@pytest.mark.parametrize("write", [vips.pixels, lambda image: vips.jpeg(image, 80)])
def test_libvips_stops_in_the_middle(write):
    """At the tenth look; a finished blur of so many rows takes more."""
    data = encoded(NOISE.resize((1500, 1200)))
    blurred = vips.applied(vips.opened(data, is_jpeg=True), [streaming.Blur(20.0)])
    asked = []
    watching = deadline.watching(lambda: asked.append(1) or len(asked) > 10)
    with watching, pytest.raises(vips.VipsError):
        write(blurred)
    before = len(asked)
    with deadline.watching(lambda: bool(asked.append(1))):
        write(vips.applied(vips.opened(data, is_jpeg=True), [streaming.Blur(20.0)]))
    assert len(asked) - before > 20


def test_pillow_does_not_begin_again_what_libvips_was_stopped_at(monkeypatch):
    monkeypatch.setattr(streaming, "_WORTH", 1)
    assert ended(encoded(NOISE), parse("imageMogr2/blur/50x30"), 4) == -901


def test_only_the_thread_that_is_watched_ends():
    with deadline.watching(lambda: True):
        found = []
        other = threading.Thread(
            target=lambda: found.append(process(encoded(NOISE), parse("imageMogr2/blur/3x1")))
        )
        other.start()
        other.join()
    assert found[0].width == 900
    assert process(encoded(NOISE), parse("imageMogr2/blur/3x1")).width == 900


def test_a_chain_of_operations_becomes_no_chain_of_buffers():
    steps, rest = streaming.planned(opened(encoded(NOISE)), MANY_BLURS, 1, LIMITS)
    assert len(steps) == 8
    assert len(rest.stages[0].operations) == 492


STILL, MOVING = [Frame(NOISE)], [Frame(NOISE, 40), Frame(NOISE.rotate(180), 70)]
ALPHA = [Frame(NOISE.convert("RGBA").rotate(30))]
EXIF = Image.Exif()
EXIF[0x010F] = "Camera"


@pytest.mark.parametrize(
    ("frames", "encoding"),
    [
        (STILL, Encoding("avif", 60)),
        (ALPHA, Encoding("avif", 60)),
        (STILL, Encoding("heif", 60)),
        (ALPHA, Encoding("webp", 60)),
        (MOVING, Encoding("webp", 60)),
        (MOVING, Encoding("gif", 100)),
        ([Frame(NOISE.resize((160, 120)))], Encoding("jpg", 60, slow=True)),
        ([Frame(opened(encoded(NOISE, icc_profile=b"mine")))], Encoding("webp", 60)),
    ],
)
def test_a_process_of_its_own_writes_the_same_file(monkeypatch, frames, encoding):
    encode.prepare(encoding.format)
    here = encode.encode(frames, encoding, EXIF, 3)
    monkeypatch.setattr(apart, "_WORTH_SECONDS", 0)
    there = encode.encode(frames, encoding, EXIF, 3)
    assert there == here


def test_what_takes_long_is_encoded_apart(monkeypatch):
    large, small = ([Frame(Image.new("L", size))] for size in ((4000, 3000), (300, 200)))
    assert all(apart.is_worth(large, Encoding(name, 80)) for name in ("avif", "heif"))
    assert apart.is_worth(large, Encoding("jpg", 80, slow=True))
    assert apart.is_worth(large * 2, Encoding("webp", 80))
    assert not any(apart.is_worth(large, Encoding(name, 80)) for name in ("jpg", "png", "bmp"))
    assert not any(apart.is_worth(small, Encoding(name, 80)) for name in ("avif", "webp", "gif"))


@pytest.fixture
def workers(monkeypatch):
    """The processes that were started."""
    started, popen = [], apart.subprocess.Popen
    monkeypatch.setattr(
        apart.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1]
    )
    return started


def test_an_encoder_is_ended_with_its_job(workers):
    # Twelve megapixels of noise take AVIF a quarter of a minute.
    noise = [Frame(NOISE.resize((4000, 3000), Image.Resampling.NEAREST))]
    with deadline.watching(lambda: bool(workers)), pytest.raises(ImageError) as caught:
        encode.encode(noise, Encoding("avif", 80), None, None)
    assert caught.value.number == -901
    assert [worker.returncode for worker in workers] == [-9]


def test_what_an_encoder_refuses_is_told(monkeypatch, workers):
    monkeypatch.setattr(apart, "_WORTH_SECONDS", 0)
    with pytest.raises(ImageError) as caught:
        apart.encode([Frame(Image.new("RGB", (70_000, 1)))], Encoding("gif", 80), b"", None)
    assert caught.value.number == -443
    assert "gif cannot hold" in caught.value.message
    assert len(workers) == 1

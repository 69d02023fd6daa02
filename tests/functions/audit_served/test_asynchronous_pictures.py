"""Large pictures and long animations: judged as jobs, finished by CI's callback."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.localcloud.detectors import samples

MIB = 1 << 20
CODE = samples.qr


def noise(mark=None):
    """A picture of noise with a part of it replaced: few pixels, above 5 MiB."""
    pixels = np.random.default_rng(1).integers(0, 256, (1370, 1370, 3), np.uint8)
    image = Image.fromarray(pixels)
    if mark is not None:
        image.paste(mark, (100, 100))
    return image


def png(mark=None):
    body = samples.encoded(noise(mark), compress_level=1)
    assert 5 * MIB < len(body) < 32 * MIB
    return body


def animation(bad_frame=None):
    """13 frames; a QR code is on one of them."""
    frames = [samples.page(f"frame {number}", size=(240, 240)) for number in range(13)]
    if bad_frame is not None:
        frames[bad_frame] = samples.qr("https://shop.example/")
    return samples.animation(frames)


def finished_by_the_callback(served, key):
    """Whether CI's own call brought the verdict, and the picture was a job."""
    [(job, claim)] = served.jobs(key)
    record = served.record(key)
    assert record["audit"]["verdict"]["job_id"] == job
    assert record["audit"]["by"] == "callback"
    [woken] = served.lines("callback", outcome="submitted", claims=[claim])
    return bool(woken["invoked"])


def test_a_large_picture_with_an_advertisement_is_put_away(served):
    key, body = "uploads/ads/large.png", png(samples.page("free gift card", size=(400, 120)))
    audit = served.judged(key, body)
    [label] = audit["verdict"]["labels"]
    assert (audit["verdict"]["result"], label["scene"]) == ("block", "Ads")
    assert finished_by_the_callback(served, key)
    assert not served.exists(key)
    kept = served.read(served.manifest(key)["place"]["key"])
    assert kept == body


def test_a_large_picture_of_the_other_format_with_a_code_is_made_private(served):
    file = io.BytesIO()
    noise(CODE("https://shop.example/")).save(file, "JPEG", quality=100, subsampling=0)
    assert len(file.getvalue()) > 5 * MIB
    key = "uploads/ads/large.jpg"
    audit = served.judged(key, file.getvalue(), ACL="public-read")
    assert audit["verdict"]["result"] == "review"
    assert finished_by_the_callback(served, key)
    assert served.acl(key) == "private"
    assert served.tags(key) == {"audit": "review"}


def test_a_large_picture_without_anything_passes(served):
    key = "uploads/ads/plain.png"
    audit = served.judged(key, png(), ACL="public-read")
    assert audit["verdict"]["result"] == "pass"
    assert finished_by_the_callback(served, key)
    assert served.acl(key) == "public-read"
    assert served.tags(key) == {"audit": "pass"}


@pytest.mark.parametrize("mark", [None, "free gift card"])
def test_where_large_pictures_are_not_asked_for_they_are_for_review(served, mark):
    key = f"uploads/small/{bool(mark)}.png"
    body = png(samples.page(mark, size=(400, 120)) if mark else None)
    audit = served.judged(key, body)
    assert audit["verdict"]["result"] == "review"
    assert audit["verdict"]["reason"] == f"{len(body)} bytes, and large_image is false"
    assert served.jobs(key) == []
    assert served.acl(key) == "private"


@pytest.mark.parametrize(("bad_frame", "result"), [(None, "pass"), (11, "review")])
def test_a_late_frame_of_a_long_animation_counts(served, bad_frame, result):
    key = f"uploads/frames/{result}.gif"
    audit = served.judged(key, animation(bad_frame))
    assert audit["verdict"]["result"] == result
    assert audit["asked"][0]["max_frames"] == 20
    assert finished_by_the_callback(served, key)
    assert served.tags(key) == {"audit": result}


def test_without_more_frames_the_late_one_is_not_looked_at(served):
    """So that the test above is about the frames that were asked for."""
    key = "uploads/ads/default.gif"
    assert served.judged(key, animation(11))["verdict"]["result"] == "pass"
    assert served.jobs(key) == []

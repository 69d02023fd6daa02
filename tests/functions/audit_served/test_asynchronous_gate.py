"""A gate whose audit is a job: nobody else has the upload before its verdict, and then once."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.functions.audit_served.conftest import at_once, wait
from tests.functions.conftest import photo
from tests.localcloud.detectors import samples


def large(text=None):
    pixels = np.random.default_rng(3).integers(0, 256, (1370, 1370, 3), np.uint8)
    image = Image.fromarray(pixels)
    if text:
        image.paste(samples.page(text, size=(400, 120)), (100, 100))
    return samples.encoded(image, compress_level=1)


def variant(key):
    return f"out/{key}.jpg"


def steps(served, key):
    """The functions that had the upload, in the order in which they came to their end; but for
    who only handed it on, or asked too early."""
    found = [(line["function"], line["outcome"]) for line in served.lines(key=key)]
    return [step for step in found if step[0] != "dispatch" and step != ("callback", "submitted")]


def waiting(served, key, body, kind):
    """An upload whose job has ended and of which no callback comes; the job's id."""
    served.upload(key, body)
    job = served.ended(kind, key)
    served.settled()
    assert steps(served, key) == [("audit", "submitted")]
    assert not served.exists(variant(key))
    assert not served.has_record(key)
    return job


def test_a_large_picture_has_its_variants_after_the_callback(served):
    key = "uploads/told/large.png"
    assert served.judged(key, large())["verdict"]["result"] == "pass"
    served.settled()
    assert steps(served, key) == [("audit", "submitted"), ("callback", "done"), ("image", "done")]
    assert Image.open(io.BytesIO(served.read(variant(key)))).size == (685, 685)


def test_a_large_picture_that_is_blocked_never_has_any(served):
    key = "uploads/told/large-ad.png"
    assert served.judged(key, large("free gift card"))["verdict"]["result"] == "block"
    served.settled()
    assert steps(served, key) == [("audit", "submitted"), ("callback", "done")]
    assert not served.exists(variant(key))
    assert not served.exists(key)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_without_a_verdict_nothing_runs_and_with_a_pass_everything_once(served, kind):
    """The callback comes four times, with the sweep and a repeated event beside it."""
    key = f"uploads/unheard/good-{kind}.{'png' if kind == 'image' else 'mp4'}"
    body = large() if kind == "image" else photo()
    job = waiting(served, key, body, kind)
    told = {"JobsDetail": {"JobId": job, "State": "Success", "Result": 0}}
    answers = at_once(*[lambda: served.post(told)] * 4, served.sweep, served.sweep)
    assert answers[:4] == [200] * 4
    audit = served.record(key)["audit"]
    assert (audit["verdict"]["result"], audit["by"]) == ("pass", "callback")
    served.settled()
    found = steps(served, key)
    assert found.count(("callback", "done")) == 1
    assert found.count(("image", "done")) == 1
    assert found.index(("callback", "done")) < found.index(("image", "done"))
    assert Image.open(io.BytesIO(served.read(variant(key)))).size in ((685, 685), (30, 20))
    # And afterwards: nothing is done again.
    before = served.read(f"records/unheard/{key}.json")
    assert at_once(*[lambda: served.post(told)] * 2, served.sweep)[:2] == [200] * 2
    served.settled()
    found = steps(served, key)
    assert (found.count(("callback", "done")), found.count(("image", "done"))) == (1, 1)
    assert served.read(f"records/unheard/{key}.json") == before


@pytest.mark.parametrize("by", ["callback", "sweep"])
def test_of_a_blocked_video_nothing_ever_runs(served, by):
    key = f"uploads/unheard/bad-by-{by}.mp4"
    job = waiting(served, key, b"film", "video")
    if by == "sweep":
        served.sweep()
    else:
        # It lies.
        told = {"JobsDetail": {"JobId": job, "State": "Success", "Result": 0}}
        assert at_once(*[lambda: served.post(told)] * 3) == [200] * 3
    assert served.record(key)["audit"]["verdict"]["result"] == "block"
    assert steps(served, key).count(("callback", "done")) == 1
    assert not any(function == "image" for function, _ in steps(served, key))
    assert served.manifest(key)["verdict"]["result"] == "block"
    assert not served.exists(variant(key))


def test_the_event_that_comes_again_opens_no_gate(served):
    """While the job is not finished by anybody, however often the upload is told of."""
    key = "uploads/unheard/good-twice.mp4"
    with served.faults(f"PutObject=event-twice,prefix={key}"):
        job = waiting_twice(served, key)
    assert [job] == [id for id, _ in served.jobs(key)]
    assert not served.exists(variant(key))
    assert served.post({"JobsDetail": {"JobId": job}}) == 200
    wait(lambda: served.exists(variant(key)))
    served.settled()
    assert steps(served, key).count(("image", "done")) == 1
    assert json.loads(served.read(f"records/unheard/{key}.json"))["outcome"] == "done"


def waiting_twice(served, key):
    served.upload(key, photo())
    job = served.ended("video", key)
    served.settled()
    assert sorted(steps(served, key)) == [("audit", "skipped"), ("audit", "submitted")]
    return job


def test_what_a_person_brings_back_goes_through_the_gate(served, restore):
    key = "uploads/unheard/bad-restored.mp4"
    body = photo()
    served.upload(key, body)
    job = served.ended("video", key)
    served.settled()
    assert served.post({"JobsDetail": {"JobId": job}}) == 200
    assert served.record(key)["audit"]["verdict"]["result"] == "block"
    assert restore(served.manifest(key)["id"])[0] == 0
    wait(lambda: served.exists(variant(key)))
    served.settled()
    assert steps(served, key).count(("image", "done")) == 1
    assert served.record(key)["audit"]["verdict"]["provider"] == "person"
    assert served.read(key) == body

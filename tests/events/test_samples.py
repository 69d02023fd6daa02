"""Every file of events/: what is read from it, or why it is refused. A file without a row fails."""

import json
import re
from pathlib import Path

import pytest

from shared.events import EventError, parse

EVENTS = Path(__file__).parents[2] / "events"
BUCKET = ("examplebucket-1250000000", "ap-guangzhou")
OTHER = ("testpic-1253970026", "ap-chengdu")
ROCKET = "uploads/rocket-on-pad.jpg"
PUT = "cos:ObjectCreated:Put"

# file -> (bucket, region), event name, [(key, size)]
UPLOADS = {
    "cos-put": (BUCKET, PUT, [(ROCKET, 47185)]),
    "cos-post": (BUCKET, "cos:ObjectCreated:Post", [("uploads/astronaut-portrait.jpg", 49925)]),
    "cos-multipart": (
        BUCKET,
        "cos:ObjectCreated:CompleteMultipartUpload",
        [("uploads/hubble-zoom.gif", 216910)],
    ),
    "cos-copy": (BUCKET, "cos:ObjectCreated:Copy", [("uploads/coffee-cutout.png", 218827)]),
    "cos-append": (BUCKET, "cos:ObjectCreated:Append", [("uploads/visits.log", 512)]),
    "cos-several-records": (
        BUCKET,
        PUT,
        [
            (ROCKET, 47185),
            ("uploads/astronaut-portrait.jpg", 47185),
            ("uploads/切尔西 猫.webp", 47185),
        ],
    ),
    "cos-delete": (BUCKET, "cos:ObjectRemove:Delete", [(ROCKET, 47185)]),
    "cos-restore": (BUCKET, "cos:ObjectRestore:Completed", [(ROCKET, 47185)]),
    "cos-any-created": (BUCKET, "cos:ObjectCreated:*", [(ROCKET, 47185)]),
    "cos-chinese-key": (BUCKET, PUT, [("uploads/切尔西 猫.webp", 17524)]),
    "cos-percent-encoded-key": (OTHER, PUT, [("uploads/切尔西 猫.webp", 17524)]),
    "cos-percent-in-key": (BUCKET, PUT, [("uploads/50%25 off.jpg", 47185)]),
    "cos-odd-key": (BUCKET, PUT, [("uploads/a + b 100% #1?x=1&y 😀.jpg", 47185)]),
    "cos-newline-key": (BUCKET, PUT, [("uploads/two\nlines.jpg", 47185)]),
    "cos-empty-key": (BUCKET, PUT, [(ROCKET, 47185)]),
    "cos-short-region": (OTHER, PUT, [(ROCKET, 47185)]),
    "cos-short-region-no-url": (BUCKET, PUT, [(ROCKET, 47185)]),
    "cos-no-meta": (BUCKET, PUT, [(ROCKET, 47185)]),
    "cos-size-as-text": (BUCKET, PUT, [(ROCKET, 47185)]),
    "cos-version": (BUCKET, PUT, [(ROCKET, 47185)]),
}
REFUSED = {
    "malformed-api-gateway": "the event has no Records",
    "malformed-event-name": r"eventName is 's3:ObjectCreated:Put'",
    "malformed-list": "the event is a list",
    "malformed-no-key": "cosObject.key is empty",
    "malformed-no-object": "cosObject is missing",
    "malformed-no-records": "the event has no Records",
    "malformed-null": "the event is a NoneType",
    "malformed-records-empty": "the event has no Records",
    "malformed-region": "region is 'nowhere'",
    "malformed-second-record": re.escape("Records[1].cos is missing"),
    "malformed-size": "size is 'many'",
}
NOT_JSON = {"malformed-not-json"}


def read(name):
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def test_every_file_has_its_row():
    found = {path.stem for path in EVENTS.glob("*.json")}
    assert found == UPLOADS.keys() | REFUSED.keys() | NOT_JSON


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_are_read_from(name):
    (bucket, region), event_name, objects = UPLOADS[name]
    uploads = parse(read(name))
    assert [(upload.key, upload.size) for upload in uploads] == objects
    assert {(upload.bucket, upload.region) for upload in uploads} == {(bucket, region)}
    assert {upload.event_name for upload in uploads} == {event_name}


def test_what_only_some_events_say():
    [plain], [bare], [versioned] = map(parse, map(read, ("cos-put", "cos-no-meta", "cos-version")))
    assert (plain.content_type, bool(plain.request_id)) == ("image/jpeg", True)
    assert (bare.content_type, bare.request_id) == ("", "")
    assert versioned.version_id == "MTg0NDUxODI3MzI0MjQyMjQ0OTk"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named_in(name):
    with pytest.raises(EventError, match=REFUSED[name]):
        parse(read(name))


@pytest.mark.parametrize("name", NOT_JSON)
def test_no_json_at_all_in(name):
    with pytest.raises(json.JSONDecodeError):
        read(name)


@pytest.mark.parametrize("name", ["cos-put", "cos-post", "cos-multipart", "cos-copy"])
def test_the_object_of_a_sample_is_there_to_be_uploaded(name):
    [(key, size)] = UPLOADS[name][2]
    assert (EVENTS / "objects" / key.rpartition("/")[2]).stat().st_size == size

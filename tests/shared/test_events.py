"""Events as they really come."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import events
from shared.events import EventError, Upload, document, parse

EVENT = {
    "Records": [
        {
            "cos": {
                "cosSchemaVersion": "1.0",
                "cosObject": {
                    "url": "http://testpic-1253970026.cos.ap-chengdu.myqcloud.com/testfile",
                    "meta": {
                        "x-cos-request-id": "NWMxOWY4M18",
                        "Content-Type": "image/jpeg",
                        "x-cos-meta-mykey": "myvalue",
                    },
                    "vid": "",
                    "key": "/1253970026/testpic/testfile",
                    "size": 1029,
                },
                "cosBucket": {"region": "cd", "name": "testpic", "appid": "1253970026"},
                "cosNotificationId": "unkown",
            },
            "event": {
                "eventName": "cos:ObjectCreated:*",
                "eventVersion": "1.0",
                "eventTime": 1545205770,
            },
        }
    ]
}


def event(**changes):
    """The documented event with changes: `object_key=...` sets cos.cosObject.key, and so on."""
    document = copy.deepcopy(EVENT)
    record = document["Records"][0]
    places = {
        "object": record["cos"]["cosObject"],
        "bucket": record["cos"]["cosBucket"],
        "event": record["event"],
    }
    for name, value in changes.items():
        place, _, field = name.partition("_")
        if value is None:
            places[place].pop(field, None)
        else:
            places[place][field] = value
    return document


def test_the_documented_event():
    assert parse(EVENT) == [
        Upload(
            bucket="testpic-1253970026",
            region="ap-chengdu",
            key="testfile",
            size=1029,
            event_name="cos:ObjectCreated:*",
            event_time=1545205770,
            request_id="NWMxOWY4M18",
            content_type="image/jpeg",
            meta=(("mykey", "myvalue"),),
        )
    ]


@pytest.mark.parametrize(
    ("parameters", "address"),
    [
        ({"requestSourceIP": "192.168.15.101"}, "192.168.15.101"),
        ({"requestSourceIP": 7}, ""),
        ({}, ""),
        ("none", ""),
    ],
)
def test_the_uploaders_address_and_nothing_of_its_signature(parameters, address):
    event = copy.deepcopy(EVENT)
    event["Records"][0]["event"]["requestParameters"] = parameters
    if isinstance(parameters, dict):
        parameters["requestHeaders"] = {"Authorization": "q-signature=secret"}
    [upload] = parse(event)
    assert upload.source_ip == address
    assert "secret" not in repr(upload)


def url(path):
    return f"http://testpic-1253970026.cos.ap-chengdu.myqcloud.com/{path}"


KEYS = [
    # key in the event, path in url, the object's key
    ("/1253970026/testpic/a/b.jpg", "a/b.jpg", "a/b.jpg"),
    ("%2F1253970026%2Ftestpic%2Fa%2Fb.jpg", "a/b.jpg", "a/b.jpg"),
    ("/1253970026/testpic/a%20b.jpg", "a%20b.jpg", "a b.jpg"),
    ("/1253970026/testpic/a b.jpg", "a%20b.jpg", "a b.jpg"),
    ("/1253970026/testpic/100%25.jpg", "100%2525.jpg", "100%25.jpg"),
    ("/1253970026/testpic/100%25.jpg", "100%25.jpg", "100%.jpg"),
    ("", "%E4%BA%91/%E5%9B%BE.jpg", "云/图.jpg"),
    ("/1253970026/testpic/云/图.jpg", "%E4%BA%91/%E5%9B%BE.jpg", "云/图.jpg"),
    ("/1253970026/testpic/a+b.jpg", "a%2Bb.jpg", "a+b.jpg"),
    ("/1253970026/testpic/a+b.jpg", "a+b.jpg", "a+b.jpg"),
    ("/1253970026/testpic/what?#.jpg", "what?#.jpg", "what?#.jpg"),
    ("/1253970026/testpic/what?#.jpg", "what%3F%23.jpg", "what?#.jpg"),
    ("/1253970026/testpic/😀.jpg", "%F0%9F%98%80.jpg", "😀.jpg"),
    ("/1253970026/testpic/a\nb.jpg", "a%0Ab.jpg", "a\nb.jpg"),
    ("/1253970026/testpic//lead.jpg", "/lead.jpg", "/lead.jpg"),
    ("/1253970026/testpic/a/../b.jpg", "a/../b.jpg", "a/../b.jpg"),
    ("/1253970026/testpic-1253970026/x.jpg", "x.jpg", "x.jpg"),
    ("/1253970026/testpic/a%2Fb.jpg", "a%252Fb.jpg", "a%2Fb.jpg"),
]


@pytest.mark.parametrize(("key", "path", "expected"), KEYS)
def test_keys(key, path, expected):
    [upload] = parse(event(object_key=key, object_url=url(path)))
    assert upload.key == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [("/1253970026/testpic/a%20b", "a%20b"), ("%2F1253970026%2Ftestpic%2Fa%20b", "a b")],
)
def test_without_a_url_the_key_stands_alone(key, expected):
    assert parse(event(object_key=key, object_url=None))[0].key == expected


@pytest.mark.parametrize(
    ("changes", "bucket", "region"),
    [
        ({}, "testpic-1253970026", "ap-chengdu"),
        ({"object_url": None}, "testpic-1253970026", "ap-chengdu"),
        ({"object_url": None, "bucket_region": "gz"}, "testpic-1253970026", "ap-guangzhou"),
        ({"object_url": None, "bucket_region": "sh"}, "testpic-1253970026", "ap-shanghai"),
        ({"object_url": None, "bucket_region": "bj"}, "testpic-1253970026", "ap-beijing"),
        ({"object_url": None, "bucket_region": "ap-tokyo"}, "testpic-1253970026", "ap-tokyo"),
        ({"bucket_region": "gz"}, "testpic-1253970026", "ap-chengdu"),
        ({"bucket_name": "testpic-1253970026", "object_url": None}, "testpic-1253970026",
         "ap-chengdu"),
    ],
)  # fmt: skip
def test_bucket_and_region(changes, bucket, region):
    [upload] = parse(event(**changes))
    assert (upload.bucket, upload.region) == (bucket, region)


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"object_size": "1029"}, "size", 1029),
        ({"object_size": None}, "size", None),
        ({"object_meta": None}, "request_id", ""),
        ({"object_meta": "none"}, "content_type", ""),
        ({"object_vid": "MTg0"}, "version_id", "MTg0"),
        ({"event_eventTime": "1545205770"}, "event_time", 1545205770),
        ({"event_eventName": "cos:ObjectRemove:Delete"}, "created", False),
        ({"event_eventName": "cos:ObjectCreated:Put"}, "created", True),
    ],
)
def test_optional_fields(changes, attribute, value):
    assert getattr(parse(event(**changes))[0], attribute) == value


def test_several_records_keep_their_order():
    document = event()
    document["Records"] += event(object_key="/1253970026/testpic/b", object_url=url("b"))["Records"]
    assert [upload.key for upload in parse(document)] == ["testfile", "b"]


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (None, "NoneType"),
        ([], "list"),
        ("text", "str"),
        ({}, "Records"),
        ({"Records": []}, "Records"),
        ({"Records": [1]}, "Records[0].cos"),
        ({"Records": [{}]}, "Records[0].cos"),
        ({"Records": [{"cos": {}}]}, "cosObject"),
        ({"Records": [{}] * 1001}, "1000"),
        ({"requestContext": {}, "body": ""}, "body, requestContext"),
        (event(object_size="big"), "cosObject.size"),
        (event(object_size=-1), "negative"),
        (event(object_size=True), "cosObject.size"),
        (event(object_size="9" * 5000), "cosObject.size"),
        (event(object_key="", object_url=None), "cosObject.key"),
        (event(object_key="/1253970026/testpic/" + "x" * 851, object_url=None), "850"),
        (event(event_eventName="s3:ObjectCreated:Put"), "eventName"),
        (event(event_eventName=None), "eventName"),
        (event(event_eventTime="yesterday"), "eventTime"),
        (event(object_url=None, bucket_region="moon"), "cosBucket.region"),
        (event(object_url=None, bucket_name="../etc"), "cosBucket.name"),
        (event(object_url=None, bucket_appid=None), "cosBucket.appid"),
        (event(object_url=None, bucket_appid="12x"), "cosBucket.appid"),
    ],
)
def test_what_is_no_cos_event(document, named):
    with pytest.raises(EventError, match=r"expected|allowed|required|negative|longer") as caught:
        parse(document)
    assert named in str(caught.value)


def test_a_foreign_host_names_no_bucket():
    [upload] = parse(event(object_url="http://evil.example/testfile"))
    assert upload.bucket == "testpic-1253970026"


@given(
    upload=st.builds(
        Upload,
        bucket=st.just("my-photos-1250000000"),
        region=st.just("ap-guangzhou"),
        key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
            lambda key: not key.startswith("/")
        ),
        size=st.none() | st.integers(0, 2**40),
        event_name=st.sampled_from(["cos:ObjectCreated:Put", "cos:ObjectCreated:*"]),
        event_time=st.integers(0, 2**33),
        version_id=st.sampled_from(["", "MTg0"]),
        request_id=st.sampled_from(["", "NWMx="]),
        content_type=st.sampled_from(["", "image/jpeg"]),
        source_ip=st.sampled_from(["", "10.0.0.1"]),
        meta=st.sampled_from([(), (("user", "图"),)]),
    )
)
def test_a_document_is_read_back_as_the_upload_that_it_was_made_of(upload):
    assert parse(json.loads(json.dumps(document(upload)))) == [upload]


def test_a_step_of_a_listing_is_for_its_pipeline_alone():
    told = Upload("b-1250000000", "ap-guangzhou", "k", 5, request_id="r1")
    assert events.step_document(told, "photos") == events.document(told)
    for start in (events.LISTED, events.FORCED):
        found = replace(told, request_id=f"{start}1-etag")
        document = events.step_document(found, "photos")
        assert document == {**events.document(found), "pipelines": ["photos"]}
        assert events.parse(document) == [found]

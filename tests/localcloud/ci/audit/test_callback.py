"""Callbacks: what is posted, in which form, how often, and to whom never."""

import json
import time

import pytest
from defusedxml.ElementTree import fromstring

SHOTS = "<Snapshot><Count>1</Count></Snapshot>"
META = {"x-cos-meta-id": "666666"}


def submit(bucket, path, key, url, conf=""):
    body = f"<Object>{key}</Object><DataId>d</DataId>"
    return bucket.submit(
        path,
        f"<Input>{body}</Input><Conf>{SHOTS}{conf}<Callback>{url}</Callback></Conf>",
    ).findtext("JobId")


@pytest.fixture
def bad(audited):
    audited.client.put_object(
        Bucket=audited.name, Key="bad/a.mp4", Body=b"x", Metadata={"x-cos-meta-id": "666666"}
    )
    return "bad/a.mp4"


@pytest.mark.parametrize(
    ("path", "event", "porn"),
    [
        ("video/auditing", "ReviewVideo", {"hit_flag": 1, "label": "", "count": 1}),
        ("audio/auditing", "ReviewAudio", {"hit_flag": 1, "label": "", "score": 97}),
        ("text/auditing", "ReviewText", {"hit_flag": 1, "label": "", "count": 1}),
    ],
)
def test_the_simple_form(audited, bad, listener, path, event, porn):
    job_id = submit(audited, path, bad, f"{listener.url}/hook?token=1")
    call = listener.next()
    assert call.path == "/hook?token=1"
    assert call.headers["Content-Type"] == "application/json"
    assert call.headers["X-Ci-Content-Version"] == "Simple"
    told = json.loads(call.body)
    assert (told["code"], told["message"]) == (0, "success")
    data = told["data"]
    assert data["porn_info"] == porn
    scenes = ("porn_info", "ads_info", "illegal_info", "abuse_info")
    assert {name: value for name, value in data.items() if name not in scenes} == {
        "trace_id": job_id, "url": audited.address(bad), "event": event, "result": 1,
        "forbidden_status": 0, "cos_headers": META, "data_id": "d",
    }  # fmt: skip


def test_the_detailed_form(audited, bad, listener):
    conf = "<CallbackVersion>Detail</CallbackVersion><Freeze><PornScore>1</PornScore></Freeze>"
    job_id = submit(audited, "video/auditing", bad, listener.url, conf)
    call = listener.next()
    assert call.headers["X-Ci-Content-Version"] == "Detail"
    told = json.loads(call.body)
    assert told["EventName"] == "ReviewVideo"
    details = told["JobsDetail"]
    expected = {
        "JobId": job_id, "State": "Success", "Object": bad, "DataId": "d", "BucketId": audited.name,
        "Region": audited.cloud.region, "ForbidState": 1, "CosHeaders": META, "SnapshotCount": 1,
        "Label": "Porn", "Result": 1,
    }  # fmt: skip
    assert {name: details[name] for name in expected} == expected
    assert details["PornInfo"]["HitFlag"] == 1
    assert details["Snapshot"][0]["PornInfo"]["Score"] == 97
    assert details["Snapshot"][0]["PornInfo"]["Keywords"] == ["one", "two"]


@pytest.mark.parametrize(
    ("path", "event"),
    [("document/auditing", "ReviewDocument"), ("virus/detect", "ReviewVirus")],
)
def test_kinds_with_one_form_name_no_version(audited, listener, path, event):
    audited.put("clean/a.pdf")
    submit(audited, path, "clean/a.pdf", listener.url)
    call = listener.next()
    assert "X-Ci-Content-Version" not in call.headers
    told = json.loads(call.body)
    assert told["EventName"] == event
    assert told["JobsDetail"]["Suggestion"] in (0, "normal")


def test_type_2_leaves_out_what_is_normal(audited, listener):
    pieces = {}
    for kind in (1, 2):
        audited.put("clean/a.mp4")
        conf = f"<CallbackVersion>Detail</CallbackVersion><CallbackType>{kind}</CallbackType>"
        submit(audited, "video/auditing", "clean/a.mp4", listener.url, conf)
        pieces[kind] = len(json.loads(listener.next().body)["JobsDetail"].get("Snapshot", []))
    assert pieces == {1: 1, 2: 0}


def test_xml_where_it_is_asked_for(audited, bad, listener):
    conf = "<CallbackVersion>Detail</CallbackVersion><CallBackFormat>XML</CallBackFormat>"
    job_id = submit(audited, "audio/auditing", bad, listener.url, conf)
    call = listener.next()
    assert call.headers["Content-Type"] == "application/xml"
    root = fromstring(call.body)
    assert (root.tag, root.findtext("EventName")) == ("Response", "ReviewAudio")
    assert root.findtext("JobsDetail/JobId") == job_id
    assert root.findtext("JobsDetail/CosHeaders/x-cos-meta-id") == "666666"


def test_a_failure_is_told_with_its_number(audited, listener):
    job_id = submit(audited, "text/auditing", "missing", listener.url)
    told = json.loads(listener.next().body)
    assert told["code"] == -61011
    assert told["message"]
    assert "result" not in told["data"]
    assert told["data"]["trace_id"] == job_id


def test_it_is_tried_again_until_taken(audited, bad, listener):
    listener.statuses = [500, 302]
    submit(audited, "audio/auditing", bad, listener.url)
    bodies = [listener.next().body for _ in range(3)]
    assert len(set(bodies)) == 1
    assert listener.calls.empty()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "http://169.254.169.254/",
        "http://[::ffff:10.0.0.1]/",
        "http://127.0.0.1.example.com/",
        "http://0x7f000001/",
    ],
)
def test_other_machines_are_never_called(audited, bad, url):
    job_id = submit(audited, "audio/auditing", bad, url)
    assert audited.finished("audio/auditing", job_id).findtext("State") == "Success"
    end = time.monotonic() + 10
    while job_id not in audited.cloud.log.read_text() and time.monotonic() < end:
        time.sleep(0.02)
    (line,) = [row for row in audited.cloud.log.read_text().splitlines() if job_id in row]
    assert "is not sent: only loopback addresses are called" in line


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "javascript:1", "http://", "/hook"])
def test_what_is_no_address_is_refused(audited, url):
    answer = audited.ci(
        "POST", "audio/auditing",
        f"<Request><Input><Object>a</Object></Input><Conf><Callback>{url}</Callback></Conf></Request>",
    )  # fmt: skip
    assert answer.status == 400
    assert b"Param Callback is illegal" in answer.body

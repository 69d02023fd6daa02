"""Bodies of callbacks: every form that CI writes, and what others may post."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "functions" / "callback"))
from callback_notice import MAX_JOBS, Notice, NoticeError, read

BUCKET = "examplebucket-1250000000"
DETAIL = {"JobId": "av1", "State": "Success", "BucketId": BUCKET}
SIMPLE = {"code": 0, "message": "success", "data": {
    "trace_id": "st1", "event": "ReviewText", "result": 0,
    "url": f"http://{BUCKET}.cos.ap-guangzhou.myqcloud.com/a.txt"}}  # fmt: skip


@pytest.mark.parametrize(
    ("document", "jobs", "bucket"),
    [
        ({"EventName": "ReviewVideo", "JobsDetail": DETAIL}, ("av1",), BUCKET),
        ({"EventName": "TaskFinish", "JobsDetail": [DETAIL]}, ("av1",), BUCKET),
        ({"Response": {"EventName": "TaskFinish", "JobsDetail": DETAIL}}, ("av1",), BUCKET),
        ({"JobsDetail": {"JobId": "j1", "Input": {"BucketId": BUCKET}}}, ("j1",), BUCKET),
        (SIMPLE, ("st1",), BUCKET),
        ({**SIMPLE, "data": {"trace_id": "st1", "url": None}}, ("st1",), ""),
        ({**SIMPLE, "data": {"trace_id": "st1", "url": "http://other.example/a"}}, ("st1",), ""),
        (
            {"EventName": "WorkflowFinish", "WorkflowExecution": {
                "RunId": "r1", "BucketId": BUCKET, "Tasks": [{"JobId": "j1"}, {"JobId": "j2"}]}},
            ("r1", "j1", "j2"),
            BUCKET,
        ),
        ({"code": 0, "message": "Test request when setting callback url"}, (), ""),
    ],
)  # fmt: skip
def test_json(document, jobs, bucket):
    assert read(json.dumps(document).encode()) == Notice(jobs, bucket)
    assert read(b"\xef\xbb\xbf \n" + json.dumps(document).encode()) == Notice(jobs, bucket)


@pytest.mark.parametrize(
    ("inner", "jobs", "bucket"),
    [
        (f"<JobsDetail><JobId>av1</JobId><BucketId>{BUCKET}</BucketId></JobsDetail>",
         ("av1",), BUCKET),
        ("<JobsDetail><JobId>a1</JobId></JobsDetail><JobsDetail><JobId>a2</JobId></JobsDetail>",
         ("a1", "a2"), ""),
        ("<WorkflowExecution><RunId>r1</RunId><Tasks><JobId>j1</JobId></Tasks>"
         "<Tasks><JobId>j2</JobId></Tasks></WorkflowExecution>", ("r1", "j1", "j2"), ""),
        ("<data><trace_id><![CDATA[st1]]></trace_id></data>", ("st1",), ""),
        ("<JobsDetail><Input><JobId>not-this</JobId></Input></JobsDetail>", (), ""),
    ],
)  # fmt: skip
def test_xml(inner, jobs, bucket):
    text = f"<Response><EventName>TaskFinish</EventName>{inner}</Response>"
    assert read(text.encode()) == Notice(jobs, bucket)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    assert read((head + text).encode()) == Notice(jobs, bucket)


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<Response><JobsDetail><JobId>&b;</JobId></JobsDetail></Response>"
)
OUTSIDE = (
    '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    "<Response><JobsDetail><JobId>&a;</JobId></JobsDetail></Response>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"   ", b"null", b"[]", b'"av1"', b"{", b"{]", b"<", b"<a>", b"<a></b>", b"\x00\xff",
        b"<Response>&undefined;</Response>", LAUGHS.encode(), OUTSIDE.encode(),
        LAUGHS.encode("utf-16"), b"{" * 100_000, b'{"a":' * 100_000, b"<a>" * 100_000,
        b'{"JobsDetail": ' + b"[" * 100_000, b"\x80{}",
    ],
)  # fmt: skip
def test_what_is_no_callback(body):
    with pytest.raises(NoticeError):
        read(body)


@pytest.mark.parametrize(
    "document",
    [
        {"JobsDetail": None}, {"JobsDetail": []}, {"JobsDetail": [[DETAIL]]}, {"JobsDetail": "av1"},
        {"JobsDetail": {"JobId": {"JobId": "x"}}}, {"JobsDetail": {"JobId": "x" * 5000}},
        {"data": {"trace_id": True}}, {"Response": 1}, {},
    ],
)  # fmt: skip
def test_odd_documents_name_no_job(document):
    assert read(json.dumps(document).encode()) == Notice(())


def test_of_very_many_jobs_a_few_count():
    details = [{"JobId": f"j{number}"} for number in range(5000)]
    assert len(read(json.dumps({"JobsDetail": details}).encode()).jobs) == MAX_JOBS


def test_a_long_number_takes_no_time_and_is_no_id():
    body = b'{"JobsDetail": {"JobId": "j1", "Size": ' + b"9" * 1_000_000 + b"}}"
    assert read(body).jobs == ("j1",)

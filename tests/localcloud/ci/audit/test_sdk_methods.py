"""Every audit method of the SDK, unmodified, against the served cloud: one row each."""

import inspect
import re

import pytest
from qcloud_cos import CosS3Client
from qcloud_cos.cos_comm import CiDetectType

PORN_ADS = CiDetectType.PORN | CiDetectType.ADS


def recognize(bucket):
    bucket.put("clean/a.jpg")
    found = bucket.client.get_object_sensitive_content_recognition(
        Bucket=bucket.name, Key="clean/a.jpg", DetectType=PORN_ADS, Interval=3, MaxFrames=2,
        LargeImageDetect=1, DataId="7",
    )  # fmt: skip
    assert (found["State"], found["Result"], found["DataId"]) == ("Success", "0", "7")
    assert found["PornInfo"]["HitFlag"] == found["AdsInfo"]["HitFlag"] == "0"


def batch(bucket):
    bucket.put("bad/a.jpg")
    found = bucket.client.ci_auditing_image_batch(
        Bucket=bucket.name, Input=[{"Object": "bad/a.jpg"}, {"Object": "missing"}],
        DetectType=PORN_ADS,
    )["JobsDetail"]  # fmt: skip
    assert [(one["State"], one.get("Result")) for one in found] == [
        ("Success", "1"),
        ("Failed", None),
    ]
    return "image", found[0]["JobId"]


def image_query(bucket):
    _, job_id = batch(bucket)
    found = bucket.client.ci_auditing_image_query(Bucket=bucket.name, JobID=job_id)["JobsDetail"]
    assert (found["JobId"], found["Object"], found["Score"]) == (job_id, "bad/a.jpg", "97")


def text_submit(bucket):
    found = bucket.client.ci_auditing_text_submit(
        Bucket=bucket.name, Content=b"forbidden words", DataId="t", UserInfo={"TokenId": "u1"}
    )["JobsDetail"]
    assert (found["State"], found["Label"], found["Result"]) == ("Success", "Illegal", "2")
    assert found["UserInfo"] == {"TokenId": "u1"}
    assert found["Section"][0]["IllegalInfo"]["Keywords"] == "gun"
    return "text", found["JobId"]


def text_query(bucket):
    _, job_id = text_submit(bucket)
    found = bucket.client.ci_auditing_text_query(Bucket=bucket.name, JobID=job_id)["JobsDetail"]
    assert (found["Content"], found["DataId"]) == ("Zm9yYmlkZGVuIHdvcmRz", "t")


def submit(kind, **options):
    def call(bucket):
        method = getattr(bucket.client, f"ci_auditing_{kind}_submit")
        bucket.put("bad/file.pdf")
        found = method(Bucket=bucket.name, Key="bad/file.pdf", **options)["JobsDetail"]
        assert found["State"] == "Submitted"
        return found["JobId"]

    return call


def asked(kind, submitting, path, **expected):
    def call(bucket):
        job_id = submitting(bucket)
        bucket.finished(path, job_id)
        method = getattr(bucket.client, f"ci_auditing_{kind}_query")
        found = method(Bucket=bucket.name, JobID=job_id)["JobsDetail"]
        assert {name: found[name] for name in expected} == expected
        assert found["State"] == "Success"

    return call


def html_submit(bucket):
    bucket.client.put_object(
        Bucket=bucket.name, Key="bad/a.html", Body=b"<p>x</p>", ACL="public-read"
    )
    found = bucket.client.ci_auditing_html_submit(
        Bucket=bucket.name, Url=bucket.address("bad/a.html"), DetectType=PORN_ADS,
        ReturnHighlightHtml=True,
    )["JobsDetail"]  # fmt: skip
    assert (found["State"], found["Url"]) == ("Submitted", bucket.address("bad/a.html"))
    return found["JobId"]


def html_query(bucket):
    job_id = html_submit(bucket)
    bucket.finished("webpage/auditing", job_id)
    found = bucket.client.ci_auditing_html_query(Bucket=bucket.name, JobID=job_id)["JobsDetail"]
    # No rule knows the address, and no engine is on: not passed.
    assert (found["State"], found["Suggestion"]) == ("Success", "2")
    assert found["TextResults"]["Results"][0]["PornInfo"]["Reason"] == "no local engine"


def virus_submit(bucket):
    bucket.put("clean/infected.zip")
    found = bucket.client.ci_auditing_virus_submit(Bucket=bucket.name, Key="clean/infected.zip")
    assert found["JobsDetail"]["State"] == "Submitted"
    return found["JobsDetail"]["JobId"]


def virus_query(bucket):
    job_id = virus_submit(bucket)
    bucket.finished("virus/detect", job_id)
    found = bucket.client.ci_auditing_virus_query(Bucket=bucket.name, JobID=job_id)["JobsDetail"]
    assert found["Suggestion"] == "block"
    assert found["DetectDetail"][0]["Result"][0]["VirusName"] == "Eicar-Test-Signature"


def live_submit(bucket):
    live_cancel(bucket)


def stream(bucket):
    found = bucket.client.ci_auditing_live_video_submit(
        Bucket=bucket.name, BizType="strict", Url="rtmp://live.example/1",
        StorageConf={"Path": "live/"},
    )["JobsDetail"]  # fmt: skip
    assert found["State"] == "Submitted"
    return found["JobId"]


def live_cancel(bucket):
    job_id = stream(bucket)
    client = bucket.client
    found = client.ci_auditing_live_video_cancle(Bucket=bucket.name, JobID=job_id)["JobsDetail"]
    assert found["JobId"] == job_id
    done = bucket.finished("video/auditing", job_id)
    assert [done.findtext(name) for name in ("State", "Type", "Result")] == [
        "Success",
        "live_video",
        "1",
    ]


def report(bucket):
    found = bucket.client.ci_auditing_report_badcase(
        Bucket=bucket.name, ContentType=1, Label="Porn", SuggestedLabel="Normal", Text="5L2g",
        JobId="st1", ModerationTime="2021-08-07T12:12:12+08:00",
    )  # fmt: skip
    assert found["RequestId"]


def common_submit(bucket):
    bucket.put("doubtful/a.mp3")
    found = bucket.client.ci_auditing_submit_common(
        Bucket=bucket.name, Key="doubtful/a.mp3", DetectType=PORN_ADS, Type="audio", Conf={}
    )["JobsDetail"]
    return found["JobId"]


def common_query(bucket):
    job_id = common_submit(bucket)
    bucket.finished("audio/auditing", job_id)
    found = bucket.client.ci_auditing_query_common(Bucket=bucket.name, Type="audio", JobID=job_id)
    assert found["JobsDetail"]["Result"] == "2"


AUDIO, VIDEO, DOCUMENT = (
    submit("audio", CallbackVersion="Detail"),
    submit("video", DetectType=PORN_ADS, Count=5, Mode="Average", DetectContent=1),
    submit("document", Type="pdf"),
)
CALLS = {
    "get_object_sensitive_content_recognition": recognize,
    "ci_auditing_submit_common": common_submit,
    "ci_auditing_query_common": common_query,
    "ci_auditing_video_submit": VIDEO,
    "ci_auditing_video_query": asked("video", VIDEO, "video/auditing", Result="1", Label="Porn"),
    "ci_auditing_audio_submit": AUDIO,
    "ci_auditing_audio_query": asked("audio", AUDIO, "audio/auditing", Result="1", Label="Porn"),
    "ci_auditing_text_submit": text_submit,
    "ci_auditing_text_query": text_query,
    "ci_auditing_document_submit": DOCUMENT,
    "ci_auditing_document_query": asked(
        "document", DOCUMENT, "document/auditing", Suggestion="1", PageCount="1"
    ),
    "ci_auditing_html_submit": html_submit,
    "ci_auditing_html_query": html_query,
    "ci_auditing_image_batch": batch,
    "ci_auditing_image_query": image_query,
    "ci_auditing_live_video_submit": live_submit,
    "ci_auditing_live_video_cancle": live_cancel,
    "ci_auditing_virus_submit": virus_submit,
    "ci_auditing_virus_query": virus_query,
    "ci_auditing_report_badcase": report,
}


def test_no_method_is_left_out():
    wanted = re.compile("audit|sensitive|badcase|virus")
    methods = (name for name, _ in inspect.getmembers(CosS3Client, inspect.isfunction))
    assert {name for name in methods if wanted.search(name)} == set(CALLS)


@pytest.mark.parametrize("name", list(CALLS))
def test_a_method_gets_its_answer(audited, name):
    CALLS[name](audited)

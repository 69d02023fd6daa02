"""Compression through the service: Guetzli's switch, HEIF, SVG, TPG."""

from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosServiceError

SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><!-- note -->
  <metadata>nobody reads this</metadata>
  <rect x="5.000" y="5.000" width="10.000" height="10.000" style="fill:#ff0000"/>
</svg>"""
SCRIPT = SVG.replace(b"<metadata>", b"<script>alert(1)</script><metadata>")


def persisted(bucket, key, rule, info=0):
    _, answer = bucket.client.ci_image_process(
        Bucket=bucket.name,
        Key=key,
        PicOperations=f'{{"is_pic_info":{info},"rules":[{{"fileid":"/out","rule":"{rule}"}}]}}',
    )
    return answer


def guetzli(bucket):
    return fromstring(bucket.pic("GET", {"guetzli": ""})[1])


def test_the_switch(bucket):
    assert (guetzli(bucket).tag, guetzli(bucket).text) == ("GuetzliStatus", "off")
    for method, text in (("PUT", "on"), ("PUT", "on"), ("DELETE", "off"), ("DELETE", "off")):
        _, body = bucket.pic(method, {"guetzli": ""})
        assert body == b""
        assert guetzli(bucket).text == text


def test_while_it_is_on_jpegs_are_smaller(bucket, cloud, sample):
    bucket.put("a.jpg", sample)
    rule = "imageMogr2/thumbnail/!77p/quality/75"
    plain = bucket.processed("a.jpg", rule)
    other = bucket.processed("a.jpg", f"{rule}/format/webp")
    bucket.pic("PUT", {"guetzli": ""})
    slow = bucket.processed("a.jpg", rule)
    assert len(slow.body) < 0.9 * len(plain.body)
    assert slow.headers["ETag"] != plain.headers["ETag"]
    assert bucket.processed("a.jpg", f"{rule}/format/webp").body == other.body
    answer = persisted(bucket, "a.jpg", rule)
    assert answer["ProcessResults"]["Object"]["Size"] == str(len(slow.body))
    bucket.pic("DELETE", {"guetzli": ""})
    assert bucket.processed("a.jpg", rule).body == plain.body


def test_the_switch_is_on_the_pic_host_of_a_bound_bucket_only(bucket):
    bucket.pic("PUT", {"unbind": ""})
    with pytest.raises(CosServiceError) as caught:
        bucket.pic("PUT", {"guetzli": ""})
    assert caught.value.get_error_code() == "MediaBucketUnBinded"
    bucket.pic("PUT")
    host = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/?guetzli"
    assert bucket.request("PUT", host, {}).status in (403, 501)
    assert guetzli(bucket).text == "off"


@pytest.fixture
def sample():
    path = Path(__file__).parents[3] / "events" / "objects" / "rocket-on-pad.jpg"
    return path.read_bytes()


def test_an_svg_becomes_smaller(bucket):
    bucket.put("a.svg", SVG)
    answer = bucket.processed("a.svg", "imageMogr2/format/svgc")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert len(answer.body) < len(SVG)
    assert b"nobody" not in answer.body
    told = persisted(bucket, "a.svg", "imageMogr2/format/svgc", info=1)
    info = told["OriginalInfo"]["ImageInfo"]
    assert (info["Format"], info["Width"], info["Height"]) == ("SVG", "40", "30")
    assert "Ave" not in info
    made = told["ProcessResults"]["Object"]
    assert (made["Format"], made["Width"]) == ("svg", "40")
    assert bucket.body("out") == answer.body
    assert bucket.head("out")["Content-Type"] == "image/svg+xml"


def test_a_hostile_svg_is_refused_by_name(bucket):
    bucket.put("a.svg", SCRIPT)
    code, number, message = bucket.processed("a.svg", "imageMogr2/format/svgc").error
    assert (code, number) == ("InvalidImageFormat", "-443")
    assert "<script>" in message
    with pytest.raises(CosServiceError) as caught:
        persisted(bucket, "a.svg", "imageMogr2/format/svgc")
    assert caught.value.get_error_code() == "InvalidImageFormat"
    assert bucket.keys() == ["a.svg"]


def test_heif_and_back(bucket, open_image):
    bucket.put("a.jpg")
    persisted(bucket, "a.jpg", "imageMogr2/format/heif")
    assert bucket.head("out")["Content-Type"] == "image/heif"
    back = bucket.processed("out", "imageMogr2/format/png")
    assert open_image(back.body).size == (96, 54)


def test_tpg_is_answered_as_not_enabled(bucket):
    bucket.put("a.jpg")
    answer = bucket.processed("a.jpg", "imageMogr2/format/tpg")
    assert answer.status == 403
    assert answer.error[:2] == ("FailedOperation.UnOpenError", "-163")
    with pytest.raises(CosServiceError) as caught:
        persisted(bucket, "a.jpg", "imageMogr2/format/tpg")
    assert caught.value.get_error_code() == "FailedOperation.UnOpenError"


def test_faces_through_the_service(bucket, open_image, sample):
    bucket.put("rocket.jpg", sample)
    assert bucket.processed("rocket.jpg", "imageMogr2/scrop/100x600").body == sample

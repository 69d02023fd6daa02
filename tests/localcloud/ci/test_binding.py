"""Bind, ask, unbind, and what an unbound bucket answers."""

import json

from defusedxml.ElementTree import fromstring

HALF = "imageMogr2/thumbnail/!50p"


def status(bucket):
    headers, body = bucket.pic("GET")
    assert headers["Content-Type"] == "application/xml"
    root = fromstring(body)
    assert root.tag == "CIStatus"
    return root.text


def test_a_bucket_starts_bound_and_can_be_unbound_and_bound(bucket):
    assert status(bucket) == "on"
    bucket.pic("PUT", {"unbind": ""})
    assert status(bucket) == "off"
    headers, body = bucket.pic("PUT")
    assert (headers["Content-Length"], body) == ("0", b"")
    assert status(bucket) == "on"


def test_an_unbound_bucket_processes_nothing_but_stores(bucket, photo, refused, open_image):
    bucket.put("a.jpg")
    style = {"StyleName": "s", "StyleBody": HALF}
    bucket.client.ci_put_image_style(Bucket=bucket.name, Request=style)
    bucket.pic("PUT", {"unbind": ""})
    operations = json.dumps({"rules": [{"fileid": "b.jpg", "rule": HALF}]})
    target = {"Bucket": bucket.name, "Key": "a.jpg"}
    client = bucket.client
    calls = [
        lambda: client.ci_image_process(**target, PicOperations=operations),
        lambda: client.ci_put_object(**target, Body=photo(), PicOperations=operations),
        lambda: client.ci_get_image_info(**target),
        lambda: client.ci_put_image_style(Bucket=bucket.name, Request=style),
        lambda: client.ci_get_image_style(Bucket=bucket.name, Request=style),
        lambda: client.ci_delete_image_style(Bucket=bucket.name, Request=style),
    ]
    for call in calls:
        number, code, message = refused(call)
        assert (number, code) == (403, "MediaBucketUnBinded")
        assert f"{bucket.name} is not bound" in message
    assert bucket.processed("a.jpg", HALF).error[1] == "-163"
    assert bucket.body("a.jpg") == photo()
    bucket.put("c.jpg")
    assert bucket.keys() == ["a.jpg", "c.jpg"]
    bucket.pic("PUT")
    assert open_image(bucket.processed("a.jpg", "style/s").body).size == (48, 27)


def test_a_bucket_that_does_not_exist(bucket, refused):
    bucket.name = "nowhere-1250000000"
    for call in (("GET",), ("PUT",), ("PUT", {"unbind": ""}), ("GET", {"style": ""})):
        assert refused(bucket.pic, *call)[:2] == (404, "NoSuchBucket")


def test_unsigned_settings_are_refused(bucket):
    url = f"http://{bucket.name}.pic.{bucket.cloud.region}.myqcloud.com/?unbind"
    answer = bucket.request("PUT", url, {})
    assert (answer.status, answer.error[0]) == (403, "AccessDenied")
    assert status(bucket) == "on"

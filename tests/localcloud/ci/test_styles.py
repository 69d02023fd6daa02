"""Styles, as the SDK keeps them on the pic host."""

import pytest
from defusedxml.ElementTree import fromstring

HALF = "imageMogr2/thumbnail/!50p"


@pytest.fixture
def put(bucket):
    def style(name, body=HALF):
        return bucket.client.ci_put_image_style(
            Bucket=bucket.name, Request={"StyleName": name, "StyleBody": body}
        )

    return style


def stored(bucket, name=None):
    if name is None:
        _, body = bucket.pic("GET", {"style": ""})
        return {
            rule.findtext("StyleName"): rule.findtext("StyleBody")
            for rule in fromstring(body).iter("StyleRule")
        }
    _, data = bucket.client.ci_get_image_style(Bucket=bucket.name, Request={"StyleName": name})
    return data["StyleRule"]


def test_add_query_replace_delete(bucket, put):
    assert put("small")["x-cos-request-id"]
    put("云 & <x>".replace(" & ", "_"), f"{HALF}|imageMogr2/rotate/90")
    assert stored(bucket, "small") == {"StyleName": "small", "StyleBody": HALF}
    assert stored(bucket) == {"small": HALF, "云_<x>": f"{HALF}|imageMogr2/rotate/90"}
    put("small", "imageMogr2/strip")
    assert stored(bucket, "small")["StyleBody"] == "imageMogr2/strip"
    for _ in range(2):
        bucket.client.ci_delete_image_style(Bucket=bucket.name, Request={"StyleName": "small"})
    assert list(stored(bucket)) == ["云_<x>"]


def test_a_download_by_style(bucket, put, open_image):
    put("Turned", f"{HALF}|imageMogr2/rotate/90")
    bucket.put("a.jpg")
    assert open_image(bucket.processed("a.jpg", "style/Turned").body).size == (27, 48)
    assert bucket.processed("a.jpg", "style/turned").error[:2] == ("NoSuchStyle", "-105")
    put("Turned", HALF)
    assert open_image(bucket.processed("a.jpg", "style/Turned").body).size == (48, 27)


def test_styles_belong_to_one_bucket(bucket, put):
    put("small")
    bucket.name = bucket.cloud.new_bucket()
    assert stored(bucket) == {}


ENTITY = b'<!DOCTYPE x [<!ENTITY e "e">]><AddStyle>&e;</AddStyle>'
REFUSED = {
    "empty name": ("", HALF, "StyleName"),
    "slash": ("a/b", HALF, "a/b"),
    "pipe": ("a|b", HALF, "a|b"),
    "ampersand": ("a&b", HALF, "a&b"),
    "long": ("a" * 129, HALF, "128"),
    "empty body": ("a", "", "StyleBody"),
    "bad body": ("a", "imageMogr2/rotate/361", "361"),
    "nested": ("a", "style/b", "style/b"),
    "information": ("a", "imageInfo", "imageInfo"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_bad_style_is_refused(bucket, put, refused, case):
    name, body, part = case
    status, _, message = refused(put, name, body)
    assert status == 400
    assert part in message
    assert stored(bucket) == {}


@pytest.mark.parametrize(
    "body",
    [b"", b"<AddStyle>", b"<Other/>", ENTITY],
)
def test_bad_xml_is_refused(bucket, refused, body):
    assert refused(bucket.pic, "PUT", {"style": ""}, body)[:2] == (400, "MalformedXML")


def test_an_unknown_style_is_not_found(bucket, refused):
    status, code, message = refused(stored, bucket, "none")
    assert (status, code) == (404, "NoSuchStyle")
    assert "none" in message


def test_a_hundred_styles_and_no_more(bucket, put, refused):
    for number in range(100):
        put(f"style-{number}")
    status, code, message = refused(put, "one-more")
    assert (status, code) == (400, "TooManyStyles")
    assert "100" in message
    put("style-7", "imageMogr2/strip")
    assert len(stored(bucket)) == 100

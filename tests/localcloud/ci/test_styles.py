"""Styles, as the SDK keeps them on the pic host."""

import pytest
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosServiceError

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


@pytest.mark.parametrize("separator", "-_/!")
def test_a_style_at_the_end_of_the_address(bucket, put, open_image, separator):
    put("small")
    put("very_small", "imageMogr2/thumbnail/!25p")
    bucket.put("folder/a.jpg")
    url = bucket.presigned(f"folder/a.jpg{separator}small")
    assert open_image(bucket.get(url).body).size == (48, 27)
    url = bucket.presigned(f"folder/a.jpg{separator}very_small")
    assert open_image(bucket.get(url).body).size == (24, 14)


def test_an_object_of_the_whole_name_goes_first(bucket, put):
    put("small")
    bucket.put("a.jpg")
    bucket.put("a.jpg!small", b"plain bytes")
    assert bucket.body("a.jpg!small") == b"plain bytes"


@pytest.mark.parametrize(
    "key", ["a.jpg!tiny", "b.jpg!small", "!small", "a.jpg.small", "a.jpgsmall"]
)
def test_what_is_no_style_of_an_object_is_missing(bucket, put, key):
    put("small")
    bucket.put("a.jpg")
    answer = bucket.get(bucket.presigned(key))
    assert (answer.status, answer.error[0]) == (404, "NoSuchKey")


def test_the_originals_acl_counts_for_a_style_in_the_address(bucket, put, open_image):
    def stranger(key):
        return bucket.get(f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/{key}")

    put("small")
    bucket.put("a.jpg")
    assert stranger("a.jpg!small").status == 403
    bucket.client.put_object_acl(Bucket=bucket.name, Key="a.jpg", ACL="public-read")
    assert open_image(stranger("a.jpg!small").body).size == (48, 27)
    bucket.client.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    bucket.client.put_object_acl(Bucket=bucket.name, Key="a.jpg", ACL="private")
    assert stranger("a.jpg!small").status == 403


def test_a_style_in_the_address_passes_origin_protection(bucket, put, open_image):
    put("small")
    bucket.put("a.jpg")
    bucket.client.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    bucket.pic("PUT", {"origin-protect": ""})
    address = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/a.jpg"
    assert bucket.get(address).status == 403
    assert open_image(bucket.get(f"{address}!small").body).size == (48, 27)


def test_only_downloads_read_a_style_in_the_address(bucket, put):
    put("small")
    bucket.put("a.jpg")
    bucket.client.delete_object(Bucket=bucket.name, Key="a.jpg!small")
    assert bucket.keys() == ["a.jpg"]
    with pytest.raises(CosServiceError) as caught:
        bucket.client.get_object_acl(Bucket=bucket.name, Key="a.jpg!small")
    assert caught.value.get_status_code() == 404


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

"""Processing on download, as the SDK and as a bare link ask for it."""

import hashlib
import json
from types import SimpleNamespace

import pytest

from localcloud.ci.processing import rule_of
from localcloud.http import parse_query

HALF = "imageMogr2/thumbnail/!50p"


def red(pixel):
    return pixel[0] > 150 > max(pixel[1:3])


def blue(pixel):
    return pixel[2] > 150 > max(pixel[:2])


def test_the_sdk_gets_the_result_and_nothing_is_stored(bucket, tmp_path, open_image):
    bucket.put("a.jpg")
    target = tmp_path / "half.webp"
    headers = bucket.client.ci_get_object(
        Bucket=bucket.name, Key="a.jpg", DestImagePath=str(target), Rule=f"{HALF}/format/webp"
    )
    image = open_image(target.read_bytes())
    assert (image.format, image.size) == ("WEBP", (48, 27))
    assert red(image.getpixel((10, 13)))
    assert blue(image.getpixel((38, 13)))
    assert headers["Content-Type"] == "image/webp"
    assert int(headers["Content-Length"]) == target.stat().st_size
    assert headers["x-cos-request-id"]
    assert headers["Last-Modified"]
    assert bucket.keys() == ["a.jpg"]


SPELLINGS = {
    "literal": (HALF, (48, 27)),
    "with an equals sign": (f"{HALF}=", (48, 27)),
    "encoded": ("imageMogr2%2Fthumbnail%2F%2150p", (48, 27)),
    "shrink only, literal": ("imageMogr2/thumbnail/40x40>", (40, 23)),
    "shrink only, encoded": ("imageMogr2/thumbnail/40x40%3E", (40, 23)),
    "pixels, encoded": ("imageMogr2/thumbnail/1296%40", (48, 27)),
    "pipe, literal": (f"{HALF}|imageMogr2/rotate/90", (27, 48)),
    "pipe, encoded": (f"{HALF}%7CimageMogr2%2Frotate%2F90", (27, 48)),
    "two parameters": (f"{HALF}&imageMogr2/rotate/90", (27, 48)),
    "after other parameters": (f"response-cache-control=no-cache&{HALF}", (48, 27)),
    "template": ("imageView2/1/w/20/h/30", (20, 30)),
}


@pytest.mark.parametrize(("rule", "size"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_rule_may_be_spelt_in_many_ways(bucket, open_image, rule, size):
    answer = bucket.processed(bucket.put("a.jpg"), rule)
    assert answer.status == 200, answer.body
    assert open_image(answer.body).size == size
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert int(answer.headers["Content-Length"]) == len(answer.body)


def test_a_rule_may_stand_before_the_signature(bucket, open_image):
    url = bucket.presigned(bucket.put("a.jpg")).replace("?", f"?{HALF}&", 1)
    assert open_image(bucket.get(url).body).size == (48, 27)


def test_base64_keeps_its_case_and_padding(bucket, open_image):
    bucket.put("a.jpg")
    mark = "watermark/2/text/TU1NTQ==/fill/I0ZGRkYwMA==/fontsize/30/dissolve/100/gravity/center"
    image = open_image(bucket.processed("a.jpg", f"{mark}&imageMogr2/format/png").body)
    assert image.size == (96, 54)
    pixels = {image.convert("RGB").getpixel((x, y)) for x in range(96) for y in range(54)}
    assert any(r > 200 and g > 200 and b < 80 for r, g, b in pixels), "no yellow text"


def test_a_signed_rule_cannot_be_changed_or_dropped(bucket, open_image):
    url = bucket.presigned(bucket.put("a.jpg"), {HALF: ""})
    assert open_image(bucket.get(url).body).size == (48, 27)
    for tampered in (url.replace("50p", "90p"), url.replace("imageMogr2%2F", "style%2F")):
        assert tampered != url
        answer = bucket.get(tampered)
        assert (answer.status, answer.error[0]) == (403, "SignatureDoesNotMatch")


def test_image_info_is_json_of_strings(bucket, photo):
    body = photo()
    bucket.put("a.jpg", body)
    headers, data = bucket.client.ci_get_image_info(Bucket=bucket.name, Key="a.jpg")
    facts = json.loads(data)
    assert (facts["format"], facts["width"], facts["height"]) == ("jpeg", "96", "54")
    assert facts["size"] == str(len(body))
    assert facts["md5"] == hashlib.md5(body).hexdigest()  # noqa: S324 - what CI calls md5
    assert headers["Content-Type"].startswith("application/json")


REFUSED = {
    "operation": ("imageMogr2/enlarge/2", "InvalidArgument", "-106", "enlarge"),
    "value": ("imageMogr2/rotate/361", "InvalidArgument", "-106", "361"),
    "second layer": (f"{HALF}|imageMogr2/rotate/x", "InvalidArgument", "-106", "rotate"),
    "eleven layers": ("|".join([HALF] * 11), "InvalidArgument", "-106", "10"),
    "closed format": (
        "imageMogr2/format/tpg", "FailedOperation.UnOpenError", "-163", "format/tpg",
    ),
    "no style name": ("style/", "InvalidArgument", "-106", "style"),
    "style": ("style/nowhere", "NoSuchStyle", "-105", "nowhere"),
    "information in a pipe": (f"{HALF}|imageInfo", "InvalidArgument", "-106", "imageInfo"),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "code", "number", "part"), REFUSED.values(), ids=REFUSED)
def test_a_bad_rule_is_refused_by_name(bucket, rule, code, number, part):
    answer = bucket.processed(bucket.put("a.jpg"), rule)
    assert 400 <= answer.status < 500
    assert answer.error[:2] == (code, number)
    assert part in answer.error[2]


BAD_SOURCES = {
    "text": lambda photo: b"<html>not a picture</html>",
    "truncated": lambda photo: photo((400, 300))[:2000],
    "header only": lambda photo: photo()[:12],
    "empty": lambda photo: b"",
}


@pytest.mark.parametrize("make", BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_a_bad_source_is_refused_with_a_number(bucket, photo, make):
    answer = bucket.processed(bucket.put("a.jpg", make(photo)), HALF)
    assert answer.status == 400
    code, number, message = answer.error
    assert code in ("InvalidImageFormat", "InvalidImageSource")
    assert number in ("-120", "-441", "-443", "-40168")
    assert "Traceback" not in message


def test_a_result_over_the_limit_is_refused(bucket, photo):
    answer = bucket.processed(bucket.put("a.jpg", photo((1200, 4))), "imageMogr2/thumbnail/!900p")
    assert answer.error[:2] == ("ImageResolutionExceed", "-442")


def test_ignore_error_gives_the_original(bucket, photo):
    body = photo((1200, 4))
    answer = bucket.processed(
        bucket.put("a.jpg", body), "imageMogr2/thumbnail/!900p/ignore-error/1"
    )
    assert (answer.status, answer.body) == (200, body)


def test_over_32_mb_is_refused_on_download_and_in_the_cloud(bucket, refused):
    bucket.put("big.jpg", bytes(32 * 1024**2 + 1))
    answer = bucket.processed("big.jpg", HALF)
    assert answer.error[:2] == ("ImageTooLarge", "-167")
    original = bucket.processed("big.jpg", f"{HALF}/ignore-error/1")
    assert (original.status, len(original.body)) == (200, 32 * 1024**2 + 1)
    operations = json.dumps({"rules": [{"fileid": "half.jpg", "rule": HALF}]})
    status, code, message = refused(
        bucket.client.ci_image_process, Bucket=bucket.name, Key="big.jpg", PicOperations=operations
    )
    assert (status, code) == (400, "ImageTooLarge")
    assert str(32 * 1024**2) in message
    assert bucket.keys() == ["big.jpg"]


def test_a_missing_object_and_a_missing_bucket(bucket):
    answer = bucket.processed("gone.jpg", HALF)
    assert (answer.status, answer.error[0]) == (404, "NoSuchKey")
    url = bucket.presigned("gone.jpg").replace(bucket.name, "nowhere-1250000000")
    assert bucket.get(f"{url}&{HALF}").status in (403, 404)


def test_an_unsigned_request_needs_a_public_bucket(bucket, open_image):
    bucket.put("a.jpg")
    url = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/a.jpg?{HALF}"
    answer = bucket.get(url)
    assert (answer.status, answer.error[0]) == (403, "AccessDenied")
    bucket.client.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    assert open_image(bucket.get(url).body).size == (48, 27)


def test_a_conditional_request_knows_source_and_rule(bucket, photo):
    bucket.put("a.jpg")
    first = bucket.processed("a.jpg", HALF)
    etag = first.headers["ETag"]
    assert etag.strip('"') != hashlib.md5(photo()).hexdigest()  # noqa: S324 - what COS calls ETag
    url = f"{bucket.presigned('a.jpg')}&{HALF}"
    unchanged = bucket.get(url, **{"If-None-Match": etag})
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert bucket.processed("a.jpg", "imageMogr2/rotate/90").headers["ETag"] != etag
    bucket.put("a.jpg", photo((50, 50)))
    assert bucket.get(url, **{"If-None-Match": etag}).status == 200


KEYS = ["云/图 片.jpg", "😀.jpg", "a b+c.jpg", "a%2Fb.jpg", "what?#&=|.jpg", "imageMogr2/rotate/90"]


@pytest.mark.parametrize("key", KEYS)
def test_any_key(bucket, open_image, tmp_path, key):
    bucket.put(key)
    assert open_image(bucket.processed(key, HALF).body).size == (48, 27)
    target = tmp_path / "result"
    bucket.client.ci_get_object(
        Bucket=bucket.name, Key=key, DestImagePath=str(target), Rule=f"{HALF}|imageMogr2/rotate/90"
    )
    assert open_image(target.read_bytes()).size == (27, 48)


def test_without_a_rule_the_object_itself_comes(bucket, photo):
    bucket.put("a.jpg")
    for query in ("imageMogr/thumbnail/1x", "thumbnail=1", "x=imageMogr2/rotate/90"):
        assert bucket.processed("a.jpg", query).body == photo()


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("", None),
        ("a=1&prefix=imageInfo", None),
        ("imageInfo", "imageInfo"),
        ("imageInfo=", "imageInfo"),
        ("imageInfos", None),
        ("style/Name", "style/Name"),
        ("q-ak=x&imageMogr2/thumbnail/%2150p&x=1", "imageMogr2/thumbnail/!50p"),
        ("imageMogr2%2Fthumbnail%2F%252150p", "imageMogr2/thumbnail/%2150p"),
        ("watermark/2/text/QUI=/dx/1", "watermark/2/text/QUI=/dx/1"),
        ("watermark/2/text/QQ==", "watermark/2/text/QQ=="),
        ("imageMogr2/strip&imageView2/2/w/3", "imageMogr2/strip|imageView2/2/w/3"),
        ("imageMogr2|imageInfo", "imageMogr2|imageInfo"),
    ],
)
def test_rule_of(query, rule):
    assert rule_of(SimpleNamespace(query=parse_query(query))) == rule

"""Processing on upload, on completion of a multipart upload, and in the cloud."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from qcloud_cos import CosServiceError

from localcloud.config import DEFAULT_BUCKET
from tests.conftest import sdk_client

HALF = "imageMogr2/thumbnail/!50p"


def operations(*rules, info=1):
    """A Pic-Operations value; a rule is (fileid, rule) or (fileid, rule, bucket)."""
    names = ("fileid", "rule", "bucket")
    return json.dumps(
        {"is_pic_info": info, "rules": [dict(zip(names, rule, strict=False)) for rule in rules]}
    )


def md5(body):
    return hashlib.md5(body).hexdigest()  # noqa: S324 - what COS calls ETag


@pytest.fixture
def upload(bucket, photo):
    def put(key, *rules, body=None, info=1):
        return bucket.client.ci_put_object(
            Bucket=bucket.name,
            Key=key,
            Body=photo() if body is None else body,
            PicOperations=operations(*rules, info=info),
        )

    return put


@pytest.fixture
def process(bucket):
    def post(key, *rules, info=1):
        return bucket.client.ci_image_process(
            Bucket=bucket.name, Key=key, PicOperations=operations(*rules, info=info)
        )

    return post


def test_an_upload_stores_source_and_result(bucket, upload, photo):
    headers, data = upload("in/a.jpg", ("small.jpg", f"{HALF}/format/png"))
    assert headers["ETag"] == f'"{md5(photo())}"'
    assert headers["x-cos-hash-crc64ecma"] == bucket.head("in/a.jpg")["x-cos-hash-crc64ecma"]
    assert headers["Content-Type"] == "application/xml"
    assert headers["x-cos-request-id"]
    host = f"{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com"
    original = data["OriginalInfo"]
    assert original["Key"] == "in/a.jpg"
    assert original["Location"] == f"{host}/in/a.jpg"
    assert original["ETag"] == f'"{md5(photo())}"'
    info = original["ImageInfo"]
    assert (info["Format"], info["Width"], info["Height"]) == ("JPEG", "96", "54")
    assert 88 <= int(info["Quality"]) <= 96
    assert info["Ave"].startswith("0x")
    assert len(info["Ave"]) == 8
    assert (info["Orientation"], info["FrameCount"], info["Md5"]) == ("1", "1", md5(photo()))
    assert info["BitDepth"] == "8"
    assert int(info["VerticalDpi"]) >= 0
    assert int(info["HorizontalDpi"]) >= 0
    result = data["ProcessResults"]["Object"]
    stored = bucket.body("in/small.jpg")
    assert result["Key"] == "in/small.jpg"
    assert result["Location"] == f"{host}/in/small.jpg"
    assert (result["Format"], result["Width"], result["Height"]) == ("png", "48", "27")
    assert (result["Size"], result["Quality"]) == (str(len(stored)), "100")
    assert (result["ETag"], result["FrameCount"]) == (f'"{md5(stored)}"', "1")
    image = bucket.image("in/small.jpg")
    assert (image.format, image.size) == ("PNG", (48, 27))
    assert image.getpixel((5, 5))[0] > 150 > image.getpixel((42, 5))[0]
    assert bucket.head("in/small.jpg")["Content-Type"] == "image/png"
    assert bucket.body("in/a.jpg") == photo()


def test_several_results_in_the_order_of_the_rules(bucket, process):
    bucket.put("a.jpg")
    formats = ["png", "webp", "jpg", "gif", "bmp"]
    rules = [(f"/out/{name}", f"imageView2/2/w/{n}0/format/{name}") for n, name in
             enumerate(formats, 1)]  # fmt: skip
    _, data = process("a.jpg", *rules)
    results = data["ProcessResults"]["Object"]
    assert [entry["Format"] for entry in results] == formats
    assert [entry["Key"] for entry in results] == [f"out/{name}" for name in formats]
    assert [bucket.image(f"out/{name}").size[0] for name in formats] == [10, 20, 30, 40, 50]


def test_the_source_is_described_only_when_asked(bucket, process):
    bucket.put("a.jpg")
    _, data = process("a.jpg", ("b.jpg", HALF), info=0)
    assert set(data["OriginalInfo"]) == {"Key", "Location", "ETag"}


def test_no_rules_only_describe(bucket, upload):
    _, data = upload("a.jpg")
    assert data["OriginalInfo"]["ImageInfo"]["Width"] == "96"
    assert not data["ProcessResults"]
    _, data = upload("note.txt", body=b"plain", info=0)
    assert data["OriginalInfo"]["Key"] == "note.txt"
    assert bucket.keys() == ["a.jpg", "note.txt"]


def test_completing_a_multipart_upload_processes_the_whole(bucket, photo):
    client, where = bucket.client, {"Bucket": bucket.name, "Key": "in/big.jpg"}
    # The trailing zeros make a first part of the least size that COS takes.
    body = photo() + bytes(1024**2)
    upload_id = client.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, part in enumerate((body[: 1024**2], body[1024**2 :]), 1):
        answer = client.upload_part(**where, Body=part, PartNumber=number, UploadId=upload_id)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    data = client.complete_multipart_upload(
        **where,
        UploadId=upload_id,
        MultipartUpload={"Part": parts},
        PicOperations=operations(("small.jpg", HALF)),
    )
    etag = bucket.head("in/big.jpg")["ETag"]
    assert data["ETag"] == etag
    assert etag.endswith('-2"')
    assert (data["Bucket"], data["Key"]) == (bucket.name, "in/big.jpg")
    assert data["OriginalInfo"]["ImageInfo"]["Format"] == "JPEG"
    assert data["ProcessResults"]["Object"]["Key"] == "in/small.jpg"
    assert bucket.image("in/small.jpg").size == (48, 27)


FILEIDS = {
    "absolute": ("/p2/test2.jpg", "p2/test2.jpg"),
    "relative": ("p2/test2.jpg", "p1/p2/test2.jpg"),
    "beside": ("test2.jpg", "p1/test2.jpg"),
    "encoded": ("/%E4%BA%91%2Fa%20b%2Bc.jpg", "云/a b+c.jpg"),
    "not encoded": ("/云 a+b.jpg", "云 a+b.jpg"),
    "emoji": ("/%F0%9F%98%80.jpg", "😀.jpg"),
    "markup": ("/a%26b%3Cx%3E%22'.jpg", "a&b<x>\"'.jpg"),
    "percent sign": ("/100%25.jpg", "100%.jpg"),
    "newline": ("/a%0Ab.jpg", "a\nb.jpg"),
}


@pytest.mark.parametrize(("fileid", "key"), FILEIDS.values(), ids=FILEIDS)
def test_where_a_fileid_leads(bucket, process, fileid, key):
    bucket.put("p1/test1.jpg")
    _, data = process("p1/test1.jpg", (fileid, HALF))
    assert data["ProcessResults"]["Object"]["Key"] == key
    assert bucket.image(key).size == (48, 27)


KEYS = ["云/图 片.jpg", "😀.jpg", "a b+c.jpg", "a%2Fb.jpg", "x&<y>.jpg"]


@pytest.mark.parametrize("key", KEYS)
def test_any_source_key(bucket, upload, process, key):
    _, uploaded = upload(key, ("/one.jpg", HALF))
    _, processed = process(key, ("/two.jpg", HALF))
    assert uploaded["OriginalInfo"]["Key"] == processed["OriginalInfo"]["Key"] == key
    assert bucket.body("one.jpg") == bucket.body("two.jpg")


def test_a_result_may_go_to_another_bucket(bucket, process):
    other = bucket.cloud.new_bucket()
    bucket.put("a.jpg")
    _, data = process("a.jpg", ("/half.jpg", HALF, other))
    assert data["ProcessResults"]["Object"]["Location"].startswith(f"{other}.cos.")
    assert bucket.image("half.jpg", other).size == (48, 27)
    assert bucket.keys() == ["a.jpg"]


def test_a_result_may_replace_the_source(bucket, upload, photo):
    headers, data = upload("a.jpg", ("a.jpg", HALF), ("b.jpg", "imageMogr2/rotate/90"))
    etag = f'"{md5(bucket.body("a.jpg"))}"'
    assert data["OriginalInfo"]["ETag"] == headers["ETag"] == etag != f'"{md5(photo())}"'
    assert bucket.image("a.jpg").size == (48, 27)
    assert bucket.image("b.jpg").size == (54, 96), "every rule works on what was uploaded"


def test_a_style_works_as_a_rule(bucket, upload):
    style = {"StyleName": "tiny", "StyleBody": f"{HALF}|imageMogr2/rotate/90"}
    bucket.client.ci_put_image_style(Bucket=bucket.name, Request=style)
    upload("a.jpg", ("b.jpg", "style/tiny"))
    assert bucket.image("b.jpg").size == (27, 48)


OK = ("b.jpg", HALF)
REFUSED = {
    "six rules": (operations(*[(f"{n}.jpg", HALF) for n in range(6)]), "InvalidPicOperations", "5"),
    "not JSON": ("rules=1", "InvalidPicOperations", "JSON"),
    "a list": ("[]", "InvalidPicOperations", "object"),
    "deep": ("[" * 20_000, "InvalidPicOperations", "Pic-Operations"),
    "long": ("{" + " " * 40_000 + "}", "InvalidPicOperations", "32768"),
    "unknown field": ('{"rule": []}', "InvalidPicOperations", "'rule'"),
    "rules of text": ('{"rules": "x"}', "InvalidPicOperations", "array"),
    "info": ('{"is_pic_info": 2}', "InvalidPicOperations", "is_pic_info"),
    "rule": (operations(OK, ("c.jpg", "imageMogr2/rotate/361")), "InvalidPicOperations", "361"),
    "unknown rule": (operations(("c.jpg", "imageMogr3/x")), "InvalidPicOperations", "imageMogr3"),
    "information": (operations(("c.jpg", "imageInfo")), "InvalidPicOperations", "imageInfo"),
    "style": (operations(("c.jpg", "style/none")), "NoSuchStyle", "none"),
    "no fileid": ('{"rules": [{"rule": "imageMogr2/strip"}]}', "InvalidPicOperations", "fileid"),
    "empty fileid": (operations(("", HALF)), "InvalidPicOperations", "fileid"),
    "only a slash": (operations(("/", HALF)), "InvalidPicOperations", "fileid"),
    "folder": (operations(("a/", HALF)), "InvalidPicOperations", "'a/'"),
    "encoded slash": (operations(("%2F", HALF)), "InvalidPicOperations", "%2F"),
    "encoded folder": (operations(("/a%2F", HALF)), "InvalidPicOperations", "a%2F"),
    "not UTF-8": (operations(("/%FF.jpg", HALF)), "InvalidPicOperations", "UTF-8"),
    "half a pair": ('{"rules": [{"fileid": "\\ud800", "rule": "imageMogr2/strip"}]}',
                    "InvalidPicOperations", "UTF-8"),
    "long key": (operations((f"/{'a' * 900}", HALF)), "KeyTooLong", "850"),
    "twice": (operations(OK, ("/%62.jpg", HALF)), "InvalidPicOperations", "rules[1]"),
    "other account": (operations((*OK, "theirs-1250000001")), "AccessDenied", "1250000000"),
    "no such bucket": (operations((*OK, "gone-1250000000")), "NoSuchBucket", "gone-1250000000"),
    "bucket path": (operations((*OK, "../x-1250000000")), "NoSuchBucket", "bucket"),
}  # fmt: skip


@pytest.mark.parametrize(("header", "code", "part"), REFUSED.values(), ids=REFUSED)
def test_a_bad_header_is_refused_before_anything_is_stored(bucket, refused, header, code, part):
    target = {"Bucket": bucket.name, "Key": "a.jpg", "PicOperations": header}
    status, got, message = refused(bucket.client.ci_put_object, Body=b"any", **target)
    assert (got, 400 <= status < 500) == (code, True)
    assert part in message
    assert bucket.keys() == []


def test_the_number_is_in_a_header(bucket):
    bucket.put("a.jpg")
    url = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/a.jpg?image_process"

    def number(header):
        sign = bucket.client.get_auth(
            Method="POST", Bucket=bucket.name, Key="a.jpg", Params={"image_process": ""}
        )
        headers = {"Authorization": sign, **({"Pic-Operations": header} if header else {})}
        return bucket.request("POST", url, headers).error[1]

    assert number(operations(*[(f"{n}.jpg", HALF) for n in range(6)])) == "-60997"
    assert number(operations(("b.jpg", "imageMogr2/rotate/361"))) == "-60998"
    assert number(operations(("b.jpg", "style/none"))) == "-60967"
    assert number(operations(("b.jpg", HALF, "theirs-1250000001"))) == "-60936"
    assert number("") == "-60998"


def test_a_bucket_of_another_region_is_refused(bucket, process, refused):
    far = f"far-{bucket.name}"
    bucket.cloud.client(Region="ap-shanghai").create_bucket(Bucket=far)
    bucket.put("a.jpg")
    status, code, message = refused(process, "a.jpg", ("b.jpg", HALF, far))
    assert (status, code) == (400, "InvalidRegionName")
    assert "ap-shanghai" in message
    assert bucket.cloud.region in message


def test_one_rule_that_fails_leaves_no_output(bucket, process, refused, photo):
    bucket.put("wide.jpg", photo((1200, 4)))
    status, code, message = refused(
        process, "wide.jpg", ("ok.jpg", HALF), ("huge.jpg", "imageMogr2/thumbnail/!900p")
    )
    assert (status, code) == (400, "ImageResolutionExceed")
    assert "9999" in message
    assert bucket.keys() == ["wide.jpg"]


BAD_SOURCES = {
    "text": lambda photo: b"<html>not a picture</html>",
    "truncated": lambda photo: photo((400, 300))[:2000],
    "empty": lambda photo: b"",
}


@pytest.mark.parametrize("make", BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_an_upload_that_is_no_picture_is_kept_and_refused(bucket, upload, refused, photo, make):
    body = make(photo)
    status, code, _ = refused(upload, "bad.jpg", ("b.jpg", HALF), body=body)
    assert status == 400
    assert code in ("InvalidImageFormat", "InvalidImageSource")
    assert bucket.keys() == ["bad.jpg"]
    assert bucket.body("bad.jpg") == body


def test_a_missing_object(bucket, process, refused):
    assert refused(process, "gone.jpg", ("b.jpg", HALF))[:2] == (404, "NoSuchKey")
    assert bucket.keys() == []


def test_an_unsigned_request_is_refused(bucket):
    bucket.put("a.jpg")
    url = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/a.jpg?image_process"
    answer = bucket.request("POST", url, {"Pic-Operations": operations(("b.jpg", HALF))})
    assert (answer.status, answer.error[0]) == (403, "AccessDenied")
    assert bucket.keys() == ["a.jpg"]


def test_replacing_the_source_meanwhile_does_no_harm(bucket, process, photo):
    bucket.put("a.jpg")

    def replace(_):
        bucket.put("a.jpg", photo((60, 60)))

    def half(number):
        return process("a.jpg", (f"{number}.jpg", HALF))[1]["ProcessResults"]["Object"]["Width"]

    with ThreadPoolExecutor(4) as threads:
        widths = [threads.submit(half, number) for number in range(8)]
        list(threads.map(replace, range(8)))
    assert {future.result() for future in widths} <= {"48", "30"}


def test_source_and_outputs_are_each_told_of_once(inside, photo):
    client = sdk_client(inside.url)

    def upload(body, *rules):
        inside.events.clear()
        client.ci_put_object(
            Bucket=DEFAULT_BUCKET, Key="a.jpg", Body=body, PicOperations=operations(*rules)
        )

    def told():
        records = [event["Records"][0] for event in inside.events]
        return [
            (record["event"]["eventName"], record["cos"]["cosObject"]["key"].rpartition("/")[2])
            for record in records
        ]

    upload(photo(), ("b.jpg", HALF), ("c.png", "imageMogr2/format/png"))
    assert told() == [("cos:ObjectCreated:Put", key) for key in ("a.jpg", "b.jpg", "c.png")]
    with pytest.raises(CosServiceError):
        upload(b"no picture", ("b.jpg", HALF))
    assert told() == [("cos:ObjectCreated:Put", "a.jpg")]

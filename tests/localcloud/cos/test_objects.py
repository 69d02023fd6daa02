"""Objects through the unmodified SDK: what is put comes back, whatever the key."""

import base64

import crcmod.predefined
import pytest
import requests
from qcloud_cos import CosServiceError

from tests.localcloud.conftest import md5

KEYS = [
    "a.txt",
    "with space.txt",
    "plus+plus.txt",
    "per%2Fcent%.txt",
    "question?mark#hash&amp=.txt",
    "图片/切尔西 猫.jpg",
    "emoji😀.png",
    "new\nline\ttab",
    "back\\slash",
    "/leading",
    "two//slashes",
    "a/../b",
    "../../etc/passwd",
    "a/./b",
    ".hidden",
    "folder/",
    "~tilde'quote\"$HOME;`id`|*",
    "x" * 850,
    "/".join("d" * 40),
]


@pytest.fixture(scope="module")
def bucket(cloud):
    return cloud.new_bucket()


@pytest.fixture
def client(cloud):
    return cloud.client()


def body_of(answer):
    return answer["Body"].get_raw_stream().read()


def refused(call, *arguments, **options):
    with pytest.raises(CosServiceError) as caught:
        call(*arguments, **options)
    return caught.value.get_status_code(), caught.value.get_error_code()


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_put_got_listed_and_deleted(client, cloud, key):
    bucket = cloud.new_bucket()
    # The SDK drops one leading slash of a key.
    wire = f"/{key}" if key.startswith("/") else key
    content = key.encode()
    put = client.put_object(Bucket=bucket, Key=wire, Body=content)
    got = client.get_object(Bucket=bucket, Key=wire, KeySimplifyCheck=False)
    assert body_of(got) == content
    assert put["ETag"] == got["ETag"] == f'"{md5(content).hexdigest()}"'
    listed = client.list_objects(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == [key]
    assert client.delete_object(Bucket=bucket, Key=wire)
    assert "Contents" not in client.list_objects(Bucket=bucket)


def test_what_head_tells(client, bucket):
    content = b"twelve bytes"
    client.put_object(
        Bucket=bucket, Key="head", Body=content, ContentType="text/x-y; charset=utf-8",
        CacheControl="max-age=5", ContentDisposition="attachment", ContentLanguage="zh",
        Metadata={"x-cos-meta-Name": "value", "x-cos-meta-zh": "图".encode()},
    )  # fmt: skip
    head = client.head_object(Bucket=bucket, Key="head")
    crc = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)
    expected = {
        "Content-Type": "text/x-y; charset=utf-8",
        "Content-Length": "12",
        "Cache-Control": "max-age=5",
        "Content-Disposition": "attachment",
        "Content-Language": "zh",
        "ETag": f'"{md5(content).hexdigest()}"',
        "x-cos-hash-crc64ecma": str(crc(content)),
        "x-cos-meta-Name": "value",
        "Accept-Ranges": "bytes",
        "Server": "tencent-cos",
    }
    assert {name: head.get(name) for name in expected} == expected
    assert head["x-cos-meta-zh"].encode("latin-1").decode() == "图"
    assert head["Last-Modified"].endswith(" GMT")
    assert head["x-cos-request-id"]
    assert head["Date"]


@pytest.mark.parametrize(
    ("wanted", "content_range", "body"),
    [
        ("bytes=0-3", "bytes 0-3/10", b"0123"),
        ("bytes=4-", "bytes 4-9/10", b"456789"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=-99", "bytes 0-9/10", b"0123456789"),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
    ],
)
def test_ranges(client, bucket, wanted, content_range, body):
    client.put_object(Bucket=bucket, Key="range", Body=b"0123456789")
    got = client.get_object(Bucket=bucket, Key="range", Range=wanted)
    assert (got["Content-Range"], body_of(got)) == (content_range, body)
    assert got["Content-Length"] == str(len(body))


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside(client, bucket, wanted):
    client.put_object(Bucket=bucket, Key="range", Body=b"0123456789")
    assert refused(client.get_object, Bucket=bucket, Key="range", Range=wanted) == (
        416,
        "InvalidRange",
    )


@pytest.mark.parametrize("wanted", ["bytes=5-2", "lines=0-1", "bytes=0-1,4-5", "bytes=x-1"])
def test_what_is_no_single_range_is_ignored(client, bucket, wanted):
    client.put_object(Bucket=bucket, Key="range", Body=b"0123456789")
    assert body_of(client.get_object(Bucket=bucket, Key="range", Range=wanted)) == b"0123456789"


def test_a_large_body_comes_back_whole_and_in_part(client, bucket):
    content = bytes(range(256)) * 12_000
    client.put_object(Bucket=bucket, Key="large", Body=content)
    assert body_of(client.get_object(Bucket=bucket, Key="large")) == content
    part = client.get_object(Bucket=bucket, Key="large", Range="bytes=1000-2000999")
    assert body_of(part) == content[1000:2001000]


PAST, FUTURE = "Mon, 01 Jan 2024 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
ETAG, OTHER = f'"{md5(b"0123456789").hexdigest()}"', '"00000000000000000000000000000000"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": ETAG}, 200),
        ({"If-Match": f"{OTHER}, {ETAG}"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": OTHER}, 412),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": OTHER}, 200),
        ({"If-Modified-Since": PAST}, 200),
        ({"If-Modified-Since": FUTURE}, 304),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Unmodified-Since": PAST}, 412),
        ({"If-Unmodified-Since": FUTURE}, 200),
        ({"If-Match": ETAG, "If-Unmodified-Since": PAST}, 200),
        ({"If-None-Match": OTHER, "If-Modified-Since": FUTURE}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(signed, method, headers, status):
    signed("PUT", "/c", data=b"0123456789")
    answer = signed(method, "/c", headers=headers)
    assert answer.status_code == status
    if status == 304:
        assert answer.headers["ETag"] == ETAG
        assert answer.content == b""


def test_response_overrides(client, bucket):
    client.put_object(Bucket=bucket, Key="o", Body=b"x", ContentType="text/plain")
    got = client.get_object(
        Bucket=bucket, Key="o", ResponseContentType="text/html", ResponseCacheControl="no-store",
        ResponseContentDisposition="attachment; filename=x",
    )  # fmt: skip
    assert got["Content-Type"] == "text/html"
    assert got["Cache-Control"] == "no-store"
    assert got["Content-Disposition"] == "attachment; filename=x"


def test_an_override_adds_no_header_lines(signed):
    signed("PUT", "/o", data=b"x")
    answer = signed("GET", "/o", params={"response-content-type": "a\r\nX-Evil: 1"})
    assert answer.status_code == 400
    assert "InvalidArgument" in answer.text
    assert "X-Evil" not in answer.headers


def test_missing_things(client, cloud, bucket):
    nowhere = "nobody-1250000000"
    assert refused(client.get_object, Bucket=bucket, Key="gone") == (404, "NoSuchKey")
    assert refused(client.head_object, Bucket=bucket, Key="gone") == (404, "NoSuchResource")
    assert refused(client.get_object, Bucket=nowhere, Key="x") == (404, "NoSuchBucket")
    assert refused(client.put_object, Bucket=nowhere, Key="x", Body=b"") == (404, "NoSuchBucket")
    assert client.delete_object(Bucket=bucket, Key="gone") is not None
    elsewhere = cloud.client(Region="ap-beijing")
    assert refused(elsewhere.get_object, Bucket=bucket, Key="x") == (404, "NoSuchBucket")


def test_the_other_names_of_the_same_host(cloud, bucket):
    cloud.client().put_object(Bucket=bucket, Key="n", Body=b"same")
    for options in (
        {"EnableOldDomain": False},
        {"EnableOldDomain": False, "EnableInternalDomain": True},
        {"Endpoint": "cos-internal.ap-guangzhou.tencentcos.cn"},
    ):
        assert body_of(cloud.client(**options).get_object(Bucket=bucket, Key="n")) == b"same"


def test_an_empty_object(client, bucket):
    client.put_object(Bucket=bucket, Key="empty", Body=b"")
    got = client.get_object(Bucket=bucket, Key="empty")
    assert (got["Content-Length"], body_of(got)) == ("0", b"")
    assert refused(client.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == (
        416,
        "InvalidRange",
    )


def test_a_chunked_body(client, bucket):
    client.put_object(Bucket=bucket, Key="chunked", Body=(b"a" * 1000 for _ in range(300)))
    assert client.head_object(Bucket=bucket, Key="chunked")["Content-Length"] == "300000"


def test_content_md5(client, bucket):
    right = base64.b64encode(md5(b"body").digest()).decode()
    client.put_object(Bucket=bucket, Key="md5", Body=b"body", ContentMD5=right)
    for wrong, code in (
        (base64.b64encode(b"0" * 16).decode(), "BadDigest"),
        ("nonsense", "InvalidDigest"),
        (base64.b64encode(b"short").decode(), "InvalidDigest"),
    ):
        options = {"Bucket": bucket, "Key": "md5", "Body": b"changed", "ContentMD5": wrong}
        assert refused(client.put_object, **options) == (400, code)
    assert body_of(client.get_object(Bucket=bucket, Key="md5")) == b"body"


def test_overwriting_can_be_forbidden(signed):
    forbid = {"x-cos-forbid-overwrite": "true"}
    assert signed("PUT", "/once", data=b"1", headers=forbid).status_code == 200
    second = signed("PUT", "/once", data=b"2", headers=forbid)
    assert (second.status_code, "FileAlreadyExists" in second.text) == (409, True)
    assert signed("GET", "/once").content == b"1"
    assert signed("PUT", "/once", data=b"3").status_code == 200


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_overwriting_cannot_be_forbidden_where_versions_ever_were(client, cloud, status):
    bucket = cloud.new_bucket()
    client.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    client.put_bucket_versioning(Bucket=bucket, Status=status)
    for body in (b"1", b"2"):
        client.put_object(
            Bucket=bucket, Key="once", Body=body, Metadata={"x-cos-forbid-overwrite": "true"}
        )
    assert client.get_object(Bucket=bucket, Key="once")["Body"].get_raw_stream().read() == b"2"


def test_several_keys_are_deleted_at_once(client, cloud):
    bucket = cloud.new_bucket()
    keys = ["one", "two & <three>", "四\n"]
    for key in keys[:2]:
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    done = client.delete_objects(Bucket=bucket, Delete={"Object": [{"Key": key} for key in keys]})
    assert len(done["Deleted"]) == 3  # a key that was not there counts as deleted
    assert "Contents" not in client.list_objects(Bucket=bucket)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no xml", "MalformedXML"),
        (b"<Other/>", "MalformedXML"),
        (b"<Delete/>", "MalformedXML"),
        (b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>", "MalformedXML"),
        (b'<!DOCTYPE d [<!ENTITY a "b">]><Delete>&a;</Delete>', "MalformedXML"),
        (b"<Delete>" + b" " * (2 * 1024 * 1024) + b"</Delete>", "XMLSizeLimit"),
    ],
)
def test_a_bad_delete_document(signed, body, code):
    answer = signed("POST", "/", params={"delete": ""}, data=body)
    assert (answer.status_code, code in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("key", "headers", "code"),
    [
        ("/" + "k" * 851, {}, "KeyTooLong"),
        ("/nul%00", {}, "InvalidObjectName"),
        ("/%ff%fe", {}, "InvalidURI"),
        ("/m", {"x-cos-meta-big": "v" * 2048}, "InvalidArgument"),
        ("/m", {"x-cos-acl": "everybody"}, "InvalidArgument"),
    ],
)
def test_what_cannot_be_stored(signed, key, headers, code):
    answer = signed("PUT", key, key=requests.utils.unquote(key[1:]), data=b"x", headers=headers)
    assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (400, True)


def test_dot_segments_never_reach_the_bucket(signed):
    """`PUT /x/..` is an object of that name: no normalising turns it into a bucket operation."""
    session, url = signed.session, f"http://{signed.bucket}.cos.ap-guangzhou.myqcloud.com"
    answer = session.delete(f"{url}/x/%2E%2E", timeout=20)
    assert answer.status_code == 403
    assert signed("HEAD", "/").status_code == 200

"""What HTTP offers around an object: checksums, lengths, conditions, ranges, headers."""

import base64
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastcrc import crc64
from qcloud_cos import CosServiceError

from tests.localcloud.conftest import md5

PAST, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
BODY = b"0123456789"


def code(answer):
    return answer.content.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@pytest.fixture
def stored(signed):
    signed("PUT", "/a", data=BODY)
    return signed


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Content-MD5", base64.b64encode(md5(BODY).digest()).decode(), "1B2M2Y8AsgTpgAmY7PhCfg=="),
        ("x-cos-hash-crc64ecma", str(crc64.xz(BODY)), "1"),
        ("x-cos-content-sha1", "87acec17cd9dcd20a716cc2cf67417b71c8a7016", "00" * 20),
    ],
)
def test_a_checksum_that_is_sent_must_hold(signed, name, good, bad):
    assert signed("PUT", "/a", data=BODY, headers={name: good}).status_code == 200
    answer = signed("PUT", "/a", data=b"other", headers={name: bad})
    assert (answer.status_code, code(answer)) == (400, "BadDigest")
    answer = signed("PUT", "/a", data=b"other", headers={name: "nonsense"})
    assert (answer.status_code, code(answer)) == (400, "InvalidDigest")
    assert signed("GET", "/a").content == BODY


def test_a_chunked_body(signed):
    answer = signed("PUT", "/a", data=iter([b"one", b"two", b"3" * 100_000]))
    assert answer.status_code == 200
    assert signed("GET", "/a").content == b"onetwo" + b"3" * 100_000


def test_a_body_without_a_length(talk, cloud):
    bucket = cloud.new_bucket(ACL="public-read-write")
    head = f"PUT /{bucket}/a HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = talk(head.encode())
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"MissingContentLength" in answer


def test_a_body_that_ends_before_its_length(talk, cloud, client):
    bucket = cloud.new_bucket(ACL="public-read-write")
    head = f"PUT /{bucket}/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nshort"
    with socket.create_connection(("127.0.0.1", cloud.port), 20) as connection:
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    assert not client.object_exists(Bucket=bucket, Key="a")


def test_a_client_that_waits_is_told_to_go_on(talk, cloud):
    bucket = cloud.new_bucket(ACL="public-read-write")
    head = f"PUT /{bucket}/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
    answer = talk(f"{head}Expect: 100-continue\r\n\r\n".encode(), enough=b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 100 ")


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-Match": "ETAG"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-None-Match": "ETAG"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": PAST}, 200),
        ({"If-Modified-Since": FUTURE}, 304),
        ({"If-Unmodified-Since": PAST}, 412),
        ({"If-Unmodified-Since": FUTURE}, 200),
        ({"If-Match": "ETAG", "If-Unmodified-Since": PAST}, 200),
        ({"If-Match": '"other"', "If-Unmodified-Since": FUTURE}, 412),
        ({"If-None-Match": "ETAG", "If-Modified-Since": PAST}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": FUTURE}, 200),
        ({"If-Match": "ETAG", "If-None-Match": "ETAG"}, 304),
        ({"If-Match": '"other"', "If-None-Match": "ETAG"}, 412),
        ({"If-Unmodified-Since": FUTURE, "If-None-Match": "ETAG"}, 304),
        ({"If-Modified-Since": "not a date"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(stored, method, conditions, status):
    etag = f'"{md5(BODY).hexdigest()}"'
    headers = {name: value.replace("ETAG", etag) for name, value in conditions.items()}
    answer = stored(method, "/a", headers=headers)
    assert answer.status_code == status
    if status == 304:
        assert (answer.content, answer.headers["ETag"]) == (b"", etag)


@pytest.mark.parametrize(
    ("wanted", "expected", "shown"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-100", BODY, "bytes 0-9/10"),
        ("bytes=8-100", b"89", "bytes 8-9/10"),
        ("bytes=0-1,4-5", BODY, None),
        ("bytes=5-2", BODY, None),
        ("lines=1-2", BODY, None),
    ],
)
def test_ranges(stored, wanted, expected, shown):
    answer = stored("GET", "/a", headers={"Range": wanted})
    assert answer.content == expected
    assert answer.status_code == (206 if shown else 200)
    assert answer.headers.get("Content-Range") == shown


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_range_outside(stored, wanted):
    answer = stored("GET", "/a", headers={"Range": wanted})
    assert (answer.status_code, code(answer)) == (416, "InvalidRange")


@pytest.mark.parametrize(
    ("since", "status"), [("ETAG", 206), ('"other"', 200), (FUTURE, 200), (PAST, 200)]
)
def test_a_range_of_the_version_that_is_meant(stored, since, status):
    since = since.replace("ETAG", f'"{md5(BODY).hexdigest()}"')
    answer = stored("GET", "/a", headers={"Range": "bytes=0-1", "If-Range": since})
    assert answer.status_code == status
    assert answer.content == (BODY[:2] if status == 206 else BODY)


def test_a_range_since_the_very_date(stored):
    since = stored("HEAD", "/a").headers["Last-Modified"]
    answer = stored("GET", "/a", headers={"Range": "bytes=0-1", "If-Range": since})
    assert (answer.status_code, answer.content) == (206, b"01")


def test_head_says_what_get_says(signed):
    headers = {
        "Content-Type": "text/x-y", "Cache-Control": "max-age=1", "Content-Disposition": "inline",
        "Content-Language": "zh", "Expires": FUTURE, "x-cos-meta-a": "1",
        "x-cos-storage-class": "STANDARD_IA", "x-cos-tagging": "a=1&b=2",
    }  # fmt: skip
    signed("PUT", "/a", data=BODY, headers=headers)
    get, head = signed("GET", "/a").headers, signed("HEAD", "/a").headers
    varying = ("Date", "x-cos-request-id")
    assert {n: v for n, v in get.items() if n not in varying} == {
        n: v for n, v in head.items() if n not in varying
    }
    kept = {name: value for name, value in headers.items() if name != "x-cos-tagging"}
    assert {name: head[name] for name in kept} == kept
    assert head["x-cos-tagging-count"] == "2"


def test_response_parameters_stand_in_for_headers_on_get_and_head(signed):
    signed("PUT", "/a", data=BODY, headers={"Cache-Control": "no-store"})
    params = {
        "response-content-type": "text/plain", "response-cache-control": "max-age=9",
        "response-content-disposition": "attachment; filename*=UTF-8''%E5%9B%BE.txt",
        "response-content-language": "en", "response-expires": FUTURE,
    }  # fmt: skip
    for method in ("GET", "HEAD"):
        answer = signed(method, "/a", params=params)
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.headers["Cache-Control"] == "max-age=9"
        assert answer.headers["Content-Disposition"].endswith("%E5%9B%BE.txt")


def test_headers_that_are_too_long(signed):
    answer = signed("PUT", "/a", data=b"", headers={"Content-Disposition": "x" * 4097})
    assert (answer.status_code, code(answer)) == (400, "InvalidArgument")
    answer = signed("PUT", "/a", data=b"", headers={"x-cos-meta-a": "x" * 2048})
    assert (answer.status_code, code(answer)) == (400, "InvalidArgument")


def test_of_many_writers_that_forbid_overwriting_one_wins(cloud, signed, client, body_of):
    bodies = [bytes([65 + number]) * 50_000 for number in range(8)]

    def put(body):
        own = cloud.client()
        try:
            own.put_object(Bucket=signed.bucket, Key="once", Body=body,
                           Metadata={"x-cos-forbid-overwrite": "true"})  # fmt: skip
        except CosServiceError as error:
            return error.get_error_code()
        return body

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(put, bodies))
    [winner] = [result for result in results if isinstance(result, bytes)]
    assert results.count("FileAlreadyExists") == 7
    assert body_of(signed.bucket, "once") == winner


def test_of_two_writers_of_one_key_the_object_is_one_of_theirs(cloud, signed, body_of):
    bodies = [bytes([65 + number]) * 300_000 for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda body: cloud.client().put_object(Bucket=signed.bucket, Key="a", Body=body),
                bodies,
            )
        )
    answer = signed("GET", "/a")
    assert answer.content in bodies
    assert answer.headers["ETag"] == f'"{md5(answer.content).hexdigest()}"'


@pytest.mark.parametrize(
    "wanted", ["bytes=0-10", "bytes=5-", "bytes=-5", "bytes=6-2", "0-5", "bytes=0-1,3-4"]
)
def test_a_part_is_copied_from_a_range_within_its_source(stored, wanted):
    started = stored("POST", "/big", params={"uploads": ""}).text
    upload = started.partition("<UploadId>")[2].partition("<")[0]
    source = f"{stored.bucket}.cos.ap-guangzhou.myqcloud.com/a"
    headers = {"x-cos-copy-source": source, "x-cos-copy-source-range": wanted}
    params = {"uploadId": upload, "partNumber": "1"}
    answer = stored("PUT", "/big", params=params, headers=headers)
    assert (answer.status_code, code(answer)) == (416, "InvalidRange")
    # The SDK sends an empty range for the whole.
    headers["x-cos-copy-source-range"] = ""
    answer = stored("PUT", "/big", params=params, headers=headers)
    assert md5(BODY).hexdigest() in answer.text


def test_multi_delete_checks_its_digest(stored):
    body = "<Delete><Object><Key>a</Key></Object></Delete>"
    headers = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    answer = stored("POST", "/", params={"delete": ""}, data=body, headers=headers)
    assert (answer.status_code, code(answer)) == (400, "BadDigest")
    assert stored("HEAD", "/a").status_code == 200

"""What the unmodified SDK meets when the cloud misbehaves, and what is true afterwards."""

import time

import pytest
import requests
from qcloud_cos import CosClientError, CosServiceError, cos_client

from localcloud.config import DEFAULT_BUCKET
from tests.conftest import sdk_client
from tests.localcloud.conftest import Signed, md5

BUCKET = DEFAULT_BUCKET
LARGE = bytes(range(256)) * 1200


def read(client, key):
    return client.get_object(BUCKET, key)["Body"].get_raw_stream().read()


@pytest.fixture
def patient(inside, monkeypatch):
    """The SDK with its own three retries, but without its pauses between them."""
    monkeypatch.setattr(cos_client.time, "sleep", lambda _: None)
    client = sdk_client(inside.url)
    client._retry = 3
    return client


def test_an_error_keeps_the_operation_from_being_done(client, misbehave):
    misbehave("PutObject=error:InternalError")
    with pytest.raises(CosServiceError) as caught:
        client.put_object(BUCKET, b"x", "k")
    error = caught.value
    assert (error.get_status_code(), error.get_error_code()) == (500, "InternalError")
    assert "fault" in error.get_error_msg()
    assert error.get_request_id()
    assert not client.object_exists(BUCKET, "k")
    assert client.list_objects(BUCKET).get("Contents") is None  # other operations are well


def test_preflights_and_visits_of_a_website_fail_too(inside, client, misbehave):
    client.put_object(BUCKET, b"page", "index.html", ACL="public-read")
    client.put_bucket_website(
        BUCKET, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
    )
    client.put_bucket_cors(
        BUCKET, CORSConfiguration={"CORSRule": [{"AllowedOrigin": "*", "AllowedMethod": "GET"}]}
    )
    asks = {"Origin": "http://a.example.com", "Access-Control-Request-Method": "GET"}

    def send(method, host, **headers):
        address = f"http://{BUCKET}.{host}.ap-guangzhou.myqcloud.com/"
        return requests.request(
            method, address, headers=headers, proxies={"http": inside.url}, timeout=20
        )

    assert send("GET", "cos-website").content == b"page"
    misbehave("OptionsObject=slowdown,times=1", "GetObject=error:InternalError,times=1")
    refused = send("OPTIONS", "cos", **asks)
    assert (refused.status_code, "SlowDown" in refused.text) == (503, True)
    page = send("GET", "cos-website")
    assert (page.status_code, "<html>" in page.text, "InternalError" in page.text) == (
        500, True, True,
    )  # fmt: skip
    assert send("OPTIONS", "cos", **asks).status_code == 200
    assert send("GET", "cos-website").content == b"page"
    misbehave("GetObject=cut")
    with pytest.raises(requests.ConnectionError):
        send("GET", "cos-website")


def test_a_large_body_that_is_refused(client, misbehave):
    misbehave("PutObject=error:AccessDenied,times=1")
    body = b"x" * 3_000_000
    with pytest.raises(CosServiceError, match="AccessDenied"):
        client.put_object(BUCKET, body, "k")
    client.put_object(BUCKET, body, "k")


def test_the_sdk_retries_and_succeeds(patient, misbehave, counts):
    misbehave("PutObject=error:InternalError,times=2", "GetObject=cut,times=1")
    patient.put_object(BUCKET, b"kept", "k")
    assert read(patient, "k") == b"kept"
    assert [one["struck"] for one in counts()] == [{"PutObject": 2}, {"GetObject": 1}]
    assert [one["seen"] for one in counts()] == [{"PutObject": 3}, {"GetObject": 2}]


def test_the_sdk_gives_up_after_its_retries(patient, misbehave, counts):
    misbehave("PutObject=error:ServiceUnavailable")
    with pytest.raises(CosServiceError, match="ServiceUnavailable"):
        patient.put_object(BUCKET, b"x", "k")
    assert counts()[0]["seen"] == {"PutObject": 4}


def test_throttling_says_when_to_come_back(inside, misbehave):
    misbehave("GetBucket=slowdown:7")
    answer = Signed(inside.url)("GET", "/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert "<Code>SlowDown</Code>" in answer.text


def test_latency(client, misbehave):
    misbehave("HeadBucket=latency:150ms")
    started = time.monotonic()
    client.head_bucket(BUCKET)
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize("body", [b"0123456789" * 10, LARGE])
@pytest.mark.parametrize("length", [0, 7, 99])
def test_a_body_is_cut_after_so_many_bytes(inside, client, misbehave, body, length):
    client.put_object(BUCKET, body, "k")
    misbehave(f"GetObject=cut:{length}")
    answer = Signed(inside.url)("GET", "/k", stream=True)
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == len(body)
    got = []
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        got.extend(answer.iter_content(1))
    assert b"".join(got) == body[:length]


def test_a_cut_range(inside, client, misbehave):
    client.put_object(BUCKET, LARGE, "k")
    misbehave("GetObject=cut:100000")
    answer = Signed(inside.url)("GET", "/k", headers={"Range": "bytes=10-"}, stream=True)
    assert answer.raw.read(100_000) == LARGE[10:100_010]
    with pytest.raises(Exception, match="IncompleteRead"):
        answer.raw.read(1)


def test_an_answer_that_is_shorter_arrives_whole(client, misbehave):
    client.put_object(BUCKET, b"short", "k")
    misbehave("*=cut:5")
    assert read(client, "k") == b"short"
    client.head_object(BUCKET, "k")
    client.delete_object(BUCKET, "k")


@pytest.mark.parametrize("length", [1, 20])
def test_a_list_is_cut(inside, misbehave, length):
    misbehave(f"GetBucket=cut:{length}")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        Signed(inside.url)("GET", "/")


def test_a_lost_answer_is_not_a_lost_object(client, misbehave):
    misbehave("PutObject=cut,times=1")
    with pytest.raises(CosClientError, match="Remote end closed connection without response"):
        client.put_object(BUCKET, b"kept", "k")
    assert read(client, "k") == b"kept"


def test_a_wrong_etag(client, misbehave):
    misbehave("PutObject=etag", "CompleteMultipartUpload=etag")
    told = client.put_object(BUCKET, b"x", "k")["ETag"]
    right = client.head_object(BUCKET, "k")["ETag"]
    assert right == f'"{md5(b"x").hexdigest()}"'
    assert (told != right, len(told)) == (True, len(right))
    upload = client.create_multipart_upload(BUCKET, "m")["UploadId"]
    part = client.upload_part(BUCKET, "m", b"x", 1, upload)["ETag"]
    parts = {"Part": [{"PartNumber": 1, "ETag": part}]}
    told = client.complete_multipart_upload(BUCKET, "m", upload, parts)["ETag"]
    right = client.head_object(BUCKET, "m")["ETag"]
    assert (told != right, told[-3:]) == (True, right[-3:])


def test_copies_have_names_of_their_own(client, misbehave):
    misbehave("CopyObject=error:InternalError")
    client.put_object(BUCKET, b"x", "k")
    source = {"Bucket": BUCKET, "Key": "k", "Region": "ap-guangzhou"}
    with pytest.raises(CosServiceError, match="InternalError"):
        client.copy_object(BUCKET, "copy", source)


def test_who_is_not_allowed_meets_no_fault(inside, misbehave, counts):
    misbehave("GetBucket=slowdown")
    assert requests.get(f"{inside.url}/{BUCKET}", timeout=20).status_code == 403
    assert counts()[0]["seen"] == {}


class TestEvents:
    def keys(self, inside):
        return [
            event["Records"][0]["cos"]["cosObject"]["key"].rpartition("/")[2]
            for event in inside.events
        ]

    def test_lost(self, inside, client, misbehave):
        misbehave("PutObject=event-lost,times=1")
        for key in "abc":
            client.put_object(BUCKET, b"x", key)
        assert self.keys(inside) == ["b", "c"]
        assert client.object_exists(BUCKET, "a")

    def test_twice(self, inside, client, misbehave):
        misbehave("PutObject=event-twice,prefix=b", "DeleteObject=event-twice")
        for key in "abc":
            client.put_object(BUCKET, b"x", key)
        client.delete_object(BUCKET, "c")
        assert self.keys(inside) == ["a", "b", "b", "c", "c", "c"]
        assert inside.events[1] == inside.events[2]

    def test_late(self, inside, client, misbehave):
        misbehave("PutObject=event-delay:300ms,prefix=a")
        for key in "ab":
            client.put_object(BUCKET, b"x", key)
        assert self.keys(inside) == ["b"]
        deadline = time.monotonic() + 20
        while len(inside.events) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.keys(inside) == ["b", "a"]

    def test_each_key_of_a_multi_delete_has_its_own(self, inside, client, misbehave):
        for key in "abc":
            client.put_object(BUCKET, b"x", key)
        inside.events.clear()
        misbehave("DeleteObjects=event-lost,after=1,times=1")
        client.delete_objects(BUCKET, {"Object": [{"Key": key} for key in "abc"]})
        assert self.keys(inside) == ["a", "c"]

    def test_what_waits_at_the_end_is_counted(self, inside, client, misbehave, caplog):
        misbehave("PutObject=event-delay:600s")
        client.put_object(BUCKET, b"x", "k")
        inside.cloud.faults.close()
        assert "1 delayed events are not delivered" in caplog.text

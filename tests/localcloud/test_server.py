"""HTTP as the worst clients speak it, and what the listener promises to the good ones."""

import re
import socket
import threading
import time

import pytest
import requests
from qcloud_cos import CosConfig, CosServiceError
from qcloud_cos.cos_auth import CosS3Auth

from localcloud.config import DEFAULT_BUCKET, Config
from localcloud.limits import MAX_HEADER
from tests.localcloud.conftest import md5

COS = f"{DEFAULT_BUCKET}.cos.ap-guangzhou.myqcloud.com"


def head_of(method, path, *headers, host=COS):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


CLOSE = "Connection: close"


def status(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        head_of("GET", "/", "Content-Length: x"),
        head_of("GET", "/", "Content-Length: 1", "Content-Length: 2"),
        head_of("GET", "/", "No colon here"),
        head_of("PUT", "/k", "Transfer-Encoding: gzip, nonsense"),
        head_of("GET", "/" + "k" * (MAX_HEADER * 2)),
        head_of("GET", "/", "X-Long: " + "v" * (MAX_HEADER * 2)),
        head_of("GET", "/", *(f"X-{n}: 1" for n in range(1000))),
    ],
)
def test_what_is_no_http_is_told_so(talk, request_bytes):
    answer = talk(request_bytes)
    assert status(answer) == 400
    assert b"<Code>BadRequest</Code>" in answer
    assert b"Content-Type: application/xml\r\n" in answer
    assert b"Traceback" not in answer


def test_connect_says_what_to_do(talk):
    answer = talk(f"CONNECT {COS}:443 HTTP/1.1\r\nHost: {COS}:443\r\n\r\n".encode())
    assert status(answer) == 501
    assert b"COS_SCHEME=http" in answer
    assert b"text/plain" in answer


@pytest.mark.parametrize(
    ("target", "host"),
    [("http://example.com/", "example.com"), ("/", "example.com"), ("http://example.com/", COS)],
)
def test_it_is_no_open_proxy(talk, target, host):
    answer = talk(head_of("GET", target, CLOSE, host=host))
    assert status(answer) == 403
    assert b"no open proxy" in answer


def test_no_host(talk):
    assert status(talk(b"GET / HTTP/1.0\r\n\r\n")) in (400, 403)


@pytest.mark.parametrize("method", ["PATCH", "TRACE"])
def test_other_methods(signed, method):
    answer = signed(method, "/k")
    assert answer.status_code in (405, 501)
    assert method in answer.text


def test_ci_operations_that_are_not_played(cloud):
    with pytest.raises(CosServiceError) as caught:
        cloud.client().ci_get_hls_play_key(Bucket=cloud.bucket)
    assert caught.value.get_status_code() == 501
    assert "GET object" in caught.value.get_error_msg()
    with pytest.raises(CosServiceError, match="ci-process"):
        cloud.client().ci_image_detect_car(Bucket=cloud.bucket, Key="k")


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/", "publicAccessBlock"),
        ("GET", "/", "anything"),
        ("PUT", "/", "anything"),
        ("GET", "/k", "attributes"),
        ("GET", "/k", "torrent"),
        ("PUT", "/k", "anything"),
        ("PUT", "/k", "legal-hold"),
        ("DELETE", "/k", "anything"),
    ],
)
def test_an_unknown_operation_is_no_success(signed, method, path, name):
    signed("PUT", "/k", data=b"x")
    answer = signed(method, path, params={name: ""}, data=b"y" if method == "PUT" else None)
    assert (answer.status_code, "<Code>NotImplemented</Code>" in answer.text) == (501, True)
    assert f"?{name}" in answer.text
    assert signed("GET", "/k").content == b"x"


def test_what_is_no_operation_is_left_alone(signed):
    signed("PUT", "/k", data=b"x", params={"v": "1"})
    assert signed("GET", "/k", params={"20261121": ""}).content == b"x"
    assert signed("GET", "/", params={"prefix": "", "marker": "", "delimiter": ""}).text.count(
        "<Key>"
    ) == 1  # fmt: skip
    assert signed("DELETE", "/k", params={"versionId": ""}).status_code == 204


@pytest.mark.parametrize("params", [{"acl": "", "tagging": ""}, {"uploads": "", "uploadId": "1"}])
def test_two_operations_at_once_are_refused(signed, params):
    signed("PUT", "/k", data=b"x")
    for method in ("GET", "PUT", "POST", "DELETE"):
        answer = signed(method, "/k", params=params)
        assert (answer.status_code, "InvalidArgument" in answer.text) == (400, True)
        assert all(name in answer.text for name in params)
    assert signed("GET", "/k").content == b"x"


def test_header_names_keep_their_case(signed):
    signed("PUT", "/k", data=b"x", headers={"x-cos-meta-MixedCase": "v"})
    raw = signed("GET", "/k").raw.headers
    for name in ("ETag", "Content-Type", "Content-Length", "Last-Modified", "Server", "Date"):
        assert name in list(raw), list(raw)
    assert "x-cos-request-id" in list(raw)
    assert "x-cos-meta-MixedCase" in list(raw)


def test_errors_of_head_have_no_body(signed):
    answer = signed("HEAD", "/gone")
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["x-cos-request-id"]
    assert signed("GET", "/gone").status_code == 404  # on the same connection


def test_a_name_cannot_break_the_error_document(signed):
    answer = signed("GET", "/%3C%26%0d%0a%01%3E", key="<&\r\n\x01>")
    assert answer.status_code == 404
    assert "<&" not in answer.text
    assert "NoSuchKey" in answer.text


class TestBodies:
    @pytest.fixture
    def put(self, cloud):
        """The head of a signed PUT; the caller sends the body himself."""
        config = Config()
        auth = CosS3Auth(
            CosConfig(Region=config.region, SecretId=config.secret_id, SecretKey=config.secret_key),
            self.KEY,
        )

        def make(*headers):
            prepared = auth(requests.Request("PUT", f"http://{COS}/{self.KEY}").prepare())
            prepared.headers.pop("Content-Length", None)
            prepared = auth(prepared)
            lines = [f"Authorization: {prepared.headers['Authorization']}", *headers]
            return head_of("PUT", f"/{self.KEY}", *lines)

        return make

    KEY = "body"

    @pytest.fixture(autouse=True)
    def _gone(self, cloud):
        cloud.client().delete_object(Bucket=cloud.bucket, Key=self.KEY)

    def exists(self, cloud):
        return cloud.client().object_exists(Bucket=cloud.bucket, Key=self.KEY)

    def stored_files(self, cloud):
        folders = (cloud.data / "buckets" / cloud.bucket, cloud.data / "scratch")
        return [path for folder in folders for path in folder.glob(f"*{self.KEY}*")]

    def test_expect_100_continue(self, cloud, talk, put):
        with socket.create_connection(("127.0.0.1", cloud.port), 20) as connection:
            connection.sendall(put("Content-Length: 3", "Expect: 100-continue"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"abc")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert self.exists(cloud)

    def test_a_refused_upload_is_not_asked_for(self, talk):
        answer = talk(head_of("PUT", "/k", "Content-Length: 99999999", "Expect: 100-continue"))
        assert status(answer) == 403
        assert b"100 Continue" not in answer

    def test_chunks(self, cloud, talk, put):
        body = b"3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n\r\n"
        assert status(talk(put("Transfer-Encoding: chunked", CLOSE), body)) == 200
        head = cloud.client().head_object(Bucket=cloud.bucket, Key=self.KEY)
        assert head["ETag"] == f'"{md5(b"abcdefg").hexdigest()}"'

    @pytest.mark.parametrize("body", [b"3\r\nabc", b"zz\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"])
    def test_broken_chunks_store_nothing(self, cloud, put, body):
        self.cut(cloud, put("Transfer-Encoding: chunked"), body)
        assert not self.exists(cloud)

    def test_a_cut_upload_stores_nothing(self, cloud, put):
        self.cut(cloud, put("Content-Length: 1000000"), b"x" * 500_000)
        assert not self.exists(cloud)
        deadline = time.monotonic() + 10
        while list((cloud.data / "scratch").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list((cloud.data / "scratch").iterdir()) == []

    def cut(self, cloud, *pieces):
        with socket.create_connection(("127.0.0.1", cloud.port), 20) as connection:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            while connection.recv(65536):
                pass

    def test_a_failed_overwrite_leaves_the_old(self, cloud, put):
        cloud.client().put_object(Bucket=cloud.bucket, Key=self.KEY, Body=b"old")
        self.cut(cloud, put("Content-Length: 1000"), b"new")
        got = cloud.client().get_object(Bucket=cloud.bucket, Key=self.KEY)
        assert got["Body"].get_raw_stream().read() == b"old"

    def test_a_body_of_a_get_is_left_alone(self, talk):
        answer = talk(head_of("GET", "/k", "Content-Length: 5", CLOSE), b"hello")
        assert status(answer) == 403

    def test_pipelined_requests(self, talk):
        answer = talk(head_of("GET", "/a") + head_of("GET", "/b", CLOSE))
        assert answer.count(b"HTTP/1.1 403 ") == 2


def test_a_body_does_not_wait_for_a_late_acknowledgement(cloud):
    """Without TCP_QUICKACK each upload of the SDK through a proxy takes 40 ms longer."""
    client = cloud.client()
    client.put_object(Bucket=cloud.bucket, Key="quick", Body=b"x")
    times = []
    for _ in range(15):
        started = time.perf_counter()
        client.put_object(Bucket=cloud.bucket, Key="quick", Body=b"x" * 100)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.035


def test_many_at_once(cloud):
    bucket, failures = cloud.new_bucket(), []

    def work(number):
        client = cloud.client()
        for turn in range(5):
            body = f"{number} {turn}".encode() * 1000
            client.put_object(Bucket=bucket, Key="shared", Body=body)
            client.put_object(Bucket=bucket, Key=f"{number}/{turn}", Body=body)
            if (
                client.get_object(Bucket=bucket, Key=f"{number}/{turn}")["Body"]
                .get_raw_stream()
                .read()
                != body
            ):
                failures.append((number, turn))  # fmt: skip
            shared = client.get_object(Bucket=bucket, Key="shared")
            content = shared["Body"].get_raw_stream().read()
            if f'"{md5(content).hexdigest()}"' != shared["ETag"]:
                failures.append("torn")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(cloud.client().list_objects(Bucket=bucket)["Contents"]) == 41


def test_too_many_at_once_are_told_to_slow_down(inside, monkeypatch):
    monkeypatch.setattr("localcloud.server.MAX_REQUESTS", 0)
    answer = requests.get(inside.url, timeout=20)
    assert (answer.status_code, "SlowDown" in answer.text) == (503, True)


def test_a_fault_of_ours_shows_no_trace(inside, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("localcloud.server.authenticate", broken)
    answer = requests.get(inside.url, timeout=20)
    assert (answer.status_code, "InternalError" in answer.text) == (500, True)
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text


def test_request_ids_differ_and_are_of_the_services_form(cloud):
    ids = {requests.get(cloud.url, timeout=20).headers["x-cos-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{20,}={0,2}", one) for one in ids)

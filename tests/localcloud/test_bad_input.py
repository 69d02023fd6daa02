"""Hostile and broken input: a clear refusal, nothing lost, and everybody else is served."""

import base64
import contextlib
import resource
import socket
import time

import pytest
import requests

from localcloud.config import DEFAULT_BUCKET
from tests.localcloud.conftest import Signed, md5

BOMB = b'<!DOCTYPE d [<!ENTITY a "%s">%s]>' % (
    b"x" * 100,
    b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a;" * 50) for n in range(20)),
)
DOCUMENTS = {
    "no XML": b"this is none",
    "cut": b"<%s><",
    "two roots": b"<%s/><%s/>",
    "another root": b"<SomethingElse/>",
    "entity bomb": BOMB + b"<%s>&a19;</%s>",
    "external entity": b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><%s>&a;</%s>',
    "external DTD": b'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/"><%s/>',
    "no UTF-8": b"<%s>\xff\xfe</%s>",
    "NUL": b"<%s>\0</%s>",
    "deep": b"<%s>" + b"<a>" * 100_000,
}
OPERATIONS = [
    ("PUT", "/", "acl", b"AccessControlPolicy"),
    ("PUT", "/", "cors", b"CORSConfiguration"),
    ("PUT", "/", "lifecycle", b"LifecycleConfiguration"),
    ("PUT", "/", "versioning", b"VersioningConfiguration"),
    ("PUT", "/", "tagging", b"Tagging"),
    ("PUT", "/", "website", b"WebsiteConfiguration"),
    ("PUT", "/", "referer", b"RefererConfiguration"),
    ("PUT", "/", "logging", b"BucketLoggingStatus"),
    ("PUT", "/", "origin", b"OriginConfiguration"),
    ("PUT", "/", "domain", b"DomainConfiguration"),
    ("PUT", "/", "replication", b"ReplicationConfiguration"),
    ("PUT", "/", "encryption", b"ServerSideEncryptionConfiguration"),
    ("PUT", "/", "accelerate", b"AccelerateConfiguration"),
    ("POST", "/", "delete", b"Delete"),
    ("PUT", "/k", "acl", b"AccessControlPolicy"),
    ("PUT", "/k", "tagging", b"Tagging"),
    ("PUT", "/k", "retention", b"Retention"),
    ("POST", "/k", "select", b"SelectRequest"),
    ("POST", "/k", "restore", b"RestoreRequest"),
]


@pytest.mark.parametrize(("method", "path", "name", "root"), OPERATIONS)
def test_bad_xml(signed, method, path, name, root):
    headers = {"x-cos-storage-class": "ARCHIVE"} if name == "restore" else {}
    signed("PUT", "/k", data=b"x", headers=headers)
    for kind, document in DOCUMENTS.items():
        body = document.replace(b"%s", root)
        digest = base64.b64encode(md5(body).digest()).decode()
        params = {name: "", **({"select-type": "2"} if name == "select" else {})}
        answer = signed(method, path, params=params, data=body, headers={"Content-MD5": digest})
        assert (answer.status_code, "<Code>MalformedXML</Code>" in answer.text) == (400, True), kind
        assert "root:" not in answer.text
    assert signed("HEAD", "/k").status_code == 200


def test_a_million_parts(signed):
    upload = signed("POST", "/k", params={"uploads": ""}).text
    upload = upload.partition("<UploadId>")[2].partition("<")[0]
    params = {"uploadId": upload}
    etag = signed("PUT", "/k", params={"partNumber": "1", **params}, data=b"x").headers["ETag"]

    def complete(numbers):
        part = "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>"
        inner = "".join(part % (number, etag) for number in numbers)
        body = f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>"
        answer = signed("POST", "/k", params=params, data=body)
        return answer.text.partition("<Code>")[2].partition("<")[0]

    assert complete(range(1, 10_001)) == "InvalidPart"  # so many are read, but were not uploaded
    assert complete(range(1, 10_002)) == "MalformedXML"
    assert complete(range(1, 200_000)) == "XMLSizeLimit"
    assert complete([10**30]) == "InvalidPart"
    assert complete([1]) == ""
    assert signed("GET", "/k").content == b"x"


@pytest.mark.parametrize(
    "key", ["\x01\x02", "a\rb", "\x7f", "\x1b[31m", "\u202egnp", "\ufeff", "  "]
)
def test_keys_with_control_characters(cloud, signed, key):
    path = "/" + requests.utils.quote(key, safe="")
    assert signed("PUT", path, key=key, data=b"odd").status_code == 200
    assert signed("GET", path, key=key).content == b"odd"
    listed = cloud.client().list_objects(Bucket=signed.bucket)["Contents"]
    assert [item["Key"] for item in listed] == [key]
    plain = signed("GET", "/").content
    assert b"\x01" not in plain
    assert b"\x1b" not in plain
    folder = cloud.data / "buckets" / signed.bucket
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 1
    assert not any(ord(character) < 32 or ord(character) == 127 for character in names[0])
    assert signed("DELETE", path, key=key).status_code == 204


class TestSlowClients:
    """Each of them is let go after a time; their number is bounded; others are served meanwhile."""

    HEAD = f"GET / HTTP/1.1\r\nHost: {DEFAULT_BUCKET}.cos.ap-guangzhou.myqcloud.com\r\n"

    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch):
        monkeypatch.setattr("localcloud.server.IDLE_BODY", 0.3)
        monkeypatch.setattr("localcloud.server.MAX_CONNECTIONS", 20)

    def connect(self, inside):
        port = int(inside.url.rpartition(":")[2])
        return socket.create_connection(("127.0.0.1", port), 20)

    def put(self, inside, body):
        signed = Signed(inside.url)
        return signed("PUT", "/k", data=body)

    def test_a_body_that_trickles(self, inside):
        def trickle():
            until = time.monotonic() + 20
            while time.monotonic() < until:
                yield b"x"
                time.sleep(0.02)  # never silent, and yet too slow

        started = time.monotonic()
        try:
            answer = self.put(inside, trickle())
            assert (answer.status_code, "RequestTimeout" in answer.text) == (400, True)
        except requests.ConnectionError:
            pass  # it went on sending to a closed connection
        assert time.monotonic() - started < 10
        assert Signed(inside.url)("GET", "/k").status_code == 404

    def test_a_slow_body_that_is_fast_enough(self, inside):
        def pieces():
            for _ in range(6):
                yield bytes(20_000)
                time.sleep(0.1)  # together twice the time that one pause may take

        assert self.put(inside, pieces()).status_code == 200
        assert len(Signed(inside.url)("GET", "/k").content) == 120_000

    def test_heads_that_never_end(self, inside):
        slow = [self.connect(inside) for _ in range(50)]
        for connection in slow:
            with contextlib.suppress(ConnectionError):
                connection.sendall(self.HEAD.encode())
        assert self.put(inside, b"others are served").status_code == 200
        for connection in slow:
            connection.settimeout(5)
        # The first ones were let go; the last one can still finish what it began.
        with contextlib.suppress(ConnectionError):
            assert slow[0].recv(100) == b""
        slow[-1].sendall(b"\r\n")
        assert slow[-1].recv(100).startswith(b"HTTP/1.1 403 ")
        for connection in slow:
            connection.close()

    def test_an_answer_that_nobody_reads(self, inside, monkeypatch, caplog):
        monkeypatch.setattr("localcloud.sending.SLOW_READER", 0.3)
        caplog.set_level("INFO", "localcloud")
        size = 40_000_000
        signed = Signed(inside.url)
        signed("PUT", "/k", data=bytes(size), headers={"x-cos-acl": "public-read"})
        with self.connect(inside) as connection:
            connection.sendall(self.HEAD.replace("GET /", "GET /k").encode() + b"\r\n")
            until = time.monotonic() + 20
            while "has stopped reading" not in caplog.text and time.monotonic() < until:
                time.sleep(0.02)
            received = 0
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(1 << 20):
                    received += len(piece)
            assert 0 < received < size
        assert len(signed("GET", "/k").content) == size

    def test_requests_at_work_are_not_let_go(self, inside):
        def body():
            yield b"begun,"
            assert Signed(inside.url)("GET", "/none").status_code == 404  # the head has been read
            for connection in [self.connect(inside) for _ in range(40)]:
                connection.close()
            yield b"ended"

        assert self.put(inside, body()).status_code == 200
        assert Signed(inside.url)("GET", "/k").content == b"begun,ended"


class TestFullDisk:
    """Files of the cloud may not grow beyond a size: writing fails as on a disk that is full."""

    @pytest.fixture
    def full(self, start_cloud):
        with start_cloud("--no-functions") as cloud:
            signed = Signed(cloud.url)
            signed("PUT", "/kept", data=b"kept")

            def limit(size):
                hard = resource.RLIM_INFINITY
                resource.prlimit(cloud.process.pid, resource.RLIMIT_FSIZE, (size, hard))

            yield cloud, signed, limit

    def failed(self, answer):
        return answer.status_code, "<Code>InternalError</Code>" in answer.text

    def test_a_body_that_does_not_fit(self, full):
        cloud, signed, limit = full
        limit(1_000_000)
        large = bytes(3_000_000)
        for key in ("/new", "/kept"):
            answer = signed("PUT", key, data=large)
            assert self.failed(answer) == (500, True)
            assert "Traceback" not in answer.text
        assert signed("GET", "/kept").content == b"kept"
        assert signed("HEAD", "/new").status_code == 404
        assert signed("PUT", "/small", data=b"fits").status_code == 200
        upload = signed("POST", "/parts", params={"uploads": ""}).text
        upload = upload.partition("<UploadId>")[2].partition("<")[0]
        part = {"uploadId": upload, "partNumber": "1"}
        assert self.failed(signed("PUT", "/parts", params=part, data=large)) == (500, True)
        assert list((cloud.data / "scratch").iterdir()) == []
        limit(resource.RLIM_INFINITY)
        assert signed("PUT", "/parts", params=part, data=large).status_code == 200
        assert signed("PUT", "/new", data=large).status_code == 200
        assert signed("GET", "/new").content == large

    def test_metadata_that_do_not_fit(self, full, start_cloud):
        cloud, signed, limit = full
        limit(1)  # not even the journal can grow
        for method in ("PUT", "DELETE"):
            assert self.failed(signed(method, "/kept", data=b"other")) == (500, True)
        assert signed("GET", "/kept").content == b"kept"
        limit(resource.RLIM_INFINITY)
        assert signed("PUT", "/after", data=b"after").status_code == 200
        assert signed("DELETE", "/after").status_code == 204
        cloud.process.kill()
        cloud.process.wait(20)
        with start_cloud("--no-functions", data=cloud.data) as again:
            assert Signed(again.url)("GET", "/kept").content == b"kept"
            bodies = [path for path in (again.data / "buckets").rglob("*") if path.is_file()]
            assert len(bodies) == 1

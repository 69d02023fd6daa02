"""Signature Version 4 by hand: what is signed, when, and bodies that come in signed chunks."""

import base64
import hashlib
import hmac
import time
import zlib

import pytest
import requests

from localcloud.config import Config

REGION = "ap-guangzhou"
CONFIG = Config()
STREAM = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.digest(key, text.encode(), "sha256")


class Signer:
    """The reference: written from the specification, shares nothing with the cloud."""

    def __init__(self, bucket, *, now=None, region=REGION, secret_key=CONFIG.secret_key):
        self.date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now or time.time()))
        self.host = f"{bucket}.cos.{REGION}.myqcloud.com"
        self.scope = f"{self.date[:8]}/{region}/s3/aws4_request"
        self.key = f"AWS4{secret_key}".encode()
        for part in self.scope.split("/"):
            self.key = mac(self.key, part)

    def sign(self, kind, *lines):
        head = f"AWS4-HMAC-SHA256{kind}\n{self.date}\n{self.scope}\n"
        return mac(self.key, head + "\n".join(lines)).hex()

    def headers(self, method, path, payload, extra=()):
        signed = {"host": self.host, "x-amz-content-sha256": payload, "x-amz-date": self.date}
        signed = dict(sorted({**signed, **dict(extra)}.items()))
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        names = ";".join(signed)
        self.seed = self.sign(
            "", digest(f"{method}\n{path}\n\n{lines}\n{names}\n{payload}".encode())
        )
        signed["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={CONFIG.secret_id}/{self.scope}, "
            f"SignedHeaders={names}, Signature={self.seed}"
        )
        return signed

    def chunks(self, pieces, trailer=b"", *, change=lambda text: text):
        """The body of a signed stream. `trailer` is `name:value\\n`."""
        previous, body = self.seed, b""
        for piece in (*pieces, b""):
            previous = self.sign("-PAYLOAD", previous, EMPTY, digest(piece))
            body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece
            body += b"\r\n" if piece else b""
        if trailer:
            signature = self.sign("-TRAILER", previous, digest(trailer))
            body += trailer.strip() + f"\r\nx-amz-trailer-signature:{signature}\r\n".encode()
        return change(body + b"\r\n")


@pytest.fixture
def bucket(cloud):
    return cloud.new_bucket()


@pytest.fixture
def send(cloud):
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": cloud.url}

    def ask(signer, method, headers, data=b"", path="/k"):
        answer = session.request(
            method, f"http://{signer.host}{path}", headers=headers, data=data, timeout=20
        )
        code = answer.text.partition("<Code>")[2].partition("</Code>")[0]
        return answer, code or answer.status_code

    return ask


def test_a_signed_body(send, bucket):
    signer = Signer(bucket)
    headers = signer.headers("PUT", "/k", digest(b"body"))
    assert send(signer, "PUT", headers, b"body")[1] == 200
    assert send(signer, "PUT", headers, b"bodY")[1] == "XAmzContentSHA256Mismatch"
    headers = signer.headers("GET", "/k", EMPTY)
    assert send(signer, "GET", headers)[0].content == b"body"


def test_a_body_that_is_not_signed(send, bucket):
    signer = Signer(bucket)
    headers = signer.headers("PUT", "/k", "UNSIGNED-PAYLOAD")
    assert send(signer, "PUT", headers, b"anything")[1] == 200


@pytest.mark.parametrize(
    ("shift", "expected"),
    [(-901, "RequestTimeTooSkewed"), (-850, 200), (850, 200), (960, "RequestTimeTooSkewed")],
)
def test_the_clock(send, bucket, shift, expected):
    signer = Signer(bucket, now=time.time() + shift)
    headers = signer.headers("PUT", "/k", digest(b""))
    answer, code = send(signer, "PUT", headers)
    assert code == expected
    assert ("ServerTime" in answer.text) is (expected != 200)


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (
            "Authorization",
            lambda t: t[:-1] + ("0" if t[-1] != "0" else "1"),
            "SignatureDoesNotMatch",
        ),
        ("Authorization", lambda t: t[:-1], "AuthorizationHeaderMalformed"),
        ("Authorization", lambda t: t.replace("aws4_request", "x"), "AuthorizationHeaderMalformed"),
        ("Authorization", lambda t: t.replace("/s3/", "/sts/"), "AuthorizationHeaderMalformed"),
        (
            "Authorization",
            lambda t: t.replace(REGION, "ap-beijing"),
            "AuthorizationHeaderMalformed",
        ),
        ("Authorization", lambda t: t.replace("host;", ""), "AuthorizationHeaderMalformed"),
        ("Authorization", lambda t: t.replace(";x-amz-date", ""), "AccessDenied"),
        ("Authorization", lambda t: t.split(",")[0], "AuthorizationHeaderMalformed"),
        ("Authorization", lambda t: t.replace(CONFIG.secret_id, "AKIDx"), "InvalidAccessKeyId"),
        ("Authorization", lambda t: "AWS a:b", "InvalidRequest"),
        (
            "x-amz-date",
            lambda t: t[:-2] + ("1Z" if t[-2] != "1" else "2Z"),
            "SignatureDoesNotMatch",
        ),
        ("x-amz-date", lambda t: "20260230T000000Z", "AuthorizationHeaderMalformed"),
        ("x-amz-date", lambda t: "yesterday", "AuthorizationHeaderMalformed"),
        ("x-amz-content-sha256", lambda t: "0" * 64, "SignatureDoesNotMatch"),
        ("x-amz-content-sha256", lambda t: "none", "InvalidRequest"),
    ],
)
def test_what_is_tampered_with(send, bucket, name, change, expected):
    signer = Signer(bucket)
    headers = signer.headers("PUT", "/k", digest(b"x"))
    headers[name] = change(headers[name])
    answer, code = send(signer, "PUT", headers, b"x")
    assert code == expected
    assert CONFIG.secret_key not in answer.text


@pytest.mark.parametrize(
    ("host", "value"),
    [
        ("127.0.0.1", b"AWS4-HMAC-SHA256 Credential=\xff/20260101/r-1/s3/aws4_request,"),
        ("127.0.0.1", b"AWS4-HMAC-SHA256 Credential=AKIDlocalcloud/DATE/\xff/s3/aws4_request,"),
        ("127.0.0.1", b"AWS4-HMAC-SHA256 Credential=AKIDlocalcloud/DATE/../s3/aws4_request,"),
        ("sts.tencentcloudapi.com", b"TC3-HMAC-SHA256 Credential=\xff/2026-01-01/sts/tc3_request,"),
    ],
)
@pytest.mark.parametrize("names", [b"host", b"content-type;host;\xff"])
def test_bytes_that_are_no_text(talk, host, value, names):
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()).encode()
    value = value.replace(b"DATE", now[:8])
    value += b"SignedHeaders=" + names + b",Signature=" + b"0" * 64
    answer = talk(
        b"GET /b-1250000000/k HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n"
        b"x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nx-amz-date: "
        + now
        + b"\r\nx-tc-timestamp: \xff\r\nAuthorization: "
        + value
        + b"\r\n\r\n"
    )
    assert b"InternalError" not in answer
    assert b"Authorization" in answer or b"AuthFailure" in answer or b"InvalidAccessKey" in answer


def test_headers_that_are_added_later(send, bucket):
    signer = Signer(bucket)
    for name in ("x-amz-acl", "x-cos-acl", "x-amz-meta-a"):
        headers = {**signer.headers("PUT", "/k", digest(b"")), name: "public-read"}
        assert send(signer, "PUT", headers)[1] == "AccessDenied"


def test_a_mismatch_shows_what_was_signed(send, bucket):
    signer = Signer(bucket, secret_key="wrong")
    answer, _ = send(signer, "GET", signer.headers("GET", "/k", EMPTY))
    assert f"<StringToSign>AWS4-HMAC-SHA256\n{signer.date}\n" in answer.text
    assert f"<CanonicalRequest>GET\n/k\n\nhost:{signer.host}\n" in answer.text


PIECES = [b"a" * 65536, b"b" * 65536, b"the end"]
WHOLE = b"".join(PIECES)
TRAILER = b"x-amz-checksum-crc32:" + base64.b64encode(zlib.crc32(WHOLE).to_bytes(4, "big")) + b"\n"


def stream(signer, payload=STREAM, *, length=None, trailer=""):
    length = len(WHOLE) if length is None else length
    extra = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)}
    if trailer:
        extra["x-amz-trailer"] = trailer
    return signer.headers("PUT", "/k", payload, extra)


class TestSignedChunks:
    def test_they_are_put_together(self, send, bucket):
        signer = Signer(bucket)
        headers = stream(signer)
        assert send(signer, "PUT", headers, signer.chunks(PIECES))[1] == 200
        got, _ = send(signer, "GET", signer.headers("GET", "/k", EMPTY))
        assert got.content == WHOLE
        assert "Content-Encoding" not in got.headers

    def test_with_a_trailer(self, send, bucket):
        signer = Signer(bucket)
        headers = stream(signer, f"{STREAM}-TRAILER", trailer="x-amz-checksum-crc32")
        assert send(signer, "PUT", headers, signer.chunks(PIECES, TRAILER))[1] == 200

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda body: body.replace(b"the end", b"the End"), "SignatureDoesNotMatch"),
            (
                lambda body: body.replace(b"7;chunk-signature=", b"7;chunk-signature=0", 1),
                "InvalidRequest",
            ),
            (lambda body: body.replace(b"7;", b"6;", 1), "SignatureDoesNotMatch"),
            (lambda body: b"zz" + body, "InvalidRequest"),
            (lambda body: b"f" * 2000, "InvalidRequest"),
            (lambda body: body[:100], "IncompleteBody"),
            (lambda body: body.partition(b"0;chunk-signature=")[0], "IncompleteBody"),
            (lambda body: b"", "IncompleteBody"),
        ],
    )
    def test_what_is_tampered_with(self, send, bucket, change, expected):
        signer = Signer(bucket)
        headers = stream(signer)
        assert send(signer, "PUT", headers, signer.chunks(PIECES, change=change))[1] == expected
        assert send(signer, "GET", signer.headers("GET", "/k", EMPTY))[1] == "NoSuchKey"

    def test_chunks_in_another_order(self, send, bucket):
        signer = Signer(bucket)
        headers = stream(signer)
        signed = signer.chunks(PIECES)
        first, second = signed[: len(signed) // 2], signed[len(signed) // 2 :]
        swapped = signed.replace(b"a" * 65536, b"?").replace(b"b" * 65536, b"a" * 65536)
        assert first + second == signed
        body = swapped.replace(b"?", b"b" * 65536)
        assert send(signer, "PUT", headers, body)[1] == "SignatureDoesNotMatch"

    def test_another_length(self, send, bucket):
        signer = Signer(bucket)
        headers = stream(signer, length=5)
        assert send(signer, "PUT", headers, signer.chunks(PIECES))[1] == "IncompleteBody"

    @pytest.mark.parametrize(
        ("trailer", "change", "expected"),
        [
            (TRAILER.replace(b"crc32:", b"crc32:A"), None, "BadDigest"),
            (
                TRAILER,
                lambda b: b.replace(b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0"),
                "SignatureDoesNotMatch",
            ),
            (
                TRAILER,
                lambda b: b.replace(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32:A"),
                "SignatureDoesNotMatch",
            ),
            (b"no colon\n", None, "InvalidRequest"),
            (b"", None, "SignatureDoesNotMatch"),
        ],
    )
    def test_a_trailer_that_is_wrong(self, send, bucket, trailer, change, expected):
        signer = Signer(bucket)
        headers = stream(signer, f"{STREAM}-TRAILER", trailer="x-amz-checksum-crc32")
        body = signer.chunks(PIECES, trailer, change=change or (lambda text: text))
        assert send(signer, "PUT", headers, body)[1] == expected


class TestUnsignedChunks:
    PAYLOAD = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @pytest.mark.parametrize(
        ("body", "trailer", "expected"),
        [
            (
                b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n",
                "x-amz-checksum-crc32",
                200,
            ),
            (
                b"1\r\na\r\n2\r\nbc\r\n0\r\nx-amz-checksum-crc32c:NksosQ==\r\n\r\n",
                "x-amz-checksum-crc32c",
                "BadDigest",
            ),
            (
                b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32c:Nks/tw==\r\n\r\n",
                "x-amz-checksum-crc32c",
                200,
            ),
            (b"3\r\nabc\r\n0\r\n\r\n", "x-amz-checksum-crc32", "BadDigest"),
            (b"3\r\nabc\r\n0\r\n\r\n", "", 200),
            (b"3\r\nabc\r\n0\r\n\r\n", "x-amz-checksum-md6", "InvalidRequest"),
            (b"3\r\nabc\r\n0\r\n\r\n", "x-amz-checksum-crc64nvme", "BadDigest"),
            (
                b"2\r\nab\r\n1\r\nc\r\n0\r\nx-amz-checksum-crc64nvme:BeXKuz/B+us=\r\n\r\n",
                "x-amz-checksum-crc64nvme",
                200,
            ),
            (b"3;chunk-signature=" + b"0" * 64 + b"\r\nabc\r\n0\r\n\r\n", "", "InvalidRequest"),
            (b"3\r\nabcd\r\n0\r\n\r\n", "", "InvalidRequest"),
            (b"fffffffffff\r\nabc", "", "InvalidRequest"),
            (b"ffffffff\r\nabc", "", "IncompleteBody"),
            (b"3\r\nabc\r\n0\r\n" + b"a:b\r\n" * 21 + b"\r\n", "", "InvalidRequest"),
        ],
    )
    def test_bodies(self, send, bucket, body, trailer, expected):
        signer = Signer(bucket)
        headers = stream(signer, self.PAYLOAD, length=3, trailer=trailer)
        assert send(signer, "PUT", headers, body)[1] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "NoSuchKey"),
        ({"X-Amz-Expires": "0"}, "AuthorizationQueryParametersError"),
        ({"X-Amz-Expires": "604801"}, "AuthorizationQueryParametersError"),
        ({"X-Amz-Algorithm": "AWS4-HMAC-SHA1"}, "AuthorizationQueryParametersError"),
        ({"X-Amz-Credential": "x"}, "AuthorizationQueryParametersError"),
        ({"X-Amz-Signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"response-content-type": "text/x"}, "SignatureDoesNotMatch"),
        ({"shift": -3000}, "AccessDenied"),
        ({"shift": 3000}, "AccessDenied"),
    ],
)
def test_links(send, bucket, change, expected):
    signer = Signer(bucket, now=time.time() + change.pop("shift", 0))
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{CONFIG.secret_id}%2F{signer.scope.replace('/', '%2F')}",
        "X-Amz-Date": signer.date,
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    canonical = f"GET\n/k\n{text}\nhost:{signer.host}\n\nhost\nUNSIGNED-PAYLOAD"
    query["X-Amz-Signature"] = signer.sign("", digest(canonical.encode()))
    query |= change
    path = "/k?" + "&".join(f"{name}={value}" for name, value in query.items())
    assert send(signer, "GET", {}, path=path)[1] == expected

"""POST Object: what a browser's form uploads, and what its policy allows."""

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from defusedxml.ElementTree import fromstring

from localcloud.config import Config
from tests.localcloud.conftest import DEFAULT_BUCKET, md5

MIB = 1024 * 1024


def sha1(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest()


def signed_fields(conditions, ahead=600, window=(-60, 600), **changes):
    """The fields of a policy, signed by hand as the manual describes it."""
    now = int(time.time())
    expiration = datetime.fromtimestamp(now + ahead, timezone.utc)
    document = {"expiration": f"{expiration:%Y-%m-%dT%H:%M:%S}.000Z", "conditions": conditions}
    policy = json.dumps(document)
    key_time = f"{now + window[0]};{now + window[1]}"
    sign_key = sha1(Config().secret_key, key_time)
    digest = hashlib.sha1(policy.encode(), usedforsecurity=False).hexdigest()
    fields = {
        "policy": base64.b64encode(policy.encode()).decode(),
        "q-sign-algorithm": "sha1",
        "q-ak": Config().secret_id,
        "q-key-time": key_time,
        "q-signature": sha1(sign_key, digest),
    }
    return {**fields, **changes}


class Form:
    def __init__(self, url, bucket):
        self.url, self.bucket = f"{url}/{bucket}/", bucket

    def __call__(self, fields, content=b"content", filename="my photo.jpg", **options):
        return requests.post(
            self.url, data=fields, files={"file": (filename, content, "image/jpeg")},
            timeout=20, allow_redirects=False, **options,
        )  # fmt: skip

    def raw(self, body, boundary="B", length=None):
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return requests.post(self.url, data=body, headers=headers, timeout=20)


@pytest.fixture
def form(cloud, fresh):
    return Form(cloud.url, fresh)


def code(answer):
    root = fromstring(answer.content)
    return answer.status_code, root.findtext("Code")


def part(name, value, more=""):
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def test_a_signed_form_stores_its_file(form, client, body_of):
    fields = {
        "key": "dir/图 1.jpg", "Content-Type": "image/jpeg", "x-cos-meta-Owner": "me",
        "Cache-Control": "no-store", "x-cos-storage-class": "STANDARD_IA", "acl": "public-read",
        "x-cos-tagging": "a=1", **signed_fields([["starts-with", "$key", "dir/"]]),
    }  # fmt: skip
    content = b"bytes\r\n--not the end"
    answer = form(fields, content)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (
        answer.headers["ETag"]
        == f'"{md5(b"bytes" + bytes([13, 10]) + b"--not the end").hexdigest()}"'
    )
    assert answer.headers["Location"].endswith("/dir/%E5%9B%BE%201.jpg")
    assert body_of(form.bucket, "dir/图 1.jpg") == content
    head = client.head_object(Bucket=form.bucket, Key="dir/图 1.jpg")
    expected = {
        "Content-Type": "image/jpeg", "x-cos-meta-Owner": "me", "Cache-Control": "no-store",
        "x-cos-storage-class": "STANDARD_IA", "x-cos-tagging-count": "1",
    }  # fmt: skip
    assert {name: head[name] for name in expected} == expected
    public = requests.get(f"{form.url}dir/图 1.jpg", timeout=20)
    assert public.status_code == 200


def test_the_name_of_the_file(form, client):
    form({"key": "up/${filename}", **signed_fields([])}, filename="C:\\dir\\猫.png")
    listed = client.list_objects(Bucket=form.bucket)["Contents"]
    assert [item["Key"] for item in listed] == ["up/猫.png"]


@pytest.mark.parametrize("status", ["200", "201", "204"])
def test_the_status_that_is_asked_for(form, status):
    fields = {"key": "a&b", "success_action_status": status, **signed_fields([])}
    answer = form(fields)
    assert answer.status_code == int(status)
    if status == "201":
        root = fromstring(answer.content)
        assert root.tag == "PostResponse"
        assert root.findtext("Bucket") == form.bucket
        assert root.findtext("Key") == "a&b"
        assert root.findtext("ETag") == answer.headers["ETag"]
        assert root.findtext("Location") == answer.headers["Location"]


def test_a_redirect_tells_what_was_stored(form):
    address = "https://example.com/done?page=1#part"
    answer = form({"key": "a b", "success_action_redirect": address, **signed_fields([])})
    assert answer.status_code == 303
    place = urlsplit(answer.headers["Location"])
    assert (place.scheme, place.netloc, place.path, place.fragment) == (
        "https", "example.com", "/done", "part",
    )  # fmt: skip
    assert parse_qs(place.query) == {
        "page": ["1"], "bucket": [form.bucket], "key": ["a b"],
        "etag": [f'"{md5(b"content").hexdigest()}"'],
    }  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "/local", "//host/x", "http://", "https://h/\r\nSet-Cookie: a=b"],
)
def test_a_redirect_that_leads_nowhere_good_stores_nothing(form, client, address):
    answer = form({"key": "a", "success_action_redirect": address, **signed_fields([])})
    assert answer.status_code == 400
    assert not client.object_exists(Bucket=form.bucket, Key="a")


HOLD = [
    {"bucket": "BUCKET"},
    {"key": "user/1.jpg"},
    {"Content-Type": "image/png"},
    ["eq", "$key", "user/1.jpg"],
    ["starts-with", "$key", "user/"],
    ["starts-with", "$content-type", "image/"],
    ["starts-with", "$x-cos-meta-any", ""],
    ["eq", "$acl", "private"],
    ["content-length-range", 0, 7],
    ["content-length-range", 7, 1000],
    {"q-ak": Config().secret_id},
    {"q-sign-algorithm": "sha1"},
]
FAIL = [
    {"bucket": "other-1250000000"},
    {"key": "user/2.jpg"},
    ["eq", "$key", "user/"],
    ["starts-with", "$key", "User/"],
    ["starts-with", "$absent", ""],
    {"success_action_status": "200"},
    {"q-sign-time": "1;2"},
]
FIELDS = {"key": "user/1.jpg", "Content-Type": "image/png", "x-cos-meta-any": "x", "acl": "private"}


@pytest.mark.parametrize("condition", HOLD, ids=json.dumps)
def test_a_condition_that_holds(form, condition):
    text = json.dumps(condition).replace("BUCKET", form.bucket)
    assert form({**FIELDS, **signed_fields([json.loads(text)])}).status_code == 204


@pytest.mark.parametrize("condition", FAIL, ids=json.dumps)
def test_a_condition_that_fails(form, client, condition):
    answer = form({**FIELDS, **signed_fields([condition])})
    assert code(answer) == (403, "AccessDenied")
    assert not client.object_exists(Bucket=form.bucket, Key="user/1.jpg")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((0, 6), "EntityTooLarge"), ((8, 100), "EntityTooSmall"), ((0, 0), "EntityTooLarge")],
)
def test_a_file_of_another_size(form, client, sizes, expected):
    answer = form({"key": "a", **signed_fields([["content-length-range", *sizes]])})
    assert code(answer) == (400, expected)
    assert not client.object_exists(Bucket=form.bucket, Key="a")


@pytest.mark.parametrize(
    "conditions",
    [
        "text", [["equals", "$key", "a"]], [["eq", "key", "a"]], [["eq", "$key"]], [{"key": 1}],
        [{}], [["content-length-range", 5, 1]], [["content-length-range", "x", 1]], [None],
        [["eq", "$key", "a"]] * 201,
    ],
    ids=lambda value: json.dumps(value)[:40],
)  # fmt: skip
def test_a_policy_that_is_none(form, conditions):
    answer = form({"key": "a", **signed_fields(conditions)})
    assert code(answer) == (400, "InvalidPolicyDocument")


@pytest.mark.parametrize(
    "policy", ["%%%", base64.b64encode(b"{").decode(), base64.b64encode(b"[" * 100_000).decode()]
)
def test_a_policy_that_cannot_be_read(form, policy):
    answer = form({"key": "a", **signed_fields([], policy=policy)})
    assert code(answer) == (400, "InvalidPolicyDocument")


def test_who_did_not_sign_this_policy(form, client):
    other = signed_fields([{"key": "b"}])
    refused = {
        "signature": form({"key": "a", **signed_fields([], **{"q-signature": "0" * 40})}),
        "policy": form({"key": "a", **signed_fields([]), "policy": other["policy"]}),
        "expired": form({"key": "a", **signed_fields([], ahead=-5)}),
        "window over": form({"key": "a", **signed_fields([], window=(-60, -5))}),
        "window ahead": form({"key": "a", **signed_fields([], window=(500, 600))}),
        "unknown key": form({"key": "a", **signed_fields([], **{"q-ak": "AKIDnobody"})}),
        "no key": form({"key": "a", **signed_fields([], **{"q-ak": ""})}),
        "unsigned": form({"key": "a"}),
        "no policy": form({"key": "a", **{**signed_fields([]), "policy": ""}}),
    }
    assert {name: code(answer) for name, answer in refused.items()} == {
        "signature": (403, "SignatureDoesNotMatch"),
        "policy": (403, "SignatureDoesNotMatch"),
        "expired": (403, "AccessDenied"),
        "window over": (403, "AccessDenied"),
        "window ahead": (403, "RequestTimeTooSkewed"),
        "unknown key": (403, "InvalidAccessKeyId"),
        "no key": (403, "AccessDenied"),
        "unsigned": (403, "AccessDenied"),
        "no policy": (403, "AccessDenied"),
    }
    assert not client.object_exists(Bucket=form.bucket, Key="a")


def test_a_bucket_that_everybody_may_write_needs_no_signature(cloud, client):
    bucket = cloud.new_bucket(ACL="public-read-write")
    assert Form(cloud.url, bucket)({"key": "a"}).status_code == 204
    assert client.object_exists(Bucket=bucket, Key="a")


def test_a_temporary_key_needs_its_token(inside):
    issued = inside.call(lambda: inside.cloud.credentials.issue(60))
    form = Form(inside.url, DEFAULT_BUCKET)
    fields = signed_fields([])
    policy = base64.b64decode(fields["policy"]).decode()
    digest = hashlib.sha1(policy.encode(), usedforsecurity=False).hexdigest()
    signature = sha1(sha1(issued.secret_key, fields["q-key-time"]), digest)
    fields |= {"key": "a", "q-ak": issued.secret_id, "q-signature": signature}
    assert code(form(fields)) == (403, "InvalidAccessKeyId")
    assert form({**fields, "x-cos-security-token": issued.token}).status_code == 204
    [event] = inside.events
    assert event["Records"][0]["event"]["eventName"] == "cos:ObjectCreated:Post"


def test_fields_that_are_refused_by_name(form):
    for fields, expected in (
        ({"key": ""}, "InvalidArgument"),
        ({}, "InvalidArgument"),
        ({"key": "x" * 851}, "KeyTooLong"),
        ({"key": "a", "acl": "everything"}, "InvalidArgument"),
        ({"key": "a", "success_action_status": "500"}, "InvalidArgument"),
        ({"key": "a", "Pic-Operations": "{}"}, "NotImplemented"),
        ({"key": "a", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest"),
    ):
        assert code(form({**fields, **signed_fields([])}))[1] == expected


BROKEN = {
    "no boundary in it": b"nothing",
    "no file": part("key", b"a") + b"--B--\r\n",
    "no end": part("key", b"a") + part("file", b"half", '; filename="f"')[:-4],
    "no name": b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--\r\n",
    "a field twice": part("key", b"a") + part("KEY", b"b") + part("file", b"x") + b"--B--",
    "junk behind a boundary": b"--Bjunk",
    "not UTF-8": part("key", b"\xff") + part("file", b"x") + b"--B--",
    "too many fields": b"".join(part(f"f{n}", b"") for n in range(102)) + part("file", b"x"),
    "a huge field": part("key", b"a" * (300 * 1024)) + part("file", b"x") + b"--B--",
    "a huge head": b"--B\r\nX: " + b"a" * 20_000 + b"\r\n\r\nx\r\n--B--",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_form_that_cannot_be_read(cloud, client, body):
    bucket = cloud.new_bucket(ACL="public-read-write")
    assert code(Form(cloud.url, bucket).raw(body)) == (400, "MalformedPOSTRequest")
    assert "Contents" not in client.list_objects(Bucket=bucket)


def test_what_stands_behind_the_file_is_left_out(cloud, body_of):
    bucket = cloud.new_bucket(ACL="public-read-write")
    body = part("key", b"a") + part("file", b"x", '; filename="f"')
    answer = Form(cloud.url, bucket).raw(body + part("submit", b"Upload") + b"--B--\r\n")
    assert answer.status_code == 204
    assert body_of(bucket, "a") == b"x"


def test_a_form_is_no_form(form):
    answer = requests.post(form.url, json={}, timeout=20)
    assert code(answer) == (400, "MalformedPOSTRequest")


def test_a_boundary_cut_by_every_packet(talk, cloud, body_of):
    """Byte by byte: no place where a piece ends may matter."""
    bucket = cloud.new_bucket(ACL="public-read-write")
    content = b"\r\n--A\r\n\r--B\r\n-\r\n--\r\n" * 3
    body = part("key", b"a") + part("file", content, '; filename="f"') + b"--B--\r\n"
    head = f"POST /{bucket}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    head += "Content-Type: multipart/form-data; boundary=B\r\nConnection: close\r\n\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    answer = talk(head.encode() + chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 204 "), answer
    assert body_of(bucket, "a") == content


def test_a_large_file_is_not_held_in_memory(cloud, form, client):
    def resident():
        lines = Path(f"/proc/{cloud.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def pieces():
        yield (
            part("key", b"big")
            + b"".join(part(name, value.encode()) for name, value in signed_fields([]).items())
            + b'--B\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        )
        for _ in range(96):
            yield bytes(MIB)
        yield b"\r\n--B--\r\n"

    before = resident()
    assert form.raw(pieces()).status_code == 204
    assert resident() - before < 48 * 1024
    assert client.head_object(Bucket=form.bucket, Key="big")["Content-Length"] == str(96 * MIB)

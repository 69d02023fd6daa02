"""Server-side encryption: COS's label, and customers' keys that are enforced."""

import base64
import hashlib
import os

import pytest
from fastcrc import crc64

from tests.localcloud.conftest import md5

MIB = 1024 * 1024
NAMES = ("Algorithm", "Key", "KeyMD5")


def customer(key, prefix="SSECustomer"):
    digest = hashlib.md5(key, usedforsecurity=False).digest()
    values = ("AES256", base64.b64encode(key).decode(), base64.b64encode(digest).decode())
    return {f"{prefix}{name}": value for name, value in zip(NAMES, values, strict=True)}


ONE, TWO = customer(b"1" * 32), customer(b"2" * 32)
SOURCE_ONE = customer(b"1" * 32, "CopySourceSSECustomer")
TEXT = bytes(range(256)) * 5000 + b"the end"


def source(bucket, key="secret"):
    return {"Bucket": bucket, "Key": key, "Region": "ap-guangzhou"}


@pytest.fixture
def secret(client, fresh):
    client.put_object(Bucket=fresh, Key="secret", Body=TEXT, **ONE)
    return fresh


def test_only_its_key_opens_an_object(client, secret, body_of, code_of):
    assert body_of(secret, "secret", **ONE) == TEXT
    for call in (client.get_object, client.head_object):
        status, _ = code_of(call, Bucket=secret, Key="secret")
        assert status == 400
        status, _ = code_of(call, Bucket=secret, Key="secret", **TWO)
        assert status == 403
    # Not even whether it has changed is told.
    status, _ = code_of(client.get_object, Bucket=secret, Key="secret", IfNoneMatch="*")
    assert status == 400


def test_what_the_answers_say(client, secret):
    head = client.head_object(Bucket=secret, Key="secret", **ONE)
    got = client.get_object(Bucket=secret, Key="secret", **ONE)
    got["Body"].get_raw_stream().read()
    for answer in (head, got):
        assert answer["x-cos-server-side-encryption-customer-algorithm"] == "AES256"
        assert answer["x-cos-server-side-encryption-customer-key-MD5"] == ONE["SSECustomerKeyMD5"]
        assert answer["x-cos-hash-crc64ecma"] == str(crc64.xz(TEXT))
        assert answer["Content-Length"] == str(len(TEXT))
        # The MD5 of the text would tell who guesses it that he is right.
        assert answer["ETag"].strip('"') != md5(TEXT).hexdigest()
        assert not any(name.startswith(":") for name in answer)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-0", TEXT[:1]),
        ("bytes=5-20", TEXT[5:21]),
        ("bytes=15-16", TEXT[15:17]),
        ("bytes=16-31", TEXT[16:32]),
        ("bytes=300000-700000", TEXT[300000:700001]),
        ("bytes=-7", b"the end"),
    ],
)
def test_ranges(secret, body_of, wanted, expected):
    assert body_of(secret, "secret", Range=wanted, **ONE) == expected


def test_nothing_of_it_lies_in_the_data_folder(cloud, client, fresh):
    marked = b"MARK-OF-THE-PLAIN-TEXT" * 50
    key = os.urandom(32)
    client.put_object(Bucket=fresh, Key="secret", Body=marked, **customer(key))
    files = [path for path in cloud.data.rglob("*") if path.is_file()]
    [body] = [path for path in files if path.name.startswith("secret.") and fresh in str(path)]
    assert b"MARK-OF" not in body.read_bytes()
    for path in files:
        content = path.read_bytes()
        assert key not in content
        assert base64.b64encode(key) not in content


def test_two_uploads_of_one_text_have_nothing_in_common(client, fresh):
    etags = {
        client.put_object(Bucket=fresh, Key=key, Body=TEXT, **ONE)["ETag"] for key in ("a", "b")
    }
    assert len(etags) == 2


def test_content_md5_is_that_of_the_text(client, fresh, body_of):
    client.put_object(Bucket=fresh, Key="a", Body=TEXT, EnableMD5=True, **ONE)
    assert body_of(fresh, "a", **ONE) == TEXT


def test_copies_between_keys(client, secret, body_of, code_of):
    client.copy_object(Bucket=secret, Key="two", CopySource=source(secret), **SOURCE_ONE, **TWO)
    client.copy_object(Bucket=secret, Key="plain", CopySource=source(secret), **SOURCE_ONE)
    assert body_of(secret, "two", **TWO) == body_of(secret, "plain") == TEXT
    assert code_of(client.get_object, Bucket=secret, Key="two", **ONE)[0] == 403
    head = client.head_object(Bucket=secret, Key="plain")
    assert not [name for name in head if "encryption" in name]
    assert code_of(client.copy_object, Bucket=secret, Key="x", CopySource=source(secret)) == (
        400,
        "InvalidRequest",
    )


def test_parts_are_encrypted_and_joined_without_the_key(client, fresh, body_of):
    pieces = [b"a" * MIB + b"odd", b"b" * MIB, b"tail"]
    started = client.create_multipart_upload(Bucket=fresh, Key="big", **ONE)
    where = {"Bucket": fresh, "Key": "big", "UploadId": started["UploadId"]}
    parts = []
    for number, piece in enumerate(pieces, 1):
        done = client.upload_part(**where, PartNumber=number, Body=piece, **ONE)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    done = client.complete_multipart_upload(**where, MultipartUpload={"Part": parts})
    whole = b"".join(pieces)
    assert done["x-cos-server-side-encryption-customer-algorithm"] == "AES256"
    assert done["x-cos-hash-crc64ecma"] == str(crc64.xz(whole))
    assert body_of(fresh, "big", **ONE) == whole
    edge = len(pieces[0])
    wanted = f"bytes={edge - 5}-{edge + MIB + 1}"
    assert body_of(fresh, "big", Range=wanted, **ONE) == whole[edge - 5 : edge + MIB + 2]


def test_a_part_under_another_key_is_refused(client, fresh, code_of):
    started = client.create_multipart_upload(Bucket=fresh, Key="big", **ONE)
    where = {"Bucket": fresh, "Key": "big", "UploadId": started["UploadId"], "PartNumber": 1}
    assert code_of(client.upload_part, **where, Body=b"x", **TWO) == (403, "AccessDenied")
    assert code_of(client.upload_part, **where, Body=b"x") == (400, "InvalidRequest")


def test_a_part_copied_from_one_key_to_another(client, secret, body_of):
    started = client.create_multipart_upload(Bucket=secret, Key="copy", **TWO)
    where = {"Bucket": secret, "Key": "copy", "UploadId": started["UploadId"]}
    done = client.upload_part_copy(
        **where, PartNumber=1, CopySource=source(secret), CopySourceRange="bytes=3-999999",
        **SOURCE_ONE, **TWO,
    )  # fmt: skip
    parts = [{"PartNumber": 1, "ETag": done["ETag"]}]
    client.complete_multipart_upload(**where, MultipartUpload={"Part": parts})
    assert body_of(secret, "copy", **TWO) == TEXT[3:1000000]


@pytest.mark.parametrize(
    "change",
    [
        {"SSECustomerAlgorithm": "AES128"},
        {"SSECustomerKey": "c2hvcnQ="},
        {"SSECustomerKey": "no base64!"},
        {"SSECustomerKeyMD5": TWO["SSECustomerKeyMD5"]},
        {"SSECustomerKeyMD5": ""},
        {"ServerSideEncryption": "AES256"},
    ],
)
def test_headers_that_do_not_fit_store_nothing(client, fresh, code_of, change):
    found = code_of(client.put_object, Bucket=fresh, Key="a", Body=b"x", **{**ONE, **change})
    assert found == (400, "InvalidArgument")
    assert not client.object_exists(Bucket=fresh, Key="a")


def test_a_key_for_what_needs_none(client, fresh, code_of):
    client.put_object(Bucket=fresh, Key="a", Body=b"x")
    assert code_of(client.get_object, Bucket=fresh, Key="a", **ONE) == (400, "InvalidRequest")


def test_pictures_under_a_key_are_not_processed(client, secret, code_of):
    rule = {"Rule": "imageMogr2/thumbnail/10x"}
    found = code_of(client.ci_get_object, Bucket=secret, Key="secret", DestImagePath="/dev/null",
                    Rule=rule["Rule"])  # fmt: skip
    assert found == (400, "InvalidRequest")


def test_the_label_of_cos_is_kept(client, fresh, code_of):
    done = client.put_object(Bucket=fresh, Key="a", Body=b"x", ServerSideEncryption="AES256")
    head = client.head_object(Bucket=fresh, Key="a")
    assert {a["x-cos-server-side-encryption"] for a in (done, head)} == {"AES256"}
    found = code_of(
        client.put_object, Bucket=fresh, Key="b", Body=b"x", ServerSideEncryption="cos/kms"
    )
    assert found == (501, "NotImplemented")
    found = code_of(
        client.put_object, Bucket=fresh, Key="b", Body=b"x", ServerSideEncryption="rot13"
    )
    assert found == (400, "InvalidArgument")


def test_an_encrypted_object_outlives_a_killed_process(start_cloud, tmp_path):
    data = tmp_path / "kept"
    with start_cloud("--no-functions", data=data) as cloud:
        cloud.client().put_object(Bucket=cloud.bucket, Key="secret", Body=TEXT, **ONE)
        cloud.process.kill()
        cloud.process.wait()
    with start_cloud("--no-functions", data=data) as cloud:
        got = cloud.client().get_object(Bucket=cloud.bucket, Key="secret", **ONE)
        assert got["Body"].get_raw_stream().read() == TEXT

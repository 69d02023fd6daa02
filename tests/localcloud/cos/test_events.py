"""The event of each durable change: what a function is woken with."""

import errno
import os
import sqlite3
import time

import pytest
import requests

from localcloud.config import DEFAULT_BUCKET
from shared.events import parse
from tests.conftest import sdk_client
from tests.localcloud.conftest import HOST, Signed

KEY = "dir/切 +%.jpg"


@pytest.fixture
def client(inside):
    return sdk_client(inside.url)


def put(client):
    return client.put_object(
        Bucket=DEFAULT_BUCKET, Key=KEY, Body=b"12345", ContentType="image/jpeg",
        Metadata={"x-cos-meta-a": "1"},
    )  # fmt: skip


def copy(client):
    source = {"Bucket": DEFAULT_BUCKET, "Key": KEY, "Region": "ap-guangzhou"}
    client.copy_object(Bucket=DEFAULT_BUCKET, Key="copy", CopySource=source)


def multipart(client):
    where = {"Bucket": DEFAULT_BUCKET, "Key": "parts"}
    where["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
    etag = client.upload_part(**where, PartNumber=1, Body=b"123")["ETag"]
    part = {"PartNumber": 1, "ETag": etag}
    client.complete_multipart_upload(**where, MultipartUpload={"Part": [part]})


def delete(client):
    client.delete_object(Bucket=DEFAULT_BUCKET, Key=KEY)


def delete_many(client):
    keys = [{"Key": KEY}, {"Key": "was never there"}]
    client.delete_objects(Bucket=DEFAULT_BUCKET, Delete={"Object": keys})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put, ("cos:ObjectCreated:Put", KEY, 5)),
        (copy, ("cos:ObjectCreated:Copy", "copy", 5)),
        (multipart, ("cos:ObjectCreated:CompleteMultipartUpload", "parts", 3)),
        (delete, ("cos:ObjectRemove:Delete", KEY, 5)),
        (delete_many, ("cos:ObjectRemove:Delete", KEY, 5)),
    ],
)
def test_a_change_is_told_once(inside, client, change, expected):
    put(client)
    inside.events.clear()
    change(client)
    (event,) = inside.events
    (upload,) = parse(event)
    assert (upload.event_name, upload.key, upload.size) == expected
    assert (upload.bucket, upload.region) == (DEFAULT_BUCKET, "ap-guangzhou")
    assert abs(upload.event_time - time.time()) < 30


def test_what_the_document_holds(inside, client):
    answer = put(client)
    record = inside.events[0]["Records"][0]
    thing = record["cos"]["cosObject"]
    assert thing["key"] == f"/1250000000/examplebucket/{KEY}"
    assert thing["url"] == f"http://{HOST}/dir/%E5%88%87%20%2B%25.jpg"
    assert thing["meta"] == {
        "x-cos-request-id": answer["x-cos-request-id"],
        "Content-Type": "image/jpeg",
        "x-cos-meta-a": "1",
    }
    assert thing["vid"] == ""
    assert record["cos"]["cosBucket"]["name"] == "examplebucket"
    assert "q-signature" not in str(record)


def test_the_object_is_there_when_it_is_told(inside, client):
    seen = []
    inside.cloud.subscribe(
        lambda _: seen.append(inside.cloud.storage.head(DEFAULT_BUCKET, KEY).path.read_bytes())
    )
    put(client)
    assert seen == [b"12345"]


def test_a_refused_or_failed_write_is_not_told(inside, client):
    ask = Signed(inside.url)
    assert ask("PUT", "/k", data=b"x", headers={"Content-MD5": "bad"}).status_code == 400
    assert (
        requests.put(f"{inside.url}/{DEFAULT_BUCKET}/k", data=b"x", timeout=20).status_code == 403
    )
    client.delete_object(Bucket=DEFAULT_BUCKET, Key="was never there")
    client.list_objects(Bucket=DEFAULT_BUCKET)
    assert inside.events == []


def test_a_full_disk_stores_and_tells_nothing(inside, client, monkeypatch):
    put(client)
    inside.events.clear()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(inside.cloud.storage, "sync", True)
    monkeypatch.setattr("localcloud.cos.upload.os.fsync", full)
    answer = Signed(inside.url)("PUT", "/dir/x", data=b"new")
    assert (answer.status_code, "InternalError" in answer.text) == (500, True)
    assert "space" in answer.text
    monkeypatch.undo()
    assert inside.events == []
    assert list((inside.cloud.config.data / "scratch").iterdir()) == []
    got = client.get_object(Bucket=DEFAULT_BUCKET, Key=KEY)
    assert got["Body"].get_raw_stream().read() == b"12345"
    assert Signed(inside.url)("GET", "/dir/x").status_code == 404


@pytest.mark.parametrize("fault", ["disk I/O error", "database or disk is full"])
def test_metadata_that_cannot_be_written_stores_nothing(inside, client, monkeypatch, fault):
    class Broken:
        def __init__(self, database):
            self.database = database

        def execute(self, query, *arguments):
            if query.startswith("INSERT"):
                raise sqlite3.OperationalError(fault)
            return self.database.execute(query, *arguments)

    storage = inside.cloud.storage
    with monkeypatch.context() as patched:
        patched.setattr(storage._db, "_db", Broken(storage._db._db))
        answer = Signed(inside.url)("PUT", "/k", data=b"new")
    assert (answer.status_code, fault in answer.text) == (500, True)
    assert inside.events == []
    files = [path for path in inside.cloud.config.data.rglob("*k*") if path.name.startswith("k.")]
    assert files == []
    assert Signed(inside.url)("PUT", "/k", data=b"new").status_code == 200

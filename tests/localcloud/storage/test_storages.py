"""What every storage does, whatever lies beneath."""

import time

import pytest

from localcloud.errors import ServiceError
from localcloud.storage import Bucket, Part, StoredObject, Upload
from localcloud.storage.directory import DirectoryStorage
from localcloud.storage.s3 import open_storage
from tests.localcloud.storage.test_directory import HOSTILE

B = "b-1250000000"


@pytest.fixture(params=["directory", "s3"])
def storage(request, tmp_path, monkeypatch):
    if request.param == "directory":
        made = DirectoryStorage(tmp_path / "data")
    else:
        store = request.getfixturevalue("store")
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        made = open_storage(store.new_place(), store.endpoint, tmp_path / "data")
    made.create_bucket(Bucket(B, "ap-guangzhou", 1.0))
    yield made
    made.close()


def put(storage, key, body=b"body", **options):
    path = storage.scratch()
    path.write_bytes(body)
    stored = StoredObject(B, key, len(body), "0" * 32, "1", "text/plain", 1.5, path)
    return storage.put(stored, **options)


def body(storage, key, version=""):
    stored = storage.head(B, key, version)
    storage.fetch(stored)
    return stored.path.read_bytes()


def keys(storage, prefix="", after="", limit=1000):
    return [item.key for item in storage.scan(B, prefix, after, limit)]


def code(function, *arguments, **options):
    with pytest.raises(ServiceError) as caught:
        function(*arguments, **options)
    return caught.value.code


def test_any_key_is_kept_found_and_deleted(storage):
    for key in HOSTILE:
        put(storage, key, key.encode())
    assert keys(storage) == sorted(HOSTILE, key=str.encode)
    for key in HOSTILE:
        assert body(storage, key) == key.encode()
        assert keys(storage, prefix=key)[0] == key
        storage.delete(B, key)
        assert code(storage.head, B, key) == "NoSuchKey"
    assert keys(storage) == []


def test_keys_walk_in_the_order_of_bytes(storage):
    long = "x" * 752
    order = ["a", "a ", "a/", "a/b", "a0", "aB", "a_", "aa", "a~", f"{long}/z", f"{long}//" * 1]
    order += [f"{long}{end}" for end in ("", "//////", "a", "a/////", "ab", "é", "é/", "中" * 9)]
    order += ["é", "z", "\uffff", "😀"]
    for key in order[::-1]:
        put(storage, key)
    order.sort(key=str.encode)
    assert keys(storage) == order
    for start, key in enumerate(order):
        assert keys(storage, after=key, limit=3) == order[start + 1 : start + 4], key
        assert keys(storage, prefix=key) == [other for other in order if other.startswith(key)]
    versions = storage.scan_versions(B, "", ("", 0), 1000)
    assert [item.key for item in versions] == order


def test_what_is_known_of_an_object_comes_back(storage):
    put(storage, "k")
    storage.set_tags(B, "k", {"a": "二"})
    storage.set_acl(B, "k", "public-read")
    storage.set_headers(storage.head(B, "k"), {"x-cos-meta-a": "é", ":hidden": "1"})
    found = storage.head(B, "k")
    assert (found.size, found.etag, found.crc64) == (4, "0" * 32, "1")
    assert (found.content_type, found.last_modified) == ("text/plain", 1.5)
    assert (found.tags, found.acl) == ({"a": "二"}, "public-read")
    assert found.headers == {"x-cos-meta-a": "é", ":hidden": "1"}
    assert storage.scan(B, "", "", 1) == [found]


def test_headers_are_those_of_one_object_not_of_its_key(storage):
    old = put(storage, "k", b"1")
    put(storage, "k", b"2")
    storage.set_headers(old, {"x-cos-meta-a": "of the old one"})
    assert storage.head(B, "k").headers == {}


def test_overwriting_can_be_forbidden_or_bound_to_what_was_read(storage):
    first = put(storage, "k", b"1", only_new=True)
    assert code(put, storage, "k", b"2", only_new=True) == "FileAlreadyExists"
    second = put(storage, "k", b"2", over=first)
    assert code(put, storage, "k", b"3", over=first) == "OperationConflict"
    assert code(storage.delete, B, "k", over=first) == "OperationConflict"
    assert body(storage, "k") == b"2"
    storage.delete(B, "k", over=second)
    assert code(put, storage, "k", b"3", over=second) == "OperationConflict"
    assert keys(storage) == []


def test_versions(storage):
    put(storage, "k", b"0")
    storage.set_versioning(B, "Enabled")
    one, two = put(storage, "k", b"1").version, put(storage, "k", b"2").version
    marker = storage.delete(B, "k")
    assert marker.marker
    assert code(storage.head, B, "k") == "NoSuchKey"
    assert code(storage.head, B, "k", marker.version) == "MethodNotAllowed"
    assert code(storage.head, B, "k", "none") == "NoSuchVersion"
    assert [body(storage, "k", version) for version in ("null", one, two)] == [b"0", b"1", b"2"]
    listed = storage.scan_versions(B, "", ("", 0), 10)
    assert [item.version for item in listed] == [marker.version, two, one, "null"]
    behind = storage.scan_versions(B, "k", ("k", listed[1].sequence), 1)
    assert [item.version for item in behind] == [one]
    assert storage.delete(B, "k", marker.version).marker
    assert body(storage, "k") == b"2"
    storage.set_versioning(B, "Suspended")
    put(storage, "k", b"3")
    versions = [item.version for item in storage.scan_versions(B, "", ("", 0), 10)]
    assert versions == ["null", two, one]
    storage.delete(B, "k", "null")
    assert body(storage, "k") == b"2"


def test_multipart_uploads(storage):
    upload = Upload("1abc", B, "k", time.time(), "text/plain", {"x-cos-meta-a": "1"}, {}, "private")
    storage.create_upload(upload)
    assert storage.upload(B, "k", "1abc") == upload
    assert storage.uploads(B) == [upload]
    for number, data in ((2, b"two"), (1, b"one"), (2, b"TWO")):
        path = storage.scratch()
        path.write_bytes(data)
        storage.put_part(upload, Part(number, 3, f"{number:032}", 5.0, path))
    parts = storage.parts(upload)
    assert [(part.number, part.size, part.etag) for part in parts] == [
        (1, 3, f"{1:032}"), (2, 3, f"{2:032}"),
    ]  # fmt: skip
    for part in parts:
        storage.fetch(part)
    assert [part.path.read_bytes() for part in parts] == [b"one", b"TWO"]
    for wrong in ("x", "../../buckets/b", ""):
        assert code(storage.upload, B, "k", wrong) == "NoSuchUpload"
    assert code(storage.delete_bucket, B) == "BucketNotEmpty"
    storage.drop_upload(upload)
    assert code(storage.upload, B, "k", "1abc") == "NoSuchUpload"
    assert storage.uploads(B) == []


def test_buckets_and_settings(storage):
    other = Bucket("a-1250000000", "ap-tokyo", 2.0)
    storage.create_bucket(other)
    assert code(storage.create_bucket, other) == "BucketAlreadyOwnedByYou"
    assert [bucket.name for bucket in storage.buckets()] == [other.name, B]
    storage.set_setting(B, "style", "é" * 1000)
    assert storage.get_setting(B, "style") == "é" * 1000
    assert storage.get_setting(other.name, "style") is None
    storage.set_setting(B, "style", None)
    assert storage.get_setting(B, "style") is None
    storage.set_bucket_acl(B, "public-read")
    assert storage.bucket(B).acl == "public-read"
    put(storage, "k")
    assert code(storage.delete_bucket, B) == "BucketNotEmpty"
    storage.delete(B, "k")
    storage.delete_bucket(B)
    for call in (storage.bucket, storage.delete_bucket):
        assert code(call, B) == "NoSuchBucket"
    assert code(put, storage, "k") == "NoSuchBucket"
    storage.create_bucket(Bucket(B, "ap-guangzhou", 3.0))
    assert keys(storage) == []
    assert storage.bucket(B).acl == "private"

"""Bodies as ordinary files, metadata in SQLite: nothing gets lost, nothing gets out."""

import sqlite3
import time
from pathlib import Path

import pytest

from localcloud.errors import ServiceError
from localcloud.storage import Bucket, StoredObject
from localcloud.storage.directory import DataFolderError, DirectoryStorage

B = "b-1250000000"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def storage(folder):
    made = DirectoryStorage(folder)
    made.create_bucket(Bucket(B, "ap-guangzhou", time.time()))
    yield made
    made.close()


def put(storage, key, body=b"body", **options):
    path = storage.scratch()
    path.write_bytes(body)
    stored = StoredObject(B, key, len(body), "0" * 32, "1", "text/plain", 1.5, path)
    return storage.put(stored, **options)


HOSTILE = [
    "../../../etc/passwd", "..", ".", "/", "//", "/etc/passwd", "a/../../b", "a/./b", "a\\..\\b",
    "C:\\x", "con", "-rf", "~/.ssh/x", "a\nb", "x" * 850, "中" * 283,
    "a/" * 425, "😀/" * 170, "*?<>|",
    ".hidden", "a.", " ", "a%2e%2e/b", "buckets", "lock", "x.tar.gz", "%2E%2E/%2E%2E", "\x01",
]  # fmt: skip


@pytest.mark.parametrize("key", HOSTILE)
def test_a_key_never_leaves_its_bucket(storage, folder, key):
    stored = put(storage, key, key.encode())
    inside = (folder / "buckets" / B).resolve()
    assert inside in stored.path.resolve().parents
    assert stored.path.is_file()
    assert storage.head(B, key).path.read_bytes() == key.encode()
    assert [item.key for item in storage.scan(B, "", "", 10)] == [key]
    storage.delete(B, key)
    assert list(inside.iterdir()) == []


def test_a_person_finds_the_file(storage, folder):
    stored = put(storage, "photos/2026/切尔西 猫.jpg")
    relative = stored.path.relative_to(folder / "buckets" / B)
    assert relative.suffix == ".jpg"
    assert relative.name.startswith("切尔西 猫.")
    assert [part.rstrip("+") for part in relative.parts[:-1]] == ["photos", "2026"]


def test_file_and_folder_of_one_name(storage):
    for key in ("a", "a/b", "a/", "a+/b"):
        put(storage, key, key.encode())
    for key in ("a", "a/b", "a/", "a+/b"):
        assert storage.head(B, key).path.read_bytes() == key.encode()


def test_names_that_a_file_system_takes_for_one(storage):
    for key in ("Key", "key", "k" * 300 + "1", "k" * 300 + "2"):
        put(storage, key, key.encode())
        assert storage.head(B, key).path.read_bytes() == key.encode()
    assert len(storage.scan(B, "", "", 10)) == 4


def test_overwriting_leaves_one_file(storage):
    first, second = put(storage, "k", b"1"), put(storage, "k", b"2")
    assert not first.path.exists()
    assert second.path.read_bytes() == b"2"
    with pytest.raises(ServiceError, match="FileAlreadyExists"):
        put(storage, "k", b"3", only_new=True)
    assert storage.head(B, "k").path.read_bytes() == b"2"


def test_a_restart_keeps_all(storage, folder):
    put(storage, "k", b"kept")
    storage.set_tags(B, "k", {"a": "二"})
    storage.set_setting(B, "name", "value")
    before = storage.head(B, "k")
    storage.close()
    again = DirectoryStorage(folder)
    try:
        assert again.head(B, "k") == before
        assert again.head(B, "k").path.read_bytes() == b"kept"
        assert again.head(B, "k").tags == {"a": "二"}
        assert again.get_setting(B, "name") == "value"
        assert again.bucket(B).region == "ap-guangzhou"
    finally:
        again.close()


def test_a_crash_leaves_strays_that_the_next_start_removes(storage, folder):
    kept = put(storage, "k", b"kept")
    storage.close()
    half = folder / "scratch" / ("0f" * 16)
    half.write_bytes(b"half an upload")
    orphan = kept.path.with_name("orphan.0123456789ab.txt")
    own = kept.path.with_name("somebody's own file.txt")
    own.write_bytes(b"not ours to remove")
    orphan.write_bytes(b"moved, but its metadata was not written")
    again = DirectoryStorage(folder)
    try:
        assert not half.exists()
        assert not orphan.exists()
        assert own.exists()
        assert kept.path.exists()
    finally:
        again.close()


def test_one_cloud_at_a_time(storage, folder):
    with pytest.raises(DataFolderError, match="in use"):
        DirectoryStorage(folder)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataFolderError, match="file"):
        DirectoryStorage(tmp_path / "file" / "data")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "metadata.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(DataFolderError, match="bad"):
        DirectoryStorage(tmp_path / "bad")


def test_settings(storage):
    assert storage.get_setting(B, "style") is None
    storage.set_setting(B, "style", "1")
    storage.set_setting(B, "style", "2")
    assert storage.get_setting(B, "style") == "2"
    storage.set_setting(B, "style", None)
    assert storage.get_setting(B, "style") is None
    with pytest.raises(ServiceError, match="NoSuchBucket"):
        storage.set_setting("other-1250000000", "style", "1")


def test_settings_go_with_their_bucket(storage):
    storage.set_setting(B, "style", "1")
    storage.delete_bucket(B)
    storage.create_bucket(Bucket(B, "ap-guangzhou", time.time()))
    assert storage.get_setting(B, "style") is None


def test_order_is_that_of_bytes(storage):
    keys = ["a", "a ", "aB", "aa", "é", "z", "😀", "\uffff"]
    for key in keys:
        put(storage, key)
    found = [item.key for item in storage.scan(B, "", "", 100)]
    assert found == sorted(keys, key=str.encode)
    assert [item.key for item in storage.scan(B, "a", "a ", 1)] == ["aB"]
    assert Path(storage.head(B, "a").path).is_file()


OLD_SCHEMA = """
CREATE TABLE buckets (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created REAL NOT NULL, acl TEXT NOT NULL);
CREATE TABLE objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    crc64 TEXT NOT NULL, content_type TEXT NOT NULL, last_modified REAL NOT NULL,
    path TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL, acl TEXT NOT NULL,
    PRIMARY KEY (bucket, key)) WITHOUT ROWID;
INSERT INTO buckets VALUES ('b-1250000000', 'ap-guangzhou', 1.0, 'private');
INSERT INTO objects VALUES ('b-1250000000', 'k', 4, 'e', '1', 'text/plain', 1.5,
    'b-1250000000/k.0123456789ab', '{}', '{"t": "v"}', 'default');
"""


def test_a_folder_of_before_versions_is_taken_over(folder):
    body = folder / "buckets" / B / "k.0123456789ab"
    body.parent.mkdir(parents=True)
    body.write_bytes(b"body")
    with sqlite3.connect(folder / "metadata.sqlite3") as database:
        database.executescript(OLD_SCHEMA)
    database.close()
    for _ in range(2):
        storage = DirectoryStorage(folder)
        stored = storage.head(B, "k")
        assert (stored.path.read_bytes(), stored.tags, stored.version) == (b"body", {"t": "v"}, "")
        storage.close()
    storage = DirectoryStorage(folder)
    storage.set_versioning(B, "Enabled")
    put(storage, "k", b"new")
    assert storage.head(B, "k", "null").path.read_bytes() == b"body"
    storage.close()


def test_versions_survive_a_restart_in_order(folder):
    storage = DirectoryStorage(folder)
    storage.create_bucket(Bucket(B, "ap-guangzhou", 1.0))
    storage.set_versioning(B, "Enabled")
    ids = [put(storage, "k", str(n).encode()).version for n in range(3)]
    storage.delete(B, "k")
    storage.close()
    storage = DirectoryStorage(folder)
    ids.append(put(storage, "k", b"3").version)
    found = storage.scan_versions(B, "", ("", 0), 10)
    assert [item.version for item in found if not item.marker] == ids[::-1]
    assert [item.marker for item in found] == [False, True, False, False, False]
    assert all(item.path.is_file() for item in found if not item.marker)
    storage.close()


def test_what_a_power_failure_took_is_forgotten(folder, caplog):
    storage = DirectoryStorage(folder)
    storage.create_bucket(Bucket(B, "ap-guangzhou", 1.0))
    whole, short, gone = (put(storage, key, b"12345") for key in ("whole", "short", "gone"))
    storage.set_versioning(B, "Enabled")
    put(storage, "twice", b"old")
    newest = put(storage, "twice", b"newer")
    # The machine goes down: what the system had not written back is cut or missing.
    short.path.write_bytes(b"12")
    gone.path.unlink()
    newest.path.write_bytes(b"")
    (folder / "lock").unlink()
    storage = DirectoryStorage(folder)
    assert storage.head(B, "whole").path == whole.path
    for key in ("short", "gone"):
        with pytest.raises(ServiceError, match="NoSuchKey"):
            storage.head(B, key)
        assert f"{B}/{key} was lost" in caplog.text
    assert storage.head(B, "twice").path.read_bytes() == b"old"
    storage.close()


def test_a_clean_end_needs_no_check(folder, storage):
    stored = put(storage, "k", b"12345")
    storage.close()
    stored.path.write_bytes(b"12")
    again = DirectoryStorage(folder)
    assert again.head(B, "k").size == 5
    again.close()

"""Objects as ordinary files in a folder, what is known of them in SQLite beside it.

Crash-safe by order: the body is written, synced and moved under a name that nothing uses yet, then
one transaction makes the object point to it, then the old body goes. A process that dies between
two steps leaves at most a file that nothing refers to; the next start removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sqlite3
import uuid
from dataclasses import replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from localcloud.errors import ServiceError
from localcloud.limits import MAX_KEY
from localcloud.storage import Bucket, Part, StoredObject, Upload

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created REAL NOT NULL, acl TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (
    bucket TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    crc64 TEXT NOT NULL, content_type TEXT NOT NULL, last_modified REAL NOT NULL,
    path TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL, acl TEXT NOT NULL,
    PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, created REAL NOT NULL,
    content_type TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL, acl TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified REAL NOT NULL, path TEXT NOT NULL, PRIMARY KEY (upload, number));
"""
_MAX_NAME = 180
_BODY = re.compile(r"\.[0-9a-f]{12}(?:\.[^.]*)?$")
_SCRATCH = re.compile(r"[0-9a-f]{32}")
# Longer than any key, of the last character there is: a prefix with this is behind all its keys.
_BEHIND_ALL = "\U0010ffff" * (MAX_KEY // 4 + 1)


class DataFolderError(RuntimeError):
    """The folder cannot be used; the message says why."""


class DirectoryStorage:
    """Used by one process, on one thread: a lock file keeps a second one out."""

    def __init__(self, folder: Path) -> None:
        self._bodies, self._scratch = folder / "buckets", folder / "scratch"
        try:
            for path in (self._bodies, self._scratch):
                path.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder / "lock")
            self._db = sqlite3.connect(folder / "metadata.sqlite3", isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise DataFolderError(f"{folder} cannot hold the data: {error}") from None
        self._remove_strays()

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    def create_bucket(self, bucket: Bucket) -> None:
        with contextlib.suppress(sqlite3.IntegrityError):
            self._db.execute(
                "INSERT INTO buckets VALUES (?, ?, ?, ?)",
                (bucket.name, bucket.region, bucket.created, bucket.acl),
            )
            return
        raise ServiceError("BucketAlreadyOwnedByYou", f"the bucket {bucket.name} exists already")

    def bucket(self, name: str) -> Bucket:
        row = self._db.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist.")
        return Bucket(**row)

    def buckets(self) -> list[Bucket]:
        return [Bucket(**row) for row in self._db.execute("SELECT * FROM buckets ORDER BY name")]

    def delete_bucket(self, name: str) -> None:
        self.bucket(name)
        for table in ("objects", "uploads"):
            query = f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1"  # noqa: S608 - two fixed names
            if self._db.execute(query, (name,)).fetchone():
                raise ServiceError("BucketNotEmpty", "The bucket you tried to delete is not empty.")
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM settings WHERE bucket = ?", (name,))
            self._db.execute("DELETE FROM buckets WHERE name = ?", (name,))

    def set_bucket_acl(self, name: str, acl: str) -> None:
        self.bucket(name)
        self._db.execute("UPDATE buckets SET acl = ? WHERE name = ?", (acl, name))

    def get_setting(self, bucket: str, name: str) -> str | None:
        query = "SELECT value FROM settings WHERE bucket = ? AND name = ?"
        row = self._db.execute(query, (bucket, name)).fetchone()
        return row["value"] if row else None

    def set_setting(self, bucket: str, name: str, value: str | None) -> None:
        self.bucket(bucket)
        if value is None:
            query = "DELETE FROM settings WHERE bucket = ? AND name = ?"
            self._db.execute(query, (bucket, name))
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (bucket, name, value)
            )

    def scratch(self) -> Path:
        return self._scratch / uuid.uuid4().hex

    def put(self, stored: StoredObject, *, only_new: bool = False) -> StoredObject:
        """Make `stored` the object of its key; its `path` is a scratch file that moves in.

        Raises FileAlreadyExists with `only_new`, and leaves the object that is there.
        """
        before = self._find(stored.bucket, stored.key)
        if only_new and before is not None:
            raise ServiceError(
                "FileAlreadyExists", "the object exists, and overwriting is forbidden"
            )
        place = self._place(stored.bucket, stored.key)
        moved = replace(stored, path=place)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            stored.path.rename(place)
            _sync_folder(place.parent)
            self._db.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    moved.bucket,
                    moved.key,
                    moved.size,
                    moved.etag,
                    moved.crc64,
                    moved.content_type,
                    moved.last_modified,
                    str(place.relative_to(self._bodies)),
                    json.dumps(moved.headers),
                    json.dumps(moved.tags),
                    moved.acl,
                ),
            )
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        if before is not None:
            self._remove_body(before)
        return moved

    def head(self, bucket: str, key: str) -> StoredObject:
        found = self._find(bucket, key)
        if found is None:
            self.bucket(bucket)
            raise ServiceError("NoSuchKey", "The specified key does not exist.")
        return found

    def delete(self, bucket: str, key: str) -> StoredObject | None:
        """The object that is gone now, None if there was none."""
        found = self._find(bucket, key)
        if found is None:
            self.bucket(bucket)
            return None
        self._db.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key))
        self._remove_body(found)
        return found

    def set_tags(self, bucket: str, key: str, tags: dict[str, str]) -> None:
        self.head(bucket, key)
        query = "UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?"
        self._db.execute(query, (json.dumps(tags), bucket, key))

    def set_acl(self, bucket: str, key: str, acl: str) -> None:
        self.head(bucket, key)
        query = "UPDATE objects SET acl = ? WHERE bucket = ? AND key = ?"
        self._db.execute(query, (acl, bucket, key))

    def set_headers(self, bucket: str, key: str, headers: dict[str, str]) -> None:
        self.head(bucket, key)
        query = "UPDATE objects SET headers = ? WHERE bucket = ? AND key = ?"
        self._db.execute(query, (json.dumps(headers), bucket, key))

    def scan(self, bucket: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        """Up to `limit` objects in the order of their keys' UTF-8 bytes, those after `after`."""
        rows = self._db.execute(
            "SELECT * FROM objects WHERE bucket = ? AND key > ? AND key >= ? AND key <= ? "
            "ORDER BY key LIMIT ?",
            (bucket, after, prefix, prefix + _BEHIND_ALL, limit),
        )
        return [self._object(row) for row in rows]

    def create_upload(self, upload: Upload) -> None:
        self._db.execute(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                upload.id,
                upload.bucket,
                upload.key,
                upload.created,
                upload.content_type,
                json.dumps(upload.headers),
                json.dumps(upload.tags),
                upload.acl,
            ),
        )

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        query = "SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?"
        row = self._db.execute(query, (upload_id, bucket, key)).fetchone()
        if row is None:
            raise ServiceError("NoSuchUpload", "The specified multipart upload does not exist.")
        return _upload(row)

    def uploads(self, bucket: str) -> list[Upload]:
        query = "SELECT * FROM uploads WHERE bucket = ? ORDER BY key, created"
        return [_upload(row) for row in self._db.execute(query, (bucket,))]

    def put_part(self, upload: Upload, part: Part) -> None:
        place = self._place(upload.bucket, f"multipart/{upload.id}/{part.number}")
        place.parent.mkdir(parents=True, exist_ok=True)
        part.path.rename(place)
        before = [known for known in self.parts(upload) if known.number == part.number]
        self._db.execute(
            "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)",
            (
                upload.id,
                part.number,
                part.size,
                part.etag,
                part.modified,
                str(place.relative_to(self._bodies)),
            ),
        )
        for known in before:
            known.path.unlink(missing_ok=True)

    def parts(self, upload: Upload) -> list[Part]:
        query = "SELECT * FROM parts WHERE upload = ? ORDER BY number"
        return [
            Part(
                row["number"], row["size"], row["etag"], row["modified"], self._bodies / row["path"]
            )
            for row in self._db.execute(query, (upload.id,))
        ]

    def drop_upload(self, upload: Upload) -> None:
        parts = self.parts(upload)
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM parts WHERE upload = ?", (upload.id,))
            self._db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        for part in parts:
            part.path.unlink(missing_ok=True)

    def _find(self, bucket: str, key: str) -> StoredObject | None:
        query = "SELECT * FROM objects WHERE bucket = ? AND key = ?"
        row = self._db.execute(query, (bucket, key)).fetchone()
        return self._object(row) if row else None

    def _object(self, row: sqlite3.Row) -> StoredObject:
        fields: dict[str, Any] = dict(row)
        return StoredObject(
            **{
                **fields,
                "path": self._bodies / fields["path"],
                "headers": json.loads(fields["headers"]),
                "tags": json.loads(fields["tags"]),
            }
        )

    def _place(self, bucket: str, key: str) -> Path:
        """A name that nothing uses yet, and that a person recognises. A key is never a path."""
        *folders, name = [_segment(part) for part in key.split("/")]
        stem, dot, extension = name.rpartition(".")
        if not stem:
            stem, dot, extension = name, "", ""
        unique = f"{stem}.{uuid.uuid4().hex[:12]}{dot}{extension}"
        # A folder ends in + so that it never has the name of a file.
        path = self._bodies / bucket
        for folder in folders[:20]:
            path /= f"{folder}+"
        return path / unique

    def _remove_body(self, stored: StoredObject) -> None:
        """Remove a body that no object has any more, and the folders that it leaves empty."""
        stored.path.unlink(missing_ok=True)
        top = self._bodies / stored.bucket
        for folder in stored.path.parents:
            if folder == top or not _is_removed(folder):
                return

    def _remove_strays(self) -> None:
        known = {
            row["path"]
            for table in ("objects", "parts")
            for row in self._db.execute(f"SELECT path FROM {table}")  # noqa: S608 - two fixed names
        }
        # Only names of our own making: the folder may hold files that somebody else put there.
        for path in self._bodies.rglob("*"):
            ours = _BODY.search(path.name) and path.is_file()
            if ours and str(path.relative_to(self._bodies)) not in known:
                path.unlink(missing_ok=True)
        for path in self._scratch.iterdir():
            if _SCRATCH.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _segment(text: str) -> str:
    """A file's name for a part of a key: never `.` or `..`, nothing hostile, not too long."""
    name = quote(text, safe=" !#$&'()+,;=@[]{}~.-_")
    if any(ord(c) > 127 for c in text) and text.isprintable():
        # Letters of other scripts may stay readable.
        name = "".join(c if ord(c) > 127 else quote(c, safe=" !&'()+,;=@[]{}~.-_") for c in text)
    while len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME:
        name = name[: len(name) * 3 // 4]
    return name.replace(".", "%2E") if not name.strip(".") else name


def _is_removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # not empty: other objects are in it
        return False
    return True


def _lock(path: Path) -> IO[str]:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataFolderError(f"{path.parent} is in use by another local cloud") from None
    return file


def _upload(row: sqlite3.Row) -> Upload:
    fields: dict[str, Any] = dict(row)
    return Upload(
        **{**fields, "headers": json.loads(fields["headers"]), "tags": json.loads(fields["tags"])}
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What is known of buckets, objects, versions and uploads: rows in SQLite.

`objects` holds the visible object of each key; `versions` holds those behind it and the delete
markers, newest first. A key whose newest row is a delete marker has no row in `objects`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from localcloud.limits import MAX_KEY
from localcloud.storage import Bucket, Part, StoredObject, Upload

_COLUMNS = (
    "bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, sequence INTEGER NOT NULL, "
    "size INTEGER NOT NULL, etag TEXT NOT NULL, crc64 TEXT NOT NULL, content_type TEXT NOT NULL, "
    "last_modified REAL NOT NULL, path TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL, "
    "acl TEXT NOT NULL"
)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, region TEXT NOT NULL, created REAL NOT NULL, acl TEXT NOT NULL,
    versioning TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS settings (
    bucket TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS objects ({_COLUMNS}, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
    {_COLUMNS}, marker INTEGER NOT NULL, PRIMARY KEY (bucket, key, sequence DESC)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, created REAL NOT NULL,
    content_type TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL, acl TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified REAL NOT NULL, path TEXT NOT NULL, PRIMARY KEY (upload, number));
"""
_FIELDS = (
    "bucket", "key", "version", "sequence", "size", "etag", "crc64", "content_type",
    "last_modified", "path", "headers", "tags", "acl",
)  # fmt: skip
_NAMES = ", ".join(_FIELDS)
_PLACES = ", ".join("?" for _ in _FIELDS)
# Folders of before versions had `objects` without these two columns.
_UPGRADE = (
    "ALTER TABLE buckets ADD COLUMN versioning TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE objects RENAME TO objects_before",
    f"CREATE TABLE objects ({_COLUMNS}, PRIMARY KEY (bucket, key)) WITHOUT ROWID",
    f"INSERT INTO objects ({_NAMES}) "  # noqa: S608 - fixed names
    "SELECT bucket, key, '', 0, size, etag, crc64, content_type, "
    "last_modified, path, headers, tags, acl FROM objects_before",
    "DROP TABLE objects_before",
)
# Longer than any key, of the last character there is: a prefix with this is behind all its keys.
_BEHIND_ALL = "\U0010ffff" * (MAX_KEY // 4 + 1)
_SETTINGS = 256  # of all buckets, kept in memory
_BODY_TABLES = ("objects", "versions", "parts")


class Database:
    """One connection, on one thread. Paths of bodies are kept relative to `bodies`."""

    def __init__(self, file: Path, bodies: Path, *, sync: bool = False) -> None:
        """Raises sqlite3.Error for a file that is no such database."""
        self._bodies = bodies
        self._prefix = f"{bodies}/"
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        # Each checkpoint waits for the disk; 16 MB of journal make it one in a thousand puts.
        self._db.execute("PRAGMA wal_autocheckpoint=4096")
        # NORMAL never damages the file; only its last transactions can be lost.
        self._db.execute(f"PRAGMA synchronous={'FULL' if sync else 'NORMAL'}")
        known = {row["name"] for row in self._db.execute("PRAGMA table_info(objects)")}
        with self.transaction():
            for statement in _UPGRADE if known and "version" not in known else ():
                self._db.execute(statement)
        self._db.executescript(_SCHEMA)
        # Asked for several times by every request; this is the only connection.
        self._buckets = {row["name"]: Bucket(**row) for row in self._rows("buckets")}
        self.setting = lru_cache(maxsize=_SETTINGS)(self._setting)

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's changes, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Buckets and their settings

    def insert_bucket(self, bucket: Bucket) -> bool:
        """False when the name is taken."""
        try:
            self._db.execute(
                "INSERT INTO buckets VALUES (?, ?, ?, ?, ?)",
                (bucket.name, bucket.region, bucket.created, bucket.acl, bucket.versioning),
            )
        except sqlite3.IntegrityError:
            return False
        self._buckets[bucket.name] = bucket
        return True

    def bucket(self, name: str) -> Bucket | None:
        return self._buckets.get(name)

    def buckets(self) -> list[Bucket]:
        return [self._buckets[name] for name in sorted(self._buckets)]

    def set_bucket(self, name: str, field: str, value: str) -> None:
        """`field` is acl or versioning."""
        query = f"UPDATE buckets SET {field} = ? WHERE name = ?"  # noqa: S608 - two fixed names
        self._db.execute(query, (value, name))
        self._buckets[name] = replace(self._buckets[name], **{field: value})

    def holds_anything(self, bucket: str) -> bool:
        return any(
            self._db.execute(
                f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1",  # noqa: S608 - fixed names
                (bucket,),
            ).fetchone()
            for table in ("objects", "versions", "uploads")
        )

    def delete_bucket(self, name: str) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM settings WHERE bucket = ?", (name,))
            self._db.execute("DELETE FROM buckets WHERE name = ?", (name,))
        self._buckets.pop(name, None)
        self.setting.cache_clear()

    def _setting(self, bucket: str, name: str) -> str | None:
        query = "SELECT value FROM settings WHERE bucket = ? AND name = ?"
        row = self._db.execute(query, (bucket, name)).fetchone()
        return row["value"] if row else None

    def set_setting(self, bucket: str, name: str, value: str | None) -> None:
        if value is None:
            query = "DELETE FROM settings WHERE bucket = ? AND name = ?"
            self._db.execute(query, (bucket, name))
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (bucket, name, value)
            )
        self.setting.cache_clear()

    # Objects and versions

    def visible(self, bucket: str, key: str) -> StoredObject | None:
        """The object that a key shows now."""
        query = f"SELECT {_NAMES} FROM objects WHERE bucket = ? AND key = ?"  # noqa: S608
        return self._one(query, (bucket, key))

    def behind(self, bucket: str, key: str, version: str = "") -> StoredObject | None:
        """A version that is not shown, or a delete marker; the newest without `version`."""
        query = "SELECT * FROM versions WHERE bucket = ? AND key = ?"
        if version:
            return self._one(f"{query} AND version = ?", (bucket, key, version))
        return self._one(f"{query} ORDER BY sequence DESC LIMIT 1", (bucket, key))

    def show(self, stored: StoredObject) -> None:
        """Make it the object of its key; there is none."""
        query = f"INSERT INTO objects ({_NAMES}) VALUES ({_PLACES})"  # noqa: S608 - fixed names
        self._db.execute(query, self._row(stored))

    def put_behind(self, stored: StoredObject) -> None:
        query = f"INSERT INTO versions ({_NAMES}, marker) VALUES ({_PLACES}, ?)"  # noqa: S608
        self._db.execute(query, (*self._row(stored), stored.marker))

    def drop_visible(self, stored: StoredObject) -> None:
        query = "DELETE FROM objects WHERE bucket = ? AND key = ?"
        self._db.execute(query, (stored.bucket, stored.key))

    def drop_behind(self, stored: StoredObject) -> None:
        query = "DELETE FROM versions WHERE bucket = ? AND key = ? AND sequence = ?"
        self._db.execute(query, (stored.bucket, stored.key, stored.sequence))

    def update(self, stored: StoredObject, field: str, value: str) -> None:
        """Set one column, `tags` or `acl`, of an object or version."""
        for table in ("objects", "versions"):
            query = f"UPDATE {table} SET {field} = ? WHERE bucket = ? AND key = ? AND sequence = ?"  # noqa: S608
            self._db.execute(query, (value, stored.bucket, stored.key, stored.sequence))

    def scan(self, bucket: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        rows = self._db.execute(
            f"SELECT {_NAMES} FROM objects WHERE bucket = ? AND key > ? AND key >= ? "  # noqa: S608
            "AND key <= ? ORDER BY key LIMIT ?",
            (bucket, after, prefix, prefix + _BEHIND_ALL, limit),
        )
        return [self._object(row) for row in rows]

    def scan_versions(
        self, bucket: str, prefix: str, after: tuple[str, int], limit: int
    ) -> list[StoredObject]:
        """Up to `limit` of all versions, by key and then from new to old, behind `after`: a key
        and a sequence."""
        key, sequence = after
        # Two ranges instead of an OR: each is a walk along the primary key.
        ranges = (
            ("key = ? AND sequence < ?", (key, sequence)),
            ("key > ? AND key >= ? AND key <= ?", (key, prefix, prefix + _BEHIND_ALL)),
        )
        found: list[StoredObject] = []
        for condition, values in ranges:
            queries, arguments = [], []
            for table, marker in (("objects", "0 AS marker"), ("versions", "marker")):
                queries.append(
                    f"SELECT * FROM (SELECT {_NAMES}, {marker} FROM {table} WHERE bucket = ? AND "  # noqa: S608
                    f"{condition} ORDER BY key, sequence DESC LIMIT ?)"
                )
                arguments += [bucket, *values, limit - len(found)]
            query = f"{' UNION ALL '.join(queries)} ORDER BY key, sequence DESC LIMIT ?"
            rows = self._db.execute(query, (*arguments, limit - len(found)))
            found += [self._object(row) for row in rows]
        return [item for item in found if item.key.startswith(prefix)]

    def latest(self, seconds: float) -> list[StoredObject]:
        """Objects and versions of the last `seconds` before the newest of all."""
        found = []
        for table, condition in (("objects", ""), ("versions", "AND NOT marker")):
            rows = self._db.execute(
                f"SELECT * FROM {table} WHERE last_modified > "  # noqa: S608 - fixed names
                f"(SELECT MAX(last_modified) FROM {table}) - ? {condition}",
                (seconds,),
            )
            found += [self._object(row) for row in rows]
        return found

    def last_sequence(self) -> int:
        tables = ("objects", "versions")
        rows = [
            self._db.execute(f"SELECT MAX(sequence) AS last FROM {table}").fetchone()  # noqa: S608
            for table in tables
        ]
        return max(row["last"] or 0 for row in rows)

    # Multipart uploads

    def insert_upload(self, upload: Upload) -> None:
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

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload | None:
        query = "SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?"
        row = self._db.execute(query, (upload_id, bucket, key)).fetchone()
        return _upload(row) if row else None

    def uploads(self, bucket: str) -> list[Upload]:
        query = "SELECT * FROM uploads WHERE bucket = ? ORDER BY key, created"
        return [_upload(row) for row in self._db.execute(query, (bucket,))]

    def insert_part(self, upload: Upload, part: Part) -> None:
        place = str(part.path.relative_to(self._bodies))
        self._db.execute(
            "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)",
            (upload.id, part.number, part.size, part.etag, part.modified, place),
        )

    def parts(self, upload: Upload) -> list[Part]:
        query = "SELECT * FROM parts WHERE upload = ? ORDER BY number"
        return [self._part(row) for row in self._db.execute(query, (upload.id,))]

    def part(self, upload: Upload, number: int) -> Part | None:
        query = "SELECT * FROM parts WHERE upload = ? AND number = ?"
        row = self._db.execute(query, (upload.id, number)).fetchone()
        return self._part(row) if row else None

    def drop_upload(self, upload: Upload) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM parts WHERE upload = ?", (upload.id,))
            self._db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))

    def body_paths(self) -> set[str]:
        """The files that something refers to, relative to the folder of bodies."""
        return {
            row["path"]
            for table in _BODY_TABLES
            for row in self._db.execute(f"SELECT path FROM {table}")  # noqa: S608 - fixed names
        }

    def _rows(self, table: str) -> sqlite3.Cursor:
        return self._db.execute(f"SELECT * FROM {table}")  # noqa: S608 - a fixed name

    def _one(self, query: str, values: Sequence[object]) -> StoredObject | None:
        row = self._db.execute(query, values).fetchone()
        return self._object(row) if row else None

    def _part(self, row: sqlite3.Row) -> Part:
        path = self._bodies / row["path"]
        return Part(row["number"], row["size"], row["etag"], row["modified"], path)

    def _row(self, stored: StoredObject) -> tuple[object, ...]:
        # Written out: it is a good part of what a small put costs.
        return (
            stored.bucket, stored.key, stored.version, stored.sequence, stored.size, stored.etag,
            stored.crc64, stored.content_type, stored.last_modified,
            "" if stored.marker else str(stored.path).removeprefix(self._prefix),
            json.dumps(stored.headers) if stored.headers else "{}",
            json.dumps(stored.tags) if stored.tags else "{}",
            stored.acl,
        )  # fmt: skip

    def _object(self, row: sqlite3.Row) -> StoredObject:
        fields: dict[str, Any] = dict(row)
        fields["path"] = self._bodies / fields["path"]
        for name in ("headers", "tags"):
            fields[name] = json.loads(fields[name]) if fields[name] != "{}" else {}
        fields["marker"] = bool(fields.get("marker"))
        return StoredObject(**fields)


def _upload(row: sqlite3.Row) -> Upload:
    fields: dict[str, Any] = dict(row)
    return Upload(
        **{**fields, "headers": json.loads(fields["headers"]), "tags": json.loads(fields["tags"])}
    )

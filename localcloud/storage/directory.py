"""Objects as ordinary files in a folder, what is known of them in SQLite beside it.

Crash-safe by order: the body is written and moved under a name that nothing uses yet, then one
transaction makes the object point to it, then the old body goes. A process that dies between two
steps leaves at most a file that nothing refers to; the next start removes it. A machine that dies
is another matter: with `sync` every step is on the disk before the next, without it the last
seconds may be lost, and the next start forgets objects whose body did not get there.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from localcloud.errors import ServiceError
from localcloud.storage import NULL_VERSION, Bucket, Part, StoredObject, Upload
from localcloud.storage.database import Database
from localcloud.storage.folder import DataFolderError, Folder
from localcloud.storage.versions import (
    check_only_new,
    check_same,
    has_version,
    not_found,
    numbered,
)

_log = logging.getLogger(__name__)
_MAX_NAME = 180
_UNSETTLED = 120.0  # seconds: what is older has been written back by the system
_BODY = re.compile(r"\.[0-9a-f]{12}(?:\.[^.]*)?$")
_T = TypeVar("_T")


class DirectoryStorage:
    """Used by one process, on one thread: a lock file keeps a second one out."""

    def __init__(self, folder: Path, *, sync: bool = False) -> None:
        self.sync = sync
        self._bodies = folder / "buckets"
        self._folder = Folder(folder)
        try:
            self._bodies.mkdir(exist_ok=True)
            self._db = Database(folder / "metadata.sqlite3", self._bodies, sync=sync)
            self._running = folder / "running"
            unclean = self._running.exists()
            self._running.touch()
        except (OSError, sqlite3.Error) as error:
            raise DataFolderError(f"{folder} cannot hold the data: {error}") from None
        self._sequence = self._db.last_sequence()
        if unclean:
            self._forget_lost()
        self._remove_strays()

    def close(self) -> None:
        self._db.close()
        self._running.unlink(missing_ok=True)
        self._folder.close()

    def serving(self, work: Coroutine[Any, Any, _T]) -> Coroutine[Any, Any, _T]:
        return work

    def create_bucket(self, bucket: Bucket) -> None:
        if not self._db.insert_bucket(bucket):
            raise ServiceError(
                "BucketAlreadyOwnedByYou", f"the bucket {bucket.name} exists already"
            )

    def bucket(self, name: str) -> Bucket:
        found = self._db.bucket(name)
        if found is None:
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist.")
        return found

    def buckets(self) -> list[Bucket]:
        return self._db.buckets()

    def delete_bucket(self, name: str) -> None:
        self.bucket(name)
        if self._db.holds_anything(name):
            raise ServiceError("BucketNotEmpty", "The bucket you tried to delete is not empty.")
        self._db.delete_bucket(name)

    def set_bucket_acl(self, name: str, acl: str) -> None:
        self.bucket(name)
        self._db.set_bucket(name, "acl", acl)

    def set_versioning(self, name: str, versioning: str) -> None:
        self.bucket(name)
        self._db.set_bucket(name, "versioning", versioning)

    def get_setting(self, bucket: str, name: str) -> str | None:
        return self._db.setting(bucket, name)

    def set_setting(self, bucket: str, name: str, value: str | None) -> None:
        self.bucket(bucket)
        self._db.set_setting(bucket, name, value)

    def scratch(self) -> Path:
        return self._folder.scratch()

    def put(
        self, stored: StoredObject, *, only_new: bool = False, over: StoredObject | None = None
    ) -> StoredObject:
        state = self.bucket(stored.bucket).versioning
        if only_new:
            check_only_new(self._db.visible(stored.bucket, stored.key))
        if over is not None:
            check_same(self._db.visible(stored.bucket, stored.key), over)
        place = self._place(stored.bucket, stored.key)
        moved = self._numbered(replace(stored, path=place), state)
        try:
            try:
                stored.path.rename(place)
            except FileNotFoundError:
                place.parent.mkdir(parents=True, exist_ok=True)
                stored.path.rename(place)
            if self.sync:
                _sync_folder(place.parent)
            with self._db.transaction():
                gone = self._make_room(stored.bucket, stored.key, state)
                self._db.show(moved)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        self._remove_bodies(gone)
        return moved

    def head(self, bucket: str, key: str, version: str = "") -> StoredObject:
        found = self._find(bucket, key, version)
        if found is not None and not found.marker:
            return found
        self.bucket(bucket)
        raise not_found(found, self._db.behind(bucket, key), version)

    def fetch(self, item: StoredObject | Part) -> None:
        """Nothing to do: it is here."""

    def delete(
        self, bucket: str, key: str, version: str = "", *, over: StoredObject | None = None
    ) -> StoredObject | None:
        state = self.bucket(bucket).versioning
        if over is not None:
            check_same(self._find(bucket, key, version), over)
        with self._db.transaction():
            if version:
                result = self._drop_version(bucket, key, version)
                gone = [result] if result else []
            else:
                result = self._db.visible(bucket, key)
                gone = self._make_room(bucket, key, state)
                if state:
                    marker = StoredObject(
                        bucket, key, 0, "", "", "", time.time(), self._bodies, marker=True
                    )
                    result = self._numbered(marker, state)
                    self._db.put_behind(result)
        self._remove_bodies(gone)
        return result

    def set_tags(self, bucket: str, key: str, tags: dict[str, str], version: str = "") -> None:
        self._db.update(self.head(bucket, key, version), "tags", json.dumps(tags))

    def set_acl(self, bucket: str, key: str, acl: str, version: str = "") -> None:
        self._db.update(self.head(bucket, key, version), "acl", acl)

    def set_headers(self, stored: StoredObject, headers: dict[str, str]) -> None:
        self._db.update(stored, "headers", json.dumps(headers))

    def scan(self, bucket: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        return self._db.scan(bucket, prefix, after, limit)

    def scan_versions(
        self, bucket: str, prefix: str, after: tuple[str, int], limit: int
    ) -> list[StoredObject]:
        return self._db.scan_versions(bucket, prefix, after, limit)

    def find_version(self, bucket: str, key: str, version: str) -> StoredObject | None:
        return self._find(bucket, key, version)

    def create_upload(self, upload: Upload) -> None:
        self._db.insert_upload(upload)

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        found = self._db.upload(bucket, key, upload_id)
        if found is None:
            raise ServiceError("NoSuchUpload", "The specified multipart upload does not exist.")
        return found

    def uploads(self, bucket: str) -> list[Upload]:
        return self._db.uploads(bucket)

    def put_part(self, upload: Upload, part: Part) -> None:
        place = self._place(upload.bucket, f"multipart/{upload.id}/{part.number}")
        place.parent.mkdir(parents=True, exist_ok=True)
        part.path.rename(place)
        before = self._db.part(upload, part.number)
        self._db.insert_part(upload, replace(part, path=place))
        if before is not None:
            before.path.unlink(missing_ok=True)

    def parts(self, upload: Upload) -> list[Part]:
        return self._db.parts(upload)

    def drop_upload(self, upload: Upload) -> None:
        parts = self.parts(upload)
        self._db.drop_upload(upload)
        for part in parts:
            part.path.unlink(missing_ok=True)

    def _find(self, bucket: str, key: str, version: str) -> StoredObject | None:
        visible = self._db.visible(bucket, key)
        if not version or (visible is not None and has_version(visible, version)):
            return visible
        return self._db.behind(bucket, key, version)

    def _numbered(self, stored: StoredObject, state: str) -> StoredObject:
        """With its place among the versions of its key, and its version id where there are any."""
        made = numbered(stored, state, self._sequence)
        self._sequence = made.sequence
        return made

    def _make_room(self, bucket: str, key: str, state: str) -> list[StoredObject]:
        """Take the visible object of a key away, as the bucket's versioning has it.

        What is returned is gone for good, and its body must go once the transaction is through.
        """
        visible = self._db.visible(bucket, key)
        gone = []
        if visible is not None:
            self._db.drop_visible(visible)
            if state == "Enabled" or (state and not has_version(visible, NULL_VERSION)):
                self._db.put_behind(replace(visible, version=visible.version or NULL_VERSION))
            else:
                gone.append(visible)
        if state == "Suspended" and (null := self._db.behind(bucket, key, NULL_VERSION)):
            self._db.drop_behind(null)
            gone.append(null)
        return gone

    def _drop_version(self, bucket: str, key: str, version: str) -> StoredObject | None:
        found = self._find(bucket, key, version)
        if found is None:
            return None
        visible = self._db.visible(bucket, key)
        if visible is not None and visible.sequence == found.sequence:
            self._db.drop_visible(found)
            visible = None
        else:
            self._db.drop_behind(found)
        newest = self._db.behind(bucket, key)
        if visible is None and newest is not None and not newest.marker:
            self._db.drop_behind(newest)
            self._db.show(newest)
        return found

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

    def _remove_bodies(self, gone: list[StoredObject]) -> None:
        """Remove bodies that no object has any more, and the folders that they leave empty."""
        for stored in gone:
            if stored.marker:
                continue
            stored.path.unlink(missing_ok=True)
            top = self._bodies / stored.bucket
            for folder in stored.path.parents:
                if folder == top or not _is_removed(folder):
                    break

    def _forget_lost(self) -> None:
        """Drop what a power failure left without its whole body."""
        for stored in self._db.latest(_UNSETTLED):
            # Behind the bytes that count there may be more: a customer's encryption has its table
            # there, and an append that did not get to its end what it wrote.
            if not stored.path.is_file() or stored.path.stat().st_size < stored.size:
                _log.warning("%s/%s was lost when the machine went down", stored.bucket, stored.key)
                with self._db.transaction():
                    self._drop_version(stored.bucket, stored.key, stored.version or NULL_VERSION)

    def _remove_strays(self) -> None:
        known = self._db.body_paths()
        # Only names of our own making: the folder may hold files that somebody else put there.
        for path in self._bodies.rglob("*"):
            ours = _BODY.search(path.name) and path.is_file()
            if ours and str(path.relative_to(self._bodies)) not in known:
                path.unlink(missing_ok=True)
        self._folder.remove_strays()


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

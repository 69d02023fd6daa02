"""Everything durable in an S3-compatible store, for as many processes as share it.

| name in the store | what |
|---|---|
| `buckets/<bucket>` | a bucket and its settings |
| `<folder>/objects/<key>` | all versions of a key: one document, changed by compare and swap |
| `<folder>/bodies/<key>!<id>` | the bytes of one version, written once |
| `<folder>/uploads/<id>`, `<folder>/parts/<id>/...` | a multipart upload, and its parts |

A body is stored first, then the document that refers to it, then what nothing refers to any more is
removed: whoever dies in between leaves bytes that nobody is shown.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from localcloud.errors import ServiceError
from localcloud.limits import BODIES
from localcloud.storage import Bucket, Part, StorageUnavailable, StoredObject, Upload
from localcloud.storage.folder import Folder
from localcloud.storage.s3 import history, names
from localcloud.storage.s3.bodies import Bodies
from localcloud.storage.s3.buckets import Buckets
from localcloud.storage.s3.history import History, RemoteObject
from localcloud.storage.s3.keys import Keys
from localcloud.storage.s3.removal import Removal
from localcloud.storage.s3.store import CONNECTIONS, Store
from localcloud.storage.s3.uploads import RemotePart, Uploads
from localcloud.storage.s3.waiting import Work
from localcloud.storage.versions import check_only_new, check_same, has_version, not_found

_T = TypeVar("_T")


class S3Storage:
    """Used on one thread by each process. `data` is a folder of this process alone: for scratch
    files, and for bodies that were read (`room` bytes of them)."""

    sync = False  # the store answers for what it has taken

    def __init__(self, store: Store, data: Path, *, room: int = BODIES) -> None:
        """Raises StorageUnavailable, DataFolderError."""
        store.check()
        self._folder = Folder(data)
        self._folder.remove_strays()
        self._store = store
        self._executor = ThreadPoolExecutor(CONNECTIONS // 2, thread_name_prefix="s3")
        self._bodies = Bodies(store, data / "s3-bodies", room)
        self._removal = Removal(store)
        self._buckets = Buckets(store, self._executor)
        self._keys = Keys(store, self._executor, self._bodies.path_of)
        self._uploads = Uploads(store, self._executor, self._bodies, self._removal)

    def close(self) -> None:
        self._removal.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._bodies.close()
        self._folder.close()

    def serving(self, work: Coroutine[Any, Any, _T]) -> Coroutine[Any, Any, _T]:
        return Work(work)

    def create_bucket(self, bucket: Bucket) -> None:
        self._buckets.create(bucket)

    def bucket(self, name: str) -> Bucket:
        return self._buckets.get(name).bucket

    def buckets(self) -> list[Bucket]:
        return self._buckets.all()

    def delete_bucket(self, name: str) -> None:
        found = self._buckets.get(name, now=True)
        is_used = next(self._keys.walk(found.folder, "", "", 1), None) is not None
        if is_used or self._uploads.all(found.folder):
            raise ServiceError("BucketNotEmpty", "The bucket you tried to delete is not empty.")
        self._buckets.delete(found)
        self._removal.add([found.folder])

    def set_bucket_acl(self, name: str, acl: str) -> None:
        self._buckets.change(name, acl=acl)

    def set_versioning(self, name: str, versioning: str) -> None:
        self._buckets.change(name, versioning=versioning)

    def get_setting(self, bucket: str, name: str) -> str | None:
        try:
            return self._buckets.get(bucket).settings.get(name)
        except ServiceError:
            return None

    def set_setting(self, bucket: str, name: str, value: str | None) -> None:
        self._buckets.change_setting(bucket, name, value)

    def scratch(self) -> Path:
        return self._folder.scratch()

    def put(
        self, stored: StoredObject, *, only_new: bool = False, over: StoredObject | None = None
    ) -> StoredObject:
        folder = self._buckets.get(stored.bucket).folder
        place = f"{folder}bodies/{names.name_of(stored.key)}!{uuid.uuid4().hex}"
        self._bodies.add(place, stored.path)
        new = RemoteObject(
            **{**stored.__dict__, "path": self._bodies.path_of(place), "place": place}
        )

        def decide(before: History) -> History:
            if only_new:
                check_only_new(history.visible(before))
            if over is not None:
                check_same(history.visible(before), over)
            return history.pushed(before, new, state)

        try:
            # The body may have taken minutes: what its bucket is counts now.
            state = self._state(stored.bucket, folder)
            after = self._change(folder, stored.key, decide, place)
        except ServiceError:
            # Refused. After any other failure the document may be there and need its body.
            self._removal.add([place])
            raise
        return next((item for item in after if item.place == place), new)

    def fetch(self, item: StoredObject | Part) -> None:
        if not self._bodies.fetch(_place(item)):
            raise StorageUnavailable("what is read was replaced or deleted meanwhile: try again")

    def head(self, bucket: str, key: str, version: str = "") -> StoredObject:
        versions = self._history(bucket, key)
        found = history.find(versions, version)
        if found is not None and not found.marker:
            return found
        self.bucket(bucket)
        raise not_found(found, versions[0] if versions else None, version)

    def find_version(self, bucket: str, key: str, version: str) -> StoredObject | None:
        return history.find(self._history(bucket, key), version)

    def delete(
        self, bucket: str, key: str, version: str = "", *, over: StoredObject | None = None
    ) -> StoredObject | None:
        found = self._buckets.get(bucket, now=True)
        state = found.bucket.versioning
        place = f"{found.folder}markers/{uuid.uuid4().hex}"
        marker = RemoteObject(
            bucket, key, 0, "", "", "", time.time(), self._bodies.path_of(place), marker=True,
            place=place,
        )  # fmt: skip
        gone: list[RemoteObject | None] = [None]

        def decide(before: History) -> History:
            gone[0] = history.find(before, version)
            if over is not None:
                check_same(gone[0], over)
            if version:
                return tuple(item for item in before if not has_version(item, version))
            return history.pushed(before, marker, state) if state else ()

        after = self._change(found.folder, key, decide, place)
        return gone[0] if version or not state else after[0]

    def set_tags(self, bucket: str, key: str, tags: dict[str, str], version: str = "") -> None:
        self._update(self.head(bucket, key, version), tags=tags)

    def set_acl(self, bucket: str, key: str, acl: str, version: str = "") -> None:
        self._update(self.head(bucket, key, version), acl=acl)

    def set_headers(self, stored: StoredObject, headers: dict[str, str]) -> None:
        self._update(stored, headers=headers)

    def scan(self, bucket: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        found: list[StoredObject] = []
        for versions in self._walk(bucket, prefix, after, limit):
            if len(found) >= limit:
                break
            if (item := history.visible(versions)) is not None:
                found.append(item)
        return found

    def scan_versions(
        self, bucket: str, prefix: str, after: tuple[str, int], limit: int
    ) -> list[StoredObject]:
        key, sequence = after
        found: list[StoredObject] = []
        if sequence and key.startswith(prefix):
            found += [item for item in self._history(bucket, key) if item.sequence < sequence]
        for versions in self._walk(bucket, prefix, key, limit):
            if len(found) >= limit:
                break
            found += versions
        return found[:limit]

    def create_upload(self, upload: Upload) -> None:
        self._uploads.create(self._buckets.get(upload.bucket, now=True).folder, upload)

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        return self._uploads.get(self._buckets.get(bucket).folder, key, upload_id)

    def uploads(self, bucket: str) -> list[Upload]:
        return self._uploads.all(self._buckets.get(bucket).folder)

    def put_part(self, upload: Upload, part: Part) -> None:
        self._uploads.put_part(self._buckets.get(upload.bucket).folder, upload, part)

    def parts(self, upload: Upload) -> list[Part]:
        return list(self._uploads.parts(self._buckets.get(upload.bucket).folder, upload))

    def drop_upload(self, upload: Upload) -> None:
        self._uploads.drop(self._buckets.get(upload.bucket).folder, upload)

    def _history(self, bucket: str, key: str) -> History:
        try:
            folder = self._buckets.get(bucket).folder
        except ServiceError:
            return ()
        return self._keys.read(folder, key)

    def _walk(self, bucket: str, prefix: str, after: str, limit: int) -> Iterator[History]:
        return self._keys.walk(self._buckets.get(bucket).folder, prefix, after, limit)

    def _state(self, bucket: str, folder: str) -> str:
        """The versioning that the bucket has now. Raises NoSuchBucket when it is another one."""
        found = self._buckets.get(bucket, now=True)
        if found.folder != folder:
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist.")
        return found.bucket.versioning

    def _change(
        self,
        folder: str,
        key: str,
        decide: Callable[[History], History],
        place: str = "",
    ) -> History:
        """Change what a key has; `place` recognises a change that was made already."""
        before, after = self._keys.change(
            folder, key, decide, lambda now: any(item.place == place for item in now)
        )
        self._removal.add(item.place for item in history.lost(before, after))
        return after

    def _update(self, stored: StoredObject, **values: Any) -> None:
        place = _place(stored)
        folder = self._buckets.get(stored.bucket).folder
        self._change(folder, stored.key, lambda before: history.changed(before, place, **values))


def _place(item: StoredObject | Part) -> str:
    if isinstance(item, RemoteObject | RemotePart):
        return item.place
    raise TypeError("an object or part that this storage has not handed out")

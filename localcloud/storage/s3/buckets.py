"""Buckets and their settings: one document each.

Every request asks for them several times. What was read counts for a second; writes that depend on
the bucket's versioning ask for it anew.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath

from localcloud.errors import ServiceError
from localcloud.limits import MIB
from localcloud.storage import Bucket
from localcloud.storage.s3.documents import Documents
from localcloud.storage.s3.store import Entry, Store

GOOD_FOR = 1.0  # seconds
_FOLDER = "buckets/"
_ROOM = 16 * MIB  # of documents that are kept in memory
_PAGE = 1000


@dataclass(frozen=True)
class RemoteBucket:
    """A bucket, its settings by name, and its `folder` in the store: another one for each time
    that a bucket of this name is created, so that nothing of an earlier one comes back."""

    bucket: Bucket
    folder: str
    settings: dict[str, str]


class Buckets:
    """All buckets of the store."""

    def __init__(self, store: Store, executor: ThreadPoolExecutor) -> None:
        self._documents: Documents[RemoteBucket | None] = Documents(
            store, executor, _decode, _encode, nothing=None, room=_ROOM
        )
        self._seen: dict[str, tuple[RemoteBucket, float]] = {}

    def create(self, bucket: Bucket) -> None:
        """Raises BucketAlreadyOwnedByYou."""
        new = RemoteBucket(bucket, f"{uuid.uuid4().hex[:12]}/", {})

        def decide(before: RemoteBucket | None) -> RemoteBucket | None:
            if before is not None:
                raise ServiceError(
                    "BucketAlreadyOwnedByYou", f"the bucket {bucket.name} exists already"
                )
            return new

        self._documents.change(_FOLDER + bucket.name, decide, lambda now: now == new)
        self._seen[bucket.name] = new, time.monotonic()

    def get(self, name: str, *, now: bool = False) -> RemoteBucket:
        """As it was within the last second, or is `now`. Raises NoSuchBucket."""
        seen = self._seen.get(name)
        if seen is not None and not now and time.monotonic() - seen[1] <= GOOD_FOR:
            return seen[0]
        began = time.monotonic()
        found = self._documents.read(_FOLDER + name).content
        changed = self._seen.get(name)
        if changed is not None and changed is not seen and changed[1] >= began:
            # Another request has read or written it since: what was read here may be older.
            return changed[0]
        if found is None:
            self._seen.pop(name, None)
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist.")
        self._seen[name] = found, began
        return found

    def all(self) -> list[Bucket]:
        """By name."""
        entries: list[Entry] = []
        for page in self._documents.list(_FOLDER, "", _PAGE):
            entries += page
        found = self._documents.read_all(entries)
        return sorted((item.bucket for item in found if item), key=lambda bucket: bucket.name)

    def change(self, name: str, **values: str) -> None:
        """Its `acl` or `versioning`. Raises NoSuchBucket."""
        self._change(name, lambda found: replace(found, bucket=replace(found.bucket, **values)))

    def change_setting(self, name: str, setting: str, value: str | None) -> None:
        """Set or remove one. Raises NoSuchBucket."""

        def changed(found: RemoteBucket) -> RemoteBucket:
            settings = {key: text for key, text in found.settings.items() if key != setting}
            return replace(
                found, settings=settings if value is None else {**settings, setting: value}
            )

        self._change(name, changed)

    def delete(self, found: RemoteBucket) -> None:
        """Raises NoSuchBucket when it is not this one any more."""

        def decide(before: RemoteBucket | None) -> RemoteBucket | None:
            if before is None or before.folder != found.folder:
                raise ServiceError("NoSuchBucket", "The specified bucket does not exist.")
            return None

        name = found.bucket.name
        self._documents.change(_FOLDER + name, decide, lambda now: now is None)
        self._seen.pop(name, None)

    def _change(self, name: str, changed: Callable[[RemoteBucket], RemoteBucket]) -> None:
        def decide(before: RemoteBucket | None) -> RemoteBucket | None:
            if before is None:
                raise ServiceError("NoSuchBucket", "The specified bucket does not exist.")
            return changed(before)

        _, after = self._documents.change(_FOLDER + name, decide)
        if after is not None:
            self._seen[name] = after, time.monotonic()


def _encode(content: RemoteBucket) -> bytes:
    return json.dumps(asdict(content)).encode()


def _decode(name: str, data: bytes) -> RemoteBucket:
    document = json.loads(data)
    bucket = Bucket(**{**document["bucket"], "name": PurePosixPath(name).name})
    return RemoteBucket(bucket, document["folder"], document["settings"])

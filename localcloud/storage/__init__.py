"""Where buckets and objects live: `Storage` is the interface, `directory` keeps it on disk, `s3` in
a store that several processes share."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

# The version of an object that was put while its bucket had none.
NULL_VERSION = "null"
_T = TypeVar("_T")


class StorageUnavailable(RuntimeError):  # noqa: N818 - what it is
    """The storage cannot be asked now, so nothing is known of what was asked; the message says why.

    Not a `ServiceError`: whoever takes "no such object" for an answer must not take this for one.
    """


@dataclass(frozen=True)
class Bucket:
    """A bucket, `name-appid`. `created` in Unix seconds; `acl` is a canned one; `versioning` is
    empty until it was switched on, then Enabled or Suspended."""

    name: str
    region: str
    created: float
    acl: str = "private"
    versioning: str = ""


@dataclass(frozen=True)
class StoredObject:
    """One object. `etag` without quotes, `last_modified` in Unix seconds.

    `headers` are those that come back with it (`Cache-Control`, `x-cos-meta-*` ...), and under
    names with a leading colon, which are never sent, what else is known of it. `path` is the file
    that holds its bytes, there after `Storage.fetch` and until the object is replaced or deleted;
    only `size` of them count. Other bytes never have the same `path`.
    `version` is empty where the bucket never had versions; `sequence` orders the versions of a key,
    later ones are larger; a `marker` is a delete marker and has no bytes.
    """

    bucket: str
    key: str
    size: int
    etag: str
    crc64: str
    content_type: str
    last_modified: float
    path: Path
    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    acl: str = "default"
    version: str = ""
    sequence: int = 0
    marker: bool = False


@dataclass(frozen=True)
class Upload:
    """A multipart upload that is not finished."""

    id: str
    bucket: str
    key: str
    created: float
    content_type: str
    headers: dict[str, str]
    tags: dict[str, str]
    acl: str


@dataclass(frozen=True)
class Part:
    """One part of a multipart upload."""

    number: int
    size: int
    etag: str
    modified: float
    path: Path


class Storage(Protocol):
    """Everything durable. Methods raise ServiceError with COS's codes, or StorageUnavailable.

    For one thread; each call is one step that other requests, and other processes where a storage
    is shared, see whole or not at all. Between two calls they may change anything.
    """

    @property
    def sync(self) -> bool:
        """Whether the files that are handed in must be on the disk by then."""

    def serving(self, work: Coroutine[Any, Any, _T]) -> Coroutine[Any, Any, _T]:
        """`work`, to be awaited, in which calls of the storage do not hold the event loop up."""

    def create_bucket(self, bucket: Bucket) -> None: ...
    def bucket(self, name: str) -> Bucket: ...
    def buckets(self) -> list[Bucket]: ...
    def delete_bucket(self, name: str) -> None: ...
    def set_bucket_acl(self, name: str, acl: str) -> None: ...
    def set_versioning(self, name: str, versioning: str) -> None: ...
    def get_setting(self, bucket: str, name: str) -> str | None: ...
    def set_setting(self, bucket: str, name: str, value: str | None) -> None: ...
    def scratch(self) -> Path:
        """A name for a new file, which `put` or `put_part` takes over when it is finished."""

    def put(
        self, stored: StoredObject, *, only_new: bool = False, over: StoredObject | None = None
    ) -> StoredObject:
        """Make `stored` the object of its key; its `path` is a scratch file that moves in.

        Raises FileAlreadyExists with `only_new` where there is one, OperationConflict where the
        object that is there is not `over`; both leave it.
        """

    def fetch(self, item: StoredObject | Part) -> None:
        """Have the file of `item.path` on this machine, to be opened at once."""

    def head(self, bucket: str, key: str, version: str = "") -> StoredObject: ...
    def delete(
        self, bucket: str, key: str, version: str = "", *, over: StoredObject | None = None
    ) -> StoredObject | None:
        """Without `version` the object that is not seen any more, or the delete marker that hides
        it; with `version` what is gone for good. None if there was nothing.

        Raises OperationConflict where what would go is not `over`.
        """

    def set_tags(self, bucket: str, key: str, tags: dict[str, str], version: str = "") -> None: ...
    def set_acl(self, bucket: str, key: str, acl: str, version: str = "") -> None: ...
    def set_headers(self, stored: StoredObject, headers: dict[str, str]) -> None:
        """Of this very version, if it is still there."""

    def scan(self, bucket: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        """Up to `limit` objects in the order of their keys' UTF-8 bytes, those after `after`."""

    def scan_versions(
        self, bucket: str, prefix: str, after: tuple[str, int], limit: int
    ) -> list[StoredObject]:
        """Up to `limit` objects, versions and delete markers by key, from new to old for each;
        those behind a key and a sequence."""

    def find_version(self, bucket: str, key: str, version: str) -> StoredObject | None:
        """A version of a key, a delete marker too; None where there is none."""

    def create_upload(self, upload: Upload) -> None: ...
    def upload(self, bucket: str, key: str, upload_id: str) -> Upload: ...
    def uploads(self, bucket: str) -> list[Upload]: ...
    def put_part(self, upload: Upload, part: Part) -> None: ...
    def parts(self, upload: Upload) -> list[Part]: ...
    def drop_upload(self, upload: Upload) -> None: ...
    def close(self) -> None: ...

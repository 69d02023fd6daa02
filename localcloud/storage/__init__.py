"""Where buckets and objects live: `Storage` is the interface, `directory` keeps it on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

# The version of an object that was put while its bucket had none.
NULL_VERSION = "null"


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
    that holds its bytes, good until the object is replaced or deleted; only `size` of them count.
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
    """Everything durable. Methods raise ServiceError with COS's codes.

    `body` arguments are finished files from `scratch()`, which the storage takes over. `sync` says
    whether they must be on the disk by then.
    """

    @property
    def sync(self) -> bool: ...
    def create_bucket(self, bucket: Bucket) -> None: ...
    def bucket(self, name: str) -> Bucket: ...
    def buckets(self) -> list[Bucket]: ...
    def delete_bucket(self, name: str) -> None: ...
    def set_bucket_acl(self, name: str, acl: str) -> None: ...
    def set_versioning(self, name: str, versioning: str) -> None: ...
    def get_setting(self, bucket: str, name: str) -> str | None: ...
    def set_setting(self, bucket: str, name: str, value: str | None) -> None: ...
    def scratch(self) -> Path: ...
    def put(self, stored: StoredObject, *, only_new: bool = False) -> StoredObject: ...
    def head(self, bucket: str, key: str, version: str = "") -> StoredObject: ...
    def delete(self, bucket: str, key: str, version: str = "") -> StoredObject | None: ...
    def set_tags(self, bucket: str, key: str, tags: dict[str, str], version: str = "") -> None: ...
    def set_acl(self, bucket: str, key: str, acl: str, version: str = "") -> None: ...
    def set_headers(
        self, bucket: str, key: str, headers: dict[str, str], version: str = ""
    ) -> None: ...
    def scan(self, bucket: str, prefix: str, after: str, limit: int) -> list[StoredObject]: ...
    def scan_versions(
        self, bucket: str, prefix: str, after: tuple[str, int], limit: int
    ) -> list[StoredObject]: ...
    def find_version(self, bucket: str, key: str, version: str) -> StoredObject | None: ...
    def create_upload(self, upload: Upload) -> None: ...
    def upload(self, bucket: str, key: str, upload_id: str) -> Upload: ...
    def uploads(self, bucket: str) -> list[Upload]: ...
    def put_part(self, upload: Upload, part: Part) -> None: ...
    def parts(self, upload: Upload) -> list[Part]: ...
    def drop_upload(self, upload: Upload) -> None: ...
    def close(self) -> None: ...

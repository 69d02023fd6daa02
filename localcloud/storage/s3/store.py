"""The S3-compatible store itself: named bytes, written on conditions. The only user of boto3.

Every method blocks; all are safe to call from several threads.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.limits import BODY_CHUNK, MIB
from localcloud.storage import StorageUnavailable

CONNECTIONS = 32
_CONNECT, _READ = 5.0, 30.0  # seconds
_AT_ONCE = 1 * MIB  # what is not larger is read into memory
_IN_PARTS = 64 * MIB  # what is larger is uploaded so
_TRANSFER = TransferConfig(
    multipart_threshold=_IN_PARTS, multipart_chunksize=_IN_PARTS, max_concurrency=4
)
# Of answers to a condition that does not hold, by store and operation.
_CONFLICT = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404")
_ABSENT = ("NoSuchKey", "404")
_REFUSED = (
    "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
    "403",
)  # fmt: skip


class Conflict(Exception):  # noqa: N818 - an answer, not an error
    """Somebody else has written meanwhile."""


@dataclass(frozen=True)
class Entry:
    """A name in a listing, and the ETag of what lies there."""

    name: str
    etag: str


class Store:
    """A bucket of the store, or what begins with `prefix` in it. Raises StorageUnavailable."""

    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        """`endpoint` None means what the AWS variables say, or AWS itself; so do credentials."""
        self._bucket, self._prefix = bucket, prefix
        config = Config(
            connect_timeout=_CONNECT,
            read_timeout=_READ,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=CONNECTIONS,
            # Stores that are not AWS's know neither newer checksums nor a host for each bucket.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if endpoint else {},
            # The variables that lead clients to this very cloud are no way to the store.
            proxies={},
        )
        try:
            session = boto3.Session()
            self._client: Any = session.client(
                "s3",
                endpoint_url=endpoint,
                region_name=session.region_name or "us-east-1",
                config=config,
            )
        except (BotoCoreError, ValueError) as error:
            raise StorageUnavailable(f"the S3 store cannot be used: {error}") from None
        self.address: str = self._client.meta.endpoint_url
        self.deletes_conditionally = False

    def check(self) -> None:
        """Find out whether the store is there and keeps to conditions."""
        next(self.entries("", limit=1), None)
        name = f"probe/{uuid.uuid4().hex}"
        etag = self.write(name, b"1", None)
        try:
            for wrong in (None, '"00000000000000000000000000000000"'):
                with contextlib.suppress(Conflict):
                    self.write(name, b"2", wrong)
                    condition = "If-None-Match" if wrong is None else "If-Match"
                    raise StorageUnavailable(
                        f"the S3 store at {self.address} overwrites in spite of {condition}: "
                        "several processes cannot share it safely"
                    )
            self.deletes_conditionally = self._refuses_to_delete(name)
        finally:
            if self.deletes_conditionally:
                self.remove_same(name, etag)
            else:
                self.remove(name)

    def read(self, name: str, known: str | None = None) -> tuple[bytes, str] | str | None:
        """The bytes and their ETag; `known` itself if that still is their ETag; None for none."""
        conditions = {} if known is None else {"IfNoneMatch": known}
        try:
            with self._translated():
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._prefix + name, **conditions
                )
                with contextlib.closing(answer["Body"]) as body:
                    return body.read(), answer["ETag"]
        except ClientError as error:
            code = _code(error)
            if code in ("304", "NotModified"):
                return known
            if code in _ABSENT:
                return None
            raise self._unavailable(error) from None

    def write(self, name: str, data: bytes, etag: str | None) -> str:
        """Replace what has this ETag, or, without one, nothing; the new ETag. Raises Conflict."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            with self._translated():
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + name, Body=data, **condition
                )
        except ClientError as error:
            if _code(error) in _CONFLICT:
                raise Conflict from None
            raise self._unavailable(error) from None
        return str(answer["ETag"])

    def upload(self, name: str, path: Path) -> None:
        """Store a file under a name that nothing has."""
        with self._translated():
            size = path.stat().st_size
            if size > _IN_PARTS:
                self._client.upload_file(
                    str(path), self._bucket, self._prefix + name, Config=_TRANSFER
                )
                return
            try:
                with path.open("rb") as file:
                    self._client.put_object(
                        Bucket=self._bucket,
                        Key=self._prefix + name,
                        # For a file boto3 waits until the store says that it may come.
                        Body=file if size > _AT_ONCE else file.read(),
                    )
            except ClientError as error:
                raise self._unavailable(error) from None

    def download(self, name: str, into: IO[bytes]) -> bool:
        """Write what lies there to a file; False when nothing does."""
        try:
            with self._translated():
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
                with contextlib.closing(answer["Body"]) as body:
                    for chunk in body.iter_chunks(BODY_CHUNK):
                        into.write(chunk)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return False
            raise self._unavailable(error) from None
        return True

    def remove(self, name: str) -> None:
        """Whatever lies there, if anything does."""
        with self._translated():
            try:
                self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)
            except ClientError as error:
                if _code(error) not in _ABSENT:
                    raise self._unavailable(error) from None

    def remove_same(self, name: str, etag: str) -> None:
        """Only what has this ETag. Raises Conflict; for stores that delete conditionally."""
        try:
            with self._translated():
                self._client.delete_object(
                    Bucket=self._bucket, Key=self._prefix + name, IfMatch=etag
                )
        except ClientError as error:
            if _code(error) in _CONFLICT:
                raise Conflict from None
            raise self._unavailable(error) from None

    def page(self, prefix: str, after: str, limit: int) -> list[Entry]:
        """Up to `limit` (at most 1,000) names behind `after`, by their UTF-8 bytes."""
        start = {"StartAfter": self._prefix + after} if after else {}
        try:
            with self._translated():
                answer = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=self._prefix + prefix, MaxKeys=limit, **start
                )
        except ClientError as error:
            raise self._unavailable(error) from None
        skipped = len(self._prefix)
        return [Entry(row["Key"][skipped:], row["ETag"]) for row in answer.get("Contents", [])]

    def entries(self, prefix: str, after: str = "", limit: int = 1000) -> Iterator[Entry]:
        """All of them, `limit` with each request."""
        while page := self.page(prefix, after, limit):
            yield from page
            if len(page) < limit:
                return
            after = page[-1].name

    def _refuses_to_delete(self, name: str) -> bool:
        try:
            self.remove_same(name, '"00000000000000000000000000000000"')
        except (Conflict, StorageUnavailable):
            return self.read(name) is not None
        return False

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """What boto3 raises when there is no answer, told without its details."""
        try:
            yield
        except S3UploadFailedError as error:
            raise StorageUnavailable(
                f"the S3 store at {self.address} took no upload: {error}"
            ) from None
        except BotoCoreError as error:
            said = " ".join(str(error).split())[:300]
            raise StorageUnavailable(
                f"the S3 store at {self.address} does not answer: {said}"
            ) from None

    def _unavailable(self, error: ClientError) -> StorageUnavailable:
        code = _code(error)
        if code == "NoSuchBucket":
            said = f"has no bucket {self._bucket!r}"
        elif code in _REFUSED:
            said = f"refuses the AWS credentials or their rights ({code})"
        else:
            said = f"answers with the error {code}"
        return StorageUnavailable(f"the S3 store at {self.address} {said}")


def _code(error: ClientError) -> str:
    found = error.response.get("Error", {}).get("Code") or ""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    return str(found or status)[:60]

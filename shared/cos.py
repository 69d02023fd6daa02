"""The one way to call COS and CI: `cos-python-sdk-v5`, with our session, deadline and retries.

Measured facts behind the choices here: the SDK retries job-creating POSTs and sleeps whole seconds
(so `retry=0`), logs headers with secrets in them (so its logger is quiet), and its error getters
raise on odd answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from qcloud_cos import CosConfig, CosS3Client

from shared import retries
from shared.cos_errors import translated
from shared.errors import CloudError
from shared.pace import Pace
from shared.pic_operations import PicOperations, UploadResult
from shared.session import Answer, Session, unix_time
from shared.settings import Settings

logging.getLogger("qcloud_cos").setLevel(logging.CRITICAL + 1)

_T = TypeVar("_T")
_MAX_TAGS = 10
MAX_READ = 1 << 20  # bytes of an object that is read whole: state, records, cursors


_session = Session()
_paces: dict[tuple[float, int], Pace] = {}


class Listed(NamedTuple):
    """An object as a listing shows it: `size` in bytes, `modified` in the service's words."""

    key: str
    size: int
    modified: str
    etag: str = ""


class Read(NamedTuple):
    """An object that was read whole. `age` is how many seconds ago it was written, all by the
    service's clock; `etag` comes without quotes."""

    body: bytes
    age: float
    etag: str


class Cos:
    """COS and CI of one region, for one invocation.

    `deadline` is a `time.monotonic()` value after which no call is started. Every method raises
    `CloudError` and nothing else; `request_id` is the service's id of the last call and `date` its
    clock then (Unix seconds, 0 if it told none), `calls` lists every attempt as (operation,
    request id).
    """

    def __init__(self, settings: Settings, region: str, deadline: float = float("inf")) -> None:
        self._settings = settings
        self._deadline = deadline
        credentials = settings.credentials
        config = CosConfig(
            Region=region or settings.region,
            SecretId=credentials.secret_id,
            SecretKey=credentials.secret_key,
            Token=credentials.token or None,
            Scheme=settings.scheme,
        )
        self._client = CosS3Client(config, retry=0, session=_session)
        self.request_id = ""
        self.date = 0.0
        self.calls: list[tuple[str, str]] = []

    @property
    def settings(self) -> Settings:
        """What the invocation is told from outside."""
        return self._settings

    @property
    def deadline(self) -> float:
        """After which no call is started, in monotonic seconds."""
        return self._deadline

    def call(
        self, operation: str, call: Callable[[CosS3Client], _T], *, is_paced: bool = False
    ) -> _T:
        """Any other call of the SDK's client, on the same terms; `is_paced` for those that CI
        counts. It is carried out up to `attempts` times."""
        pace = self._pace() if is_paced else None
        return self._call(operation, lambda: call(self._client), pace)

    def signed_address(self, bucket: str, key: str, seconds: int) -> str:
        """An address that anybody can read the object at for so long. No request is sent."""
        token = self._settings.credentials.token
        params = {"x-cos-security-token": token} if token else {}
        return str(
            self._client.get_presigned_url(
                Bucket=bucket, Key=wire_key(key), Method="GET", Expired=seconds, Params=params,
                SignHost=True,
            )
        )  # fmt: skip

    def image_process(self, bucket: str, key: str, operations: PicOperations) -> UploadResult:
        """`POST /<key>?image_process` (CI manual 004:7367): up to five rules."""
        header = operations.to_header()
        _, data = self._call(
            "ImageProcess",
            lambda: self._client.ci_image_process(
                Bucket=bucket, Key=wire_key(key), PicOperations=header
            ),
            pace=self._pace(),
        )
        try:
            return UploadResult.from_dict(data)
        except (ValueError, AttributeError) as error:
            raise CloudError(
                "InvalidResponse", f"CI answered no UploadResult: {error}", status=502
            ) from None

    def head_object(self, bucket: str, key: str) -> Mapping[str, str]:
        """The object's headers (`ETag`, `Content-Type`, `Content-Length` ...)."""
        return self._call(
            "HeadObject", lambda: self._client.head_object(Bucket=bucket, Key=wire_key(key))
        )

    def put_object(
        self,
        bucket: str,
        key: str,
        body: bytes,
        content_type: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Store `body` with more `headers`; the answer's headers."""
        return self._call(
            "PutObject",
            lambda: self._client.put_object(
                Bucket=bucket,
                Key=wire_key(key),
                Body=body,
                ContentType=content_type,
                Metadata=dict(headers or {}),
            ),
        )

    def read_start(self, bucket: str, key: str, most: int) -> Read | None:
        """The first `most` bytes of an object that is not empty; None if there is none."""
        return self._read(bucket, key, most, Range=f"bytes=0-{most - 1}")

    def read_object(self, bucket: str, key: str) -> Read | None:
        """An object of at most `MAX_READ` bytes; None if there is none."""
        return self._read(bucket, key, MAX_READ)

    def _read(self, bucket: str, key: str, most: int, **more: str) -> Read | None:
        def read() -> Read:
            answer = self._client.get_object(Bucket=bucket, Key=wire_key(key), **more)
            if int(answer["Content-Length"]) > most:
                raise CloudError("EntityTooLarge", f"{key} has more than {most} bytes",
                                 status=400)  # fmt: skip
            body = answer["Body"].get_raw_stream().read(most + 1)
            if len(body) != int(answer["Content-Length"]):
                raise CloudError("NetworkError", f"the answer with {key} was cut short")
            age = _session.state.answer.date - unix_time(answer["Last-Modified"])
            return Read(body, max(0.0, age), answer.get("ETag", "").strip('"'))

        try:
            return self._call("GetObject", read)
        except CloudError as error:
            if error.status == 404 and error.code in ("NoSuchKey", "NoSuchResource"):
                return None
            raise

    def list_objects(
        self, bucket: str, prefix: str, marker: str = "", limit: int = 1000
    ) -> tuple[list[Listed], str]:
        """A page of the keys that start with `prefix` and come after `marker`, and the marker of
        the next page, empty after the last."""

        def read() -> tuple[list[Listed], str]:
            answer = self._client.list_objects(
                Bucket=bucket, Prefix=prefix, Marker=marker, MaxKeys=limit
            )
            found = [
                Listed(row["Key"], int(row["Size"]), row["LastModified"], row["ETag"].strip('"'))
                for row in answer.get("Contents") or []
            ]
            more = answer["IsTruncated"] == "true"
            return found, (answer.get("NextMarker") or found[-1].key) if more else ""

        return self._call("GetBucket", read)

    def all_objects(self, bucket: str, prefix: str, after: str = "") -> Iterator[Listed]:
        """The objects whose keys start with `prefix` and come after `after`, page by page."""
        marker = after
        while True:
            page, marker = self.list_objects(bucket, prefix, marker)
            yield from page
            if not marker:
                return

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object; one that is not there is deleted already."""
        self._call(
            "DeleteObject", lambda: self._client.delete_object(Bucket=bucket, Key=wire_key(key))
        )

    def lifecycle_rules(self, bucket: str) -> list[dict[str, Any]]:
        """The bucket's lifecycle rules as the SDK reads them."""
        try:
            answer = self._call(
                "GetBucketLifecycle", lambda: self._client.get_bucket_lifecycle(Bucket=bucket)
            )
        except CloudError as error:
            if error.code == "NoSuchLifecycleConfiguration":
                return []
            raise
        return list(answer.get("Rule") or [])

    def set_lifecycle_rules(self, bucket: str, rules: list[dict[str, Any]]) -> None:
        """Replace the bucket's lifecycle rules."""
        self._call(
            "PutBucketLifecycle",
            lambda: self._client.put_bucket_lifecycle(
                Bucket=bucket, LifecycleConfiguration={"Rule": rules}
            ),
        )

    def was_versioned(self, bucket: str) -> bool:
        """Whether the bucket has or ever had versions."""
        answer = self._call(
            "GetBucketVersioning", lambda: self._client.get_bucket_versioning(Bucket=bucket)
        )
        return bool(answer and answer.get("Status"))

    def read_tags(self, bucket: str, key: str) -> dict[str, str]:
        """The tags of an object."""
        return self._call(
            "GetObjectTagging",
            lambda: _read_tags(self._client.get_object_tagging(Bucket=bucket, Key=wire_key(key))),
        )

    def add_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> dict[str, str]:
        """Set `tags` on an object and keep the others it has, at most ten together; those that it
        had."""
        before = self.read_tags(bucket, key)
        merged = {**before, **tags}
        if len(merged) > _MAX_TAGS:
            raise CloudError(
                "TooManyTags", f"the object would have {len(merged)} tags: COS allows {_MAX_TAGS}",
                status=400,
            )  # fmt: skip
        tag_set = [{"Key": name, "Value": value} for name, value in merged.items()]
        self._call(
            "PutObjectTagging",
            lambda: self._client.put_object_tagging(
                Bucket=bucket, Key=wire_key(key), Tagging={"TagSet": {"Tag": tag_set}}
            ),
        )
        return before

    def _pace(self) -> Pace:
        # Of the process, not of the invocation: what was learnt stays.
        limit, instances = self._settings.ci_rate, self._settings.ci_instances
        return _paces.setdefault((limit, instances), Pace(limit, limit / instances))

    def _call(self, operation: str, call: Callable[[], _T], pace: Pace | None = None) -> _T:
        """Run one SDK call with the retries of the settings, before the invocation's deadline."""
        return retries.run(
            lambda: self._attempt(operation, call, pace),
            attempts=self._settings.attempts,
            deadline=self._deadline,
        )

    def _attempt(self, operation: str, call: Callable[[], _T], pace: Pace | None) -> _T:
        if pace is not None:
            pace.wait(self._deadline)
        left = self._deadline - time.monotonic()
        if left < retries.SHORTEST_CALL:
            raise CloudError("DeadlineExceeded", "the invocation has no time left for this call")
        _session.state.timeout = min(self._settings.timeout, left)
        _session.state.answer = Answer()
        try:
            result = call()
        except Exception as error:
            failure = translated(error, _session.state.answer)
            if failure is None:
                raise
            if pace is not None and failure.throttled:
                pace.refused()
            raise failure from None
        finally:
            self.request_id = _session.state.answer.request_id
            self.date = _session.state.answer.date
            self.calls.append((operation, self.request_id))
        if pace is not None:
            pace.answered()
        return result


def wire_key(key: str) -> str:
    """The key as the SDK needs it. Raises `CloudError` for keys that would become another path."""
    last = key.rpartition("/")[2]
    if last in (".", "..") or not key:
        raise CloudError(
            "InvalidKey",
            f"the key {key!r} ends in a dot segment: no URL can name it",
            status=400,
        )
    # The SDK drops one leading slash.
    return "/" + key if key.startswith("/") else key


def _read_tags(answer: Mapping[str, Any]) -> dict[str, str]:
    tags = (answer["TagSet"] or {}).get("Tag") or []
    return {str(tag["Key"]): str(tag.get("Value") or "") for tag in tags}

"""The one way to call COS and CI: `cos-python-sdk-v5`, with our session, deadline and retries.

Measured facts behind the choices here: the SDK retries job-creating POSTs and sleeps whole seconds
(so `retry=0`), switches TCP_NODELAY off behind a proxy (44 ms a request with a body), logs headers
with secrets in them (so its logger is quiet), and its error getters raise on odd answers.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from qcloud_cos import CosClientError, CosConfig, CosS3Client, CosServiceError
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager

from shared.errors import CloudError
from shared.pic_operations import PicOperations, UploadResult
from shared.settings import Settings

logging.getLogger("qcloud_cos").setLevel(logging.CRITICAL + 1)

_T = TypeVar("_T")
_BACKOFF = 0.2  # seconds before the second attempt; doubled each time, half of it random
_SHORTEST_CALL = 0.5  # seconds that a call needs to be worth starting
_MAX_TAGS = 10
_NODELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


class _Adapter(HTTPAdapter):
    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(
            proxy, socket_options=_NODELAY, **proxy_kwargs
        )
        return manager


class _Session(Session):
    """Keeps connections between invocations; caps each call and remembers its request id."""

    def __init__(self) -> None:
        super().__init__()
        self.state = threading.local()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_connections=10, pool_maxsize=10))

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        timeout = getattr(self.state, "timeout", None)
        if timeout is not None:
            kwargs["timeout"] = timeout
        response = super().send(request, **kwargs)
        self.state.request_id = response.headers.get(
            "x-cos-request-id", response.headers.get("x-ci-request-id", "")
        )
        return response


_session = _Session()


class Cos:
    """COS and CI of one region, for one invocation.

    `deadline` is a `time.monotonic()` value after which no call is started. Every method raises
    `CloudError` and nothing else; `request_id` is the service's id of the last call.
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

    def image_process(self, bucket: str, key: str, operations: PicOperations) -> UploadResult:
        """`POST /<key>?image_process` (CI manual 004:7367): up to five rules."""
        header = operations.to_header()
        _, data = self._call(
            lambda: self._client.ci_image_process(
                Bucket=bucket, Key=_wire_key(key), PicOperations=header
            )
        )
        try:
            return UploadResult.from_dict(data)
        except (ValueError, AttributeError) as error:
            raise CloudError(
                "InvalidResponse", f"CI answered no UploadResult: {error}", status=502
            ) from None

    def head_object(self, bucket: str, key: str) -> Mapping[str, str]:
        """The object's headers (`ETag`, `Content-Type`, `Content-Length` ...)."""
        return self._call(lambda: self._client.head_object(Bucket=bucket, Key=_wire_key(key)))

    def put_object(self, bucket: str, key: str, body: bytes, content_type: str) -> str:
        """Store `body`; the object's ETag without quotes."""
        headers = self._call(
            lambda: self._client.put_object(
                Bucket=bucket, Key=_wire_key(key), Body=body, ContentType=content_type
            )
        )
        return str(headers.get("ETag", "")).strip('"')

    def add_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Set `tags` on an object and keep the others it has; at most ten together."""
        present = self._call(
            lambda: _read_tags(self._client.get_object_tagging(Bucket=bucket, Key=_wire_key(key)))
        )
        merged = {**present, **tags}
        if len(merged) > _MAX_TAGS:
            raise CloudError(
                "TooManyTags", f"the object would have {len(merged)} tags: COS allows {_MAX_TAGS}",
                status=400,
            )  # fmt: skip
        tag_set = [{"Key": name, "Value": value} for name, value in merged.items()]
        self._call(
            lambda: self._client.put_object_tagging(
                Bucket=bucket, Key=_wire_key(key), Tagging={"TagSet": {"Tag": tag_set}}
            )
        )

    def _call(self, call: Callable[[], _T]) -> _T:
        """Run one SDK call with the retry budget of the settings and the invocation's deadline."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._attempt(call)
            except CloudError as error:
                pause = _BACKOFF * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311 - jitter
                left = self._deadline - time.monotonic() - pause
                worth = error.retryable and error.code != "DeadlineExceeded"
                if not worth or attempt >= self._settings.attempts or left < _SHORTEST_CALL:
                    raise
                time.sleep(pause)

    def _attempt(self, call: Callable[[], _T]) -> _T:
        left = self._deadline - time.monotonic()
        if left < _SHORTEST_CALL:
            raise CloudError("DeadlineExceeded", "the invocation has no time left for this call")
        _session.state.timeout = min(self._settings.timeout, left)
        _session.state.request_id = ""
        try:
            return call()
        except CosServiceError as error:
            raise _service_error(error) from None
        except CosClientError as error:
            raise CloudError("NetworkError", _one_line(str(error))) from None
        except (ValueError, SyntaxError, TypeError, KeyError, AttributeError) as error:
            # An answer of another shape, from something between us and the service: the SDK and
            # `_read_tags` read the fields that the service promises.
            message = _one_line(f"{type(error).__name__}: {error}")
            raise CloudError("InvalidResponse", message, status=502) from None
        finally:
            self.request_id = _session.state.request_id


def _wire_key(key: str) -> str:
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


def _service_error(error: CosServiceError) -> CloudError:
    status = error.get_status_code()
    digest = error.get_digest_msg()
    if not isinstance(digest, Mapping):
        return CloudError("Unknown", _one_line(str(error.get_origin_msg())), status=status)
    fields = {str(name).lower(): str(value) for name, value in digest.items()}
    request_id = fields.get("requestid", fields.get("x-cos-request-id", ""))
    if "code" not in fields:
        # No body: the digest is the answer's headers.
        return CloudError("Unknown", f"HTTP {status} without a body", status=status,
                          request_id=request_id)  # fmt: skip
    return CloudError(
        fields["code"], _one_line(fields.get("message", "")), status=status, request_id=request_id
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]

"""The one way to call API 3.0: one request of one product, with our session, deadline and retries.

Through the general client of `tencentcloud-sdk-python`: the clients of products are hundreds of
kilobytes of request classes each, which a cold start would compile for a request of a few fields
(bench/dispatch.py). What only a call needs is imported by the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from requests import PreparedRequest, Response

from shared import retries
from shared.errors import CloudError
from shared.session import Answer, Session
from shared.settings import Settings

_T = TypeVar("_T")
# The SDK logs whole requests, headers with keys included.
logging.getLogger("tencentcloud_sdk_common").setLevel(logging.CRITICAL + 1)

# API 3.0 answers 200 whatever happened: the status that the first word of an error's code means.
_STATUS = {
    "AuthFailure": 403,
    "FailedOperation": 500,
    "InternalError": 500,
    "LimitExceeded": 429,
    "OperationDenied": 403,
    "RequestLimitExceeded": 429,
    "ResourceInsufficient": 503,
    "ResourceLimitReached": 429,
    "ResourceNotFound": 404,
    "UnauthorizedOperation": 403,
}
_OTHER_STATUS = 400
_session = Session()


class Api3:
    """One product's API in one region, for one invocation.

    `deadline` is a `time.monotonic()` value after which no call is started; `status` maps what the
    first words of the product's own error codes mean, where the common table does not tell.
    Methods raise `CloudError` and nothing else; `calls` lists every attempt as (action, request
    id).
    """

    def __init__(
        self,
        product: str,
        version: str,
        settings: Settings,
        region: str,
        deadline: float = float("inf"),
        *,
        status: Mapping[str, int] | None = None,
    ) -> None:
        self._product = product
        self._version = version
        self._settings = settings
        self._region = region
        self._deadline = deadline
        self._status = {**_STATUS, **(status or {})}
        self.calls: list[tuple[str, str]] = []

    def call(
        self, action: str, parameters: Mapping[str, Any], read: Callable[[dict[str, Any]], _T]
    ) -> _T:
        """What `read` makes of the answer's `Response`; a shape that it trips over is an error of
        the service."""
        return retries.run(
            lambda: self._attempt(action, dict(parameters), read),
            attempts=self._settings.attempts,
            deadline=self._deadline,
        )

    def _attempt(
        self, action: str, parameters: dict[str, Any], read: Callable[[dict[str, Any]], _T]
    ) -> _T:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
            TencentCloudSDKException,
        )

        left = self._deadline - time.monotonic()
        if left < retries.SHORTEST_CALL:
            raise CloudError("DeadlineExceeded", "the invocation has no time left for this call")
        _session.state.timeout = min(self._settings.timeout, left)
        _session.state.answer = Answer()
        request_id = ""
        connection = _Connection()
        try:
            answer = self._client(connection).call_json(action, parameters)["Response"]
            request_id = str(answer["RequestId"])
            if error := answer.get("Error"):
                # The SDK sees it only in answers that are `application/json` to the letter.
                raise self._refusal(str(error["Code"]), str(error["Message"]), request_id)
            return read(answer)
        except TencentCloudSDKException as error:
            request_id = error.get_request_id() or ""
            failure = self._failure(error, connection.status, request_id)
            failure.retry_after = _session.state.answer.retry_after
            raise failure from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # An answer of another shape, from something between us and the service.
            message = f"{type(error).__name__}: {error}"[:300]
            raise CloudError("InvalidResponse", message, status=502) from None
        finally:
            self.calls.append((action, request_id))

    def _client(self, connection: _Connection) -> Any:
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

        keys = self._settings.credentials
        profile = ClientProfile(
            httpProfile=HttpProfile(protocol=self._settings.scheme), language="en-US"
        )
        credential = Credential(keys.secret_id, keys.secret_key, keys.token or None)
        client = CommonClient(self._product, self._version, credential, self._region, profile)
        client.request.conn = connection
        return client

    def _failure(self, error: Any, status: int, request_id: str) -> CloudError:
        code, message = str(error.get_code()), str(error.get_message())
        if code == "ClientNetworkError":
            return CloudError("NetworkError", _one_line(message))
        if code == "ServerNetworkError":
            return CloudError(
                "InvalidResponse", f"HTTP {status}: {_one_line(message)}", status=status
            )
        return self._refusal(code, message, request_id)

    def _refusal(self, code: str, message: str, request_id: str) -> CloudError:
        first = code.partition(".")[0]
        status = self._status.get(code, self._status.get(first, _OTHER_STATUS))
        return CloudError(code, _one_line(message), status=status, request_id=request_id)


class _Connection:
    """Our session in the place of the SDK's own, which opens a connection for each client."""

    request_length = 0

    def __init__(self) -> None:
        self.status = 0

    def request(
        self, method: str, url: str, body: str | None = None, headers: Any = None
    ) -> Response:
        answer = _session.request(method, url, data=body, headers=headers, auth=_as_it_is)
        self.status = answer.status_code
        return answer


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    # Without an `auth`, requests would put a password from ~/.netrc over the signature.
    return request


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]

"""The one way to call SCF: asynchronous invokes of the functions that are deployed beside this one.

API 3.0 through `tencentcloud-sdk-python`, with our session, deadline and retries. Its general
client is used, not that of SCF, whose request classes are 450 kB of source: a cold start would
compile them for one request of five fields (bench/dispatch.py). What only `dispatch` needs is
imported when it is needed.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Response

from shared import retries
from shared.errors import CloudError
from shared.session import Answer, Session
from shared.settings import Settings, SettingsError

MAX_EVENT = 128 * 1024  # bytes of an asynchronous event
_VERSION = "2018-04-16"
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


def deployed_prefix(settings: Settings, own: str) -> str:
    """What the names of deployed functions begin with, in front of their keys in serverless.yml.

    `multi-scf` deploys `<name>-<stage>-<app>-<key>`, so the name of the running function, whose
    key is `own`, tells it; FUNCTION_PREFIX does where functions have other names. Raises
    `SettingsError`.
    """
    name = settings.function_name
    if settings.function_prefix or not name or name == own:
        return settings.function_prefix
    if not name.endswith(f"-{own}"):
        raise SettingsError(
            [
                f"SCF_FUNCTIONNAME is {name!r}, which does not end in -{own}: set FUNCTION_PREFIX "
                f"to what the names of all functions begin with, as in pipelines-dev-app-"
            ]
        )
    return name.removesuffix(own)


class Scf:
    """SCF of one region, for one invocation.

    `prefix` stands in front of each function's key, `deadline` is a `time.monotonic()` value after
    which no call is started. Methods raise `CloudError` and nothing else; `calls` lists every
    attempt as (operation, request id).
    """

    def __init__(
        self, settings: Settings, region: str, prefix: str, deadline: float = float("inf")
    ) -> None:
        self._settings = settings
        self._region = settings.region or region
        self._prefix = prefix
        self._deadline = deadline
        self.calls: list[tuple[str, str]] = []

    def invoke(self, function: str, event: Mapping[str, Any]) -> str:
        """Queue `event` for the function of this key; the id of the invocation to come.

        It can be queued twice: an answer that is lost on its way is asked for again.
        """
        payload = json.dumps(event, separators=(",", ":"))
        if len(payload) > MAX_EVENT:
            raise CloudError(
                "RequestTooLarge",
                f"the event for {function} has {len(payload)} bytes: SCF takes {MAX_EVENT}",
                status=413,
            )
        parameters = {
            "FunctionName": f"{self._prefix}{function}",
            "InvocationType": "Event",
            "ClientContext": payload,
            "Namespace": self._settings.namespace,
        }
        return retries.run(
            lambda: self._attempt(parameters),
            attempts=self._settings.attempts,
            deadline=self._deadline,
        )

    def _attempt(self, parameters: dict[str, Any]) -> str:
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
            answer = self._client(connection).call_json("Invoke", parameters)["Response"]
            request_id = str(answer["RequestId"])
            if error := answer.get("Error"):
                # The SDK sees it only in answers that are `application/json` to the letter.
                raise _service_error(str(error["Code"]), str(error["Message"]), request_id)
            return str(answer["Result"]["FunctionRequestId"])
        except TencentCloudSDKException as error:
            request_id = error.get_request_id() or ""
            failure = _failure(error, connection.status, request_id)
            failure.retry_after = _session.state.answer.retry_after
            raise failure from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # An answer of another shape, from something between us and the service.
            message = f"{type(error).__name__}: {error}"[:300]
            raise CloudError("InvalidResponse", message, status=502) from None
        finally:
            self.calls.append(("Invoke", request_id))

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
        client = CommonClient("scf", _VERSION, credential, self._region, profile)
        client.request.conn = connection
        return client


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


def _failure(error: Any, status: int, request_id: str) -> CloudError:
    code, message = str(error.get_code()), str(error.get_message())
    if code == "ClientNetworkError":
        return CloudError("NetworkError", _one_line(message))
    if code == "ServerNetworkError":
        return CloudError("InvalidResponse", f"HTTP {status}: {_one_line(message)}", status=status)
    return _service_error(code, message, request_id)


def _service_error(code: str, message: str, request_id: str) -> CloudError:
    status = _STATUS.get(code.partition(".")[0], _OTHER_STATUS)
    return CloudError(code, _one_line(message), status=status, request_id=request_id)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]

"""The one way to call SCF: asynchronous invokes of the functions deployed beside this one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.api3 import Api3
from shared.errors import CloudError
from shared.settings import Settings, SettingsError

MAX_EVENT = 128 * 1024  # bytes of an asynchronous event
_VERSION = "2018-04-16"


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
        self._prefix = prefix
        self._api = Api3("scf", _VERSION, settings, settings.region or region, deadline)
        self.calls = self._api.calls

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
        return self._api.call(
            "Invoke", parameters, lambda answer: str(answer["Result"]["FunctionRequestId"])
        )

"""HTTP triggers: function URLs and API gateway routes, and which request each is for.

A function URL (`type: http`) is `https://<appid>-<id>-<region>.scf.tencentcs.com/`; an API gateway
service (`type: apigw`) is `http://service-<id>-<appid>.<region>.apigw.tencentcs.com/<stage>/`. On
this machine both are at `http://127.0.0.1:PORT/_scf/<function>/` too, the gateway's without the
stage. https://cloud.tencent.com/document/product/583/96099 and .../583/12513
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from localcloud.addressing import FUNCTIONS
from localcloud.scf.document import Field

URL, GATEWAY = "http", "apigw"
ANY = "ANY"
_METHODS = (ANY, "GET", "HEAD", "POST", "PUT", "DELETE")
_STAGES = "release|prepub|test"
_MAX_SECONDS, _DEFAULT_SECONDS = 1800, 15
_API_FIELDS = {
    *("path", "method", "function", "param", "name", "description", "protocol", "authType"),
    *("enableCORS", "responseType", "serviceTimeout", "isBase64Encoded", "isBase64Trigger"),
    *("base64EncodedTriggerRules", "apiId", "apiName", "id", "isIntegratedResponse"),
}


@dataclass(frozen=True)
class Route:
    """One way in. `host` is the first label of its host; `seconds` is how long a caller waits.

    `path` may hold parts such as `{uid}`; it is matched from its beginning, whole parts only.
    """

    kind: str
    function: str
    host: str
    path: str = "/"
    method: str = ANY
    stage: str = ""
    seconds: float | None = None

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters, decoded, if this request (without the stage) is meant."""
        if self.method not in (ANY, method):
            return None
        wanted = [part for part in self.path.split("/") if part]
        given = [part for part in path.split("/") if part]
        if len(given) < len(wanted):
            return None
        found = {}
        for own, part in zip(wanted, given, strict=False):
            if own.startswith("{") and own.endswith("}"):
                found[own[1:-1]] = unquote(part)
            elif own != part:
                return None
        return found

    @property
    def weight(self) -> tuple[int, int]:
        """The most exact route goes first: more parts, then a method of its own."""
        return (-len([part for part in self.path.split("/") if part]), self.method == ANY)

    def __str__(self) -> str:
        return (
            f"{self.function} <- {self.kind} {self.method} /{FUNCTIONS}/{self.function}{self.path}"
        )


def read_function_url(
    parameters: Field, function: str, *, name: str, appid: str, region: str
) -> Route | None:
    """The `parameters` of a function URL; None for one that only signed callers may use.

    `name` is the function's deployed name.
    """
    parameters.mapping({"name", "enable", "qualifier", "authType", "netConfig", "corsConfig"})
    auth = parameters.child("authType").text("NONE", pattern="NONE|CAM", expected="NONE or CAM")
    if auth != "NONE" or not parameters.child("enable").boolean(True):
        return None
    return Route(URL, function, f"{appid}-{_short(name, 10)}-{region}")


def read_gateway(parameters: Field, *, name: str, appid: str) -> Iterator[tuple[Route, Field]]:
    """The routes of an API gateway trigger, each with the field that names its function.

    `name` stands for a service that has no `id` yet.
    """
    parameters.mapping(
        {"name", "id", "serviceId", "serviceName", "serviceDesc", "description", "protocols",
         "netTypes", "environment", "apis"}
    )  # fmt: skip
    service = parameters.child("id").text("") or parameters.child("serviceId").text("")
    if not re.fullmatch(r"service-[a-z0-9]{1,16}", service):
        named = parameters.child("serviceName").text("") or parameters.child("name").text(name)
        service = f"service-{_short(named, 8)}"
    stage = parameters.child("environment").text(
        "release", pattern=_STAGES, expected=_STAGES.replace("|", ", ")
    )
    for api in parameters.child("apis").items():
        api.mapping(_API_FIELDS)
        route = Route(
            GATEWAY,
            api.child("function").text(expected="the key of a function"),
            f"{service}-{appid}",
            path=api.child("path").text("/", pattern="/.*", expected="a path such as /callback"),
            method=api.child("method").text(
                "GET", pattern="|".join(_METHODS), expected=f"one of {', '.join(_METHODS)}"
            ),
            stage=stage,
            seconds=api.child("serviceTimeout").integer(
                _DEFAULT_SECONDS, range(1, _MAX_SECONDS + 1), f"1 to {_MAX_SECONDS} seconds"
            ),
        )
        yield route, api.child("function")


def _short(name: str, length: int) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:length]

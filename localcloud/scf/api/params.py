"""Reading the parameters of a call: what they may be, which function they mean, who may call."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from localcloud.cloud import Cloud
from localcloud.identity.api_access import require
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.scf.cron import CHINA
from localcloud.scf.serverless import Function

if TYPE_CHECKING:
    from localcloud.scf.host import FunctionHost

QUALIFIERS = ("$LATEST", "$DEFAULT")
_NUMBER = re.compile(r"[0-9]{1,9}")
_TIME_FORM = "%Y-%m-%d %H:%M:%S"


def known(params: dict[str, Any], *names: str) -> None:
    """Refuse parameters that the action does not have."""
    for name in params:
        if name not in (*names, "Region"):
            raise ApiError("UnknownParameter", f"The parameter `{name[:60]}` is not recognized.")


def text(params: dict[str, Any], name: str, default: str | None = None) -> str:
    """A text; without a default it is required."""
    value = params.get(name)
    if value is None or value == "":
        if default is None:
            raise ApiError(
                "MissingParameter", f"The request is missing a required parameter `{name}`."
            )
        return default
    if not isinstance(value, str):
        raise ApiError("InvalidParameter", f"{name} is {str(value)[:60]}: a text is expected")
    return value


def choice(
    params: dict[str, Any], name: str, default: str, allowed: Collection[str], code: str
) -> str:
    """One of a few words. Raises `ApiError` with `code`."""
    value = text(params, name, default)
    if value not in allowed:
        raise ApiError(code, f"{name} is {value[:60]!r}: one of {', '.join(allowed)} is expected")
    return value


def number(
    params: dict[str, Any], name: str, default: int, *, highest: int, code: str, lowest: int = 0
) -> int:
    """A whole number, as JSON or as a form's text. Raises `ApiError` with `code`."""
    value = params.get(name, default)
    if isinstance(value, bool) or not _NUMBER.fullmatch(str(value)):
        raise ApiError(code, f"{name} is {str(value)[:40]!r}: {lowest} to {highest} is expected")
    if not lowest <= int(value) <= highest:
        raise ApiError(code, f"{name} is {value}: {lowest} to {highest} is expected")
    return int(value)


def moment(params: dict[str, Any], name: str, code: str) -> float | None:
    """A time such as `2026-05-16 20:00:00` (Beijing) in Unix seconds; None where it is missing."""
    value = text(params, name, "")
    if not value:
        return None
    try:
        return datetime.strptime(value, _TIME_FORM).replace(tzinfo=CHINA).timestamp()
    except ValueError:
        raise ApiError(
            code, f"{name} is {value[:40]!r}: a time such as 2026-05-16 20:00:00 is expected"
        ) from None


def shown_time(seconds: float) -> str:
    """Unix seconds as the API shows times."""
    return datetime.fromtimestamp(seconds, CHINA).strftime(_TIME_FORM)


def millis_time(seconds: float | None) -> str:
    """Unix seconds with a fraction of six digits; empty for None."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, CHINA).strftime(f"{_TIME_FORM}.%f")


def host_of(cloud: Cloud, params: dict[str, Any]) -> FunctionHost | None:
    """The functions of the region that is asked for; None if there are none."""
    region = params.get("Region", "")
    if not region:
        raise ApiError("MissingParameter", "The request is missing a required parameter `Region`.")
    host = cloud.functions
    return host if host is not None and host.project.region == region else None


def find(
    cloud: Cloud, caller: Caller, params: dict[str, Any], action: str, name: str = ""
) -> tuple[FunctionHost, Function]:
    """The function that `FunctionName`, `Namespace` and `Qualifier` mean.

    Raises `ApiError` UnauthorizedOperation.CAM, ResourceNotFound.Namespace, .Function, .Qualifier.
    """
    name = name or text(params, "FunctionName")
    namespace = text(params, "Namespace", "default")
    allow(cloud, caller, params, action, f"namespace/{namespace}/function/{name}")
    host = host_of(cloud, params)
    functions = host.project.functions.values() if host else ()
    if namespace != "default" and namespace not in {found.namespace for found in functions}:
        raise ApiError("ResourceNotFound.Namespace", f"there is no namespace {namespace[:60]!r}")
    function = next(
        (found for found in functions if (found.name, found.namespace) == (name, namespace)), None
    )
    if host is None or function is None:
        there = ", ".join(found.name for found in functions) or "none"
        raise ApiError(
            "ResourceNotFound.Function",
            f"there is no function {name[:60]!r} in {params['Region']}, namespace {namespace[:60]}:"
            f" the functions that run here are {there}",
        )
    qualifier = text(params, "Qualifier", QUALIFIERS[0])
    if qualifier not in QUALIFIERS:
        raise ApiError(
            "ResourceNotFound.Qualifier",
            f"{name} has no version or alias {qualifier[:60]!r}: {' and '.join(QUALIFIERS)} exist",
        )
    return host, function


def allow(
    cloud: Cloud, caller: Caller, params: dict[str, Any], action: str, resource: str = ""
) -> None:
    """Check the caller's policies for `scf:<action>` on `resource` (empty: on all).

    Functions belong to the cloud's own account. Raises `ApiError` UnauthorizedOperation.CAM.
    """
    owner = cloud.credentials.owner("")
    region = str(params.get("Region", ""))
    appid = cloud.credentials.appid(owner)
    spellings = tuple(
        ("qcs", "", "scf", region, holder, resource or "*")
        for holder in (f"uin/{owner}", f"uid/{appid}")
    )
    code = "UnauthorizedOperation.CAM"
    if caller.account != owner:
        raise ApiError(code, f"the functions are of {owner}, the caller is of {caller.account}")
    require(caller, f"scf:{action}", spellings, code)


def page(
    params: dict[str, Any], *, highest: int, default: int = 20, code: str = "InvalidParameterValue"
) -> slice:
    """`Offset` and `Limit` as a slice of what was found."""
    offset = number(params, "Offset", 0, highest=10**9 - 1, code=f"{code}.Offset")
    limit = number(params, "Limit", default, highest=highest, code=f"{code}.Limit")
    return slice(offset, offset + limit)

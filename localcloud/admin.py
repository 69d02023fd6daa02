"""Calls to the local cloud about itself: `http://127.0.0.1:PORT/_localcloud/<what>`.

The keys are public, so a signature alone keeps no web page out: a page's request has an Origin, and
its Authorization header would need a leave (CORS) that is never given here. Other names than
loopback's are no way in either, so rebinding a name to 127.0.0.1 is of no use.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

from localcloud import operation_names
from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.faults import rules
from localcloud.http import Request, Response
from localcloud.limits import KIB

PLACE = "_localcloud"  # where path style has a bucket; no bucket can be called so
_MAX_BODY = 64 * KIB
_MAX_SEED = 2**63
_BROWSERS = ("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode")


async def answer(cloud: Cloud, request: Request) -> Response:
    """Answer an admin call. Raises `ServiceError` for who may not, and for what is wrong."""
    _check_caller(cloud, request)
    if request.key == "status" and request.method == "GET":
        return _json(_status(cloud))
    if request.key == "faults" and request.method in ("GET", "PUT", "POST", "DELETE"):
        await _change_faults(cloud, request)
        return _json(cloud.faults.report())
    raise ServiceError(
        "MethodNotAllowed",
        f"{request.method} {request.key[:100]!r} is no admin call: GET status and "
        "GET, PUT, POST, DELETE faults are",
    )


def parse_faults(texts: list[str]) -> list[rules.Rule]:
    """The rules that the texts mean. Raises `FaultError`."""
    names = operation_names.all_names()
    return [rules.parse(text, operation_names.find, names) for text in texts]


def _check_caller(cloud: Cloud, request: Request) -> None:
    signed = request.secret_id == cloud.config.secret_id and "Authorization" in request.headers
    if not (signed and _is_loopback(request.remote)):
        raise ServiceError(
            "AccessDenied",
            "an admin call comes from this machine, and is signed with the cloud's permanent key "
            "in its Authorization header",
        )
    if any(name in request.headers for name in _BROWSERS):
        raise ServiceError("AccessDenied", "an admin call comes from no web page")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _status(cloud: Cloud) -> dict[str, Any]:
    trust = cloud.config.trust
    files = trust and {"authority": str(trust.authority), "bundle": str(trust.bundle)}
    return {
        "region": cloud.config.region,
        "buckets": cloud.config.buckets,
        "tls": files,
        "data": str(cloud.config.data.absolute()),
        "idle": cloud.functions is None or cloud.functions.idle(),
    }


async def _change_faults(cloud: Cloud, request: Request) -> None:
    faults = cloud.faults
    change: dict[str, Callable[[], None]] = {"DELETE": lambda: faults.replace([], 0)}
    if request.method in ("PUT", "POST"):
        texts, seed = _read_faults(await request.read(_MAX_BODY), faults.seed)
        change["PUT"] = lambda: faults.replace(parse_faults(texts), seed)
        change["POST"] = lambda: faults.add(parse_faults(texts))
    try:
        change.get(request.method, lambda: None)()
    except rules.FaultError as error:
        raise ServiceError("InvalidArgument", str(error)) from None


def _read_faults(body: bytes, seed: int) -> tuple[list[str], int]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    texts = document.get("faults") if isinstance(document, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ServiceError(
            "InvalidArgument", 'the body is JSON such as {"seed": 1, "faults": ["PutObject=cut"]}'
        )
    seed = document.get("seed", seed)
    if type(seed) is not int or not 0 <= seed < _MAX_SEED:
        raise ServiceError("InvalidArgument", f"seed is {str(seed)[:50]}: 0 to {_MAX_SEED - 1}")
    return texts, seed


def _json(document: dict[str, Any]) -> Response:
    body = json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")
    return Response(200, {"Content-Type": "application/json"}, body + b"\n")

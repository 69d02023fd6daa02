"""Invoke and InvokeFunction: run a function and wait for it, or queue an event for it.

https://cloud.tencent.com/document/api/583/17243 and .../58400
"""

from __future__ import annotations

import json
import math
from typing import Any

from localcloud.cloud import Cloud
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.scf.api import params as read
from localcloud.scf.invocation import MAX_ASYNC_EVENT, MAX_SYNC_EVENT, Invocation

MAX_TAIL = 4 * 1024  # bytes of log in an answer
MAX_ROUTING_KEY = 1024
_NOTHING = {
    "Log": "",
    "RetMsg": "",
    "ErrMsg": "",
    "MemUsage": 0,
    "Duration": 0,
    "BillDuration": 0,
    "InvokeResult": 0,
}


async def invoke(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Run a function: `RequestResponse` answers with its result, `Event` when it is queued."""
    read.known(
        params, "FunctionName", "InvocationType", "Qualifier", "ClientContext", "LogType",
        "Namespace", "RoutingKey",
    )  # fmt: skip
    kinds = ("RequestResponse", "Event")
    code = "InvalidParameterValue.InvokeType"
    kind = read.choice(params, "InvocationType", kinds[0], kinds, code)
    if kind == "RequestResponse":
        return await _run(cloud, caller, params, "ClientContext")
    host, function = read.find(cloud, caller, params, "InvokeFunction")
    event = _event(params, "ClientContext", MAX_ASYNC_EVENT)
    _check_routing(params)
    request_id = host.accept(function, event)
    if request_id is None:
        raise ApiError("LimitExceeded.Quota", "too many asynchronous events wait: try again later")
    return {"Result": {**_NOTHING, "FunctionRequestId": request_id}}


async def invoke_function(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Run a function and answer with its result."""
    read.known(params, "FunctionName", "Qualifier", "Event", "LogType", "Namespace", "RoutingKey")
    return await _run(cloud, caller, params, "Event")


async def _run(cloud: Cloud, caller: Caller, params: dict[str, Any], name: str) -> dict[str, Any]:
    host, function = read.find(cloud, caller, params, "InvokeFunction")
    tail = read.choice(params, "LogType", "None", ("None", "Tail"), "InvalidParameterValue")
    event = _event(params, name, MAX_SYNC_EVENT)
    _check_routing(params)
    invocation = await host.invoke(function, event)
    return {"Result": _result(invocation, with_log=tail == "Tail")}


def _event(params: dict[str, Any], name: str, limit: int) -> Any:
    """The function's event, decoded."""
    payload = read.text(params, name, "{}")
    size = len(payload.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise ApiError(
            "InvalidParameter.RequestTooLarge",
            f"{name} has {size} bytes: {limit} are allowed for this way of invoking",
        )
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        raise ApiError(
            "InvalidParameterValue.Param", f"{name} is no JSON: {payload[:60]!r}"
        ) from None


def _check_routing(params: dict[str, Any]) -> None:
    """`RoutingKey` chooses between versions; there is one here, but the text must be right."""
    key = read.text(params, "RoutingKey", "")
    if not key:
        return
    try:
        routing = json.loads(key) if len(key) <= MAX_ROUTING_KEY else None
    except (ValueError, RecursionError):
        routing = None
    if not isinstance(routing, dict) or not all(isinstance(v, str) for v in routing.values()):
        raise ApiError(
            "InvalidParameterValue",
            f"RoutingKey is {key[:60]!r}: a JSON object of texts, {MAX_ROUTING_KEY} bytes at most",
        )


def _result(invocation: Invocation, *, with_log: bool) -> dict[str, Any]:
    log = invocation.report().encode()[-MAX_TAIL:].decode("utf-8", "ignore") if with_log else ""
    error = invocation.error
    return {
        "Log": log,
        "RetMsg": "" if error else json.dumps(invocation.result, ensure_ascii=False),
        "ErrMsg": json.dumps(error, ensure_ascii=False) if error else "",
        "MemUsage": invocation.max_memory * 1024 * 1024,
        "Duration": round(invocation.duration, 3),
        "BillDuration": math.ceil(invocation.duration),
        "FunctionRequestId": invocation.request_id,
        "InvokeResult": error["errorCode"] if error else 0,
    }


ACTIONS = {"Invoke": invoke, "InvokeFunction": invoke_function}

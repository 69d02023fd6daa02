"""GetFunctionLogs and GetRequestStatus: what became of invocations.

https://cloud.tencent.com/document/api/583/18583 and .../65348
"""

from __future__ import annotations

from typing import Any

from localcloud.cloud import Cloud
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.scf.api import params as read
from localcloud.scf.kept import KeptInvocations, Wanted
from localcloud.scf.serverless import Function
from localcloud.scf.store import Logged

MAX_SEEN = 10_000  # Offset and Limit together
_DAY = 86_400.0
_QUARTER = 900.0
_ORDERS = {
    "start_time": lambda logged: (logged.started, logged.id),
    "duration": lambda logged: (logged.duration, logged.id),
    "mem_usage": lambda logged: (logged.memory, logged.id),
    "function_name": lambda logged: (logged.function, logged.id),
}
_RESULTS = {"": None, "is0": True, "not0": False}
_MILLION = 1024 * 1024


async def get_function_logs(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """The logs of a function, by default of all its invocations that are kept."""
    read.known(
        params, "FunctionName", "Offset", "Limit", "Order", "OrderBy", "Filter", "Namespace",
        "Qualifier", "FunctionRequestId", "StartTime", "EndTime", "SearchContext",
    )  # fmt: skip
    host, function = read.find(cloud, caller, params, "GetFunctionLogs")
    order = read.choice(params, "Order", "desc", ("desc", "asc"), "InvalidParameterValue.Order")
    order_by = read.choice(
        params, "OrderBy", "start_time", _ORDERS, "InvalidParameterValue.OrderBy"
    )
    part = read.page(params, highest=MAX_SEEN)
    if part.stop > MAX_SEEN:
        raise ApiError(
            "InvalidParameterValue.Offset", f"Offset and Limit are {part.stop}: up to {MAX_SEEN}"
        )
    since, until = _times(params)
    wanted = Wanted(
        functions=(function.key,),
        request_id=read.text(params, "FunctionRequestId", ""),
        since=since,
        until=until,
        ok=_ok(params.get("Filter")),
    )
    kept = KeptInvocations(host.data)
    found = sorted(kept.invocations(wanted), key=_ORDERS[order_by], reverse=order == "desc")
    return {
        "TotalCount": len(found),
        "Data": [_log(logged, function) for logged in found[part]],
        "SearchContext": None,
    }


async def get_request_status(
    cloud: Cloud, caller: Caller, params: dict[str, Any]
) -> dict[str, Any]:
    """Each try of one request, by default if it began in the last quarter of an hour."""
    read.known(params, "FunctionName", "FunctionRequestId", "Namespace", "StartTime", "EndTime")
    request_id = read.text(params, "FunctionRequestId")
    host, function = read.find(cloud, caller, params, "GetRequestStatus")
    since, until = _times(params)
    wanted = Wanted(
        functions=(function.key,),
        request_id=request_id,
        since=host.now() - _QUARTER if since is None else since,
        until=until,
    )
    data = [_status(logged, function) for logged in KeptInvocations(host.data).invocations(wanted)]
    event = host.events.running(request_id)
    if event is not None and event.function == function.key:
        data.append(
            {
                "FunctionName": function.name,
                "RequestId": request_id,
                "RetMsg": "",
                "StartTime": read.shown_time(event.started or event.accepted),
                "RetCode": 1,
                "Duration": 0,
                "MemUsage": 0,
                "RetryNum": event.tries,
            }
        )
    return {"TotalCount": len(data), "Data": data}


def _times(params: dict[str, Any]) -> tuple[float | None, float | None]:
    since = read.moment(params, "StartTime", "InvalidParameterValue.DateTime")
    until = read.moment(params, "EndTime", "InvalidParameterValue.DateTime")
    if (since is None) != (until is None):
        raise ApiError(
            "InvalidParameterValue.StartTimeOrEndTime", "StartTime and EndTime go together"
        )
    if since is not None and until is not None:
        if not 0 < until - since <= _DAY:
            raise ApiError(
                "InvalidParameterValue.StartTimeOrEndTime",
                "EndTime must be after StartTime, by one day at most",
            )
        until += 1  # the second that it names is meant too
    return since, until


def _ok(given: object) -> bool | None:
    code = given.get("RetCode", "") if isinstance(given, dict) else given or ""
    if not isinstance(code, str) or code not in _RESULTS:
        raise ApiError(
            "InvalidParameterValue.RetCode", f"Filter.RetCode is {str(code)[:40]!r}: is0 or not0"
        )
    return _RESULTS[code]


def _log(logged: Logged, function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "RequestId": logged.request_id,
        "RetMsg": logged.result,
        "RetCode": 0 if logged.ok else logged.code,
        "InvokeFinished": 1,
        "StartTime": read.shown_time(logged.started),
        "Duration": round(logged.duration, 3),
        "BillDuration": int(-(-logged.duration // 1)),
        "MemUsage": logged.memory,
        "Log": logged.log,
        "Level": "",
        "Source": "",
        "RetryNum": logged.retry,
    }


def _status(logged: Logged, function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "RequestId": logged.request_id,
        "RetMsg": logged.result,
        "StartTime": read.shown_time(logged.started),
        "RetCode": 0 if logged.ok else -1,
        "Duration": round(logged.duration, 3),
        "MemUsage": logged.memory / _MILLION,
        "RetryNum": logged.retry,
    }


ACTIONS = {"GetFunctionLogs": get_function_logs, "GetRequestStatus": get_request_status}

"""Asynchronous events and how they are tried again: listed, ended, configured.

https://cloud.tencent.com/document/api/583/61936 (events), .../583/54365 (their configuration)
"""

from __future__ import annotations

from typing import Any

from localcloud.cloud import Cloud
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.scf.api import params as read
from localcloud.scf.dispatcher import MESSAGE_TTL, RETRIES, RETRY_SETTING, TTL_SETTING
from localcloud.scf.environment import VERSION
from localcloud.scf.store import ABORTED, FAILED, FINISHED, QUEUED, AsyncEvent

RUNNING = "RUNNING"  # the service has no word for an event that still waits
STATUSES = (RUNNING, FINISHED, ABORTED, FAILED)
MIN_TTL = 60
_INVOKE_TYPES = {"CMQ": "TRIGGER_CMQ", "COS": "TRIGGER_COS", "TIMER": "TRIGGER_TIMER"}


async def get_async_event_status(
    cloud: Cloud, caller: Caller, params: dict[str, Any]
) -> dict[str, Any]:
    """What became of one event."""
    read.known(params, "InvokeRequestId")
    request_id = read.text(params, "InvokeRequestId")
    read.allow(cloud, caller, params, "GetAsyncEventStatus")
    host = read.host_of(cloud, params)
    event = host.store.event(request_id) if host else None
    if event is None:
        raise _unknown(request_id)
    return {
        "Result": {
            "Status": _status(event),
            "StatusCode": event.code,
            "InvokeRequestId": request_id,
        }
    }


async def list_async_events(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """The events of a function, those that wait and those that ended lately."""
    read.known(
        params, "FunctionName", "Namespace", "Qualifier", "InvokeType", "Status",
        "StartTimeInterval", "EndTimeInterval", "Order", "Orderby", "Offset", "Limit",
        "InvokeRequestId",
    )  # fmt: skip
    host, function = read.find(cloud, caller, params, "ListAsyncEvents")
    order = read.choice(params, "Order", "DESC", ("DESC", "ASC"), "InvalidParameterValue.Order")
    orders = ("StartTime", "EndTime")
    order_by = read.choice(params, "Orderby", orders[0], orders, "InvalidParameterValue.OrderBy")
    part = read.page(params, highest=100)
    statuses = _words(params, "Status", STATUSES)
    kinds = {_INVOKE_TYPES.get(word, word) for word in _words(params, "InvokeType", ())}
    request_id = read.text(params, "InvokeRequestId", "")
    started, ended = _interval(params, "StartTimeInterval"), _interval(params, "EndTimeInterval")
    found = [
        event
        for event in host.store.events_of(function.key)
        if (not request_id or event.request_id == request_id)
        and (not statuses or _status(event) in statuses)
        and (not kinds or event.source in kinds)
        and started[0] <= event.accepted < started[1]
        and (ended == _ALWAYS or (event.ended and ended[0] <= event.ended < ended[1]))
    ]
    found.sort(
        key=lambda event: event.accepted if order_by == "StartTime" else event.ended or 0,
        reverse=order == "DESC",
    )
    return {
        "TotalCount": len(found),
        "EventList": [
            {
                "InvokeRequestId": event.request_id,
                "InvokeType": event.source,
                "Qualifier": VERSION,
                "Status": _status(event),
                "StartTime": read.millis_time(event.started or event.accepted),
                "EndTime": read.millis_time(event.ended),
            }
            for event in found[part]
        ],
    }


async def terminate_async_event(
    cloud: Cloud, caller: Caller, params: dict[str, Any]
) -> dict[str, Any]:
    """End an event that waits or runs; the process of one that runs is killed."""
    read.known(params, "FunctionName", "InvokeRequestId", "Namespace", "GraceShutdown")
    request_id = read.text(params, "InvokeRequestId")
    host, function = read.find(cloud, caller, params, "TerminateAsyncEvent")
    event = host.store.event(request_id)
    if event is None or event.function != function.key:
        raise _unknown(request_id)
    if not host.events.abort(request_id):
        raise ApiError(
            "FailedOperation.AsyncEventStatus", f"the event is {_status(event)}: it has ended"
        )
    return {}


async def get_event_invoke_config(
    cloud: Cloud, caller: Caller, params: dict[str, Any]
) -> dict[str, Any]:
    """How often a function's events are tried again, and how old they may grow."""
    read.known(params, "FunctionName", "Namespace", "Qualifier")
    host, function = read.find(cloud, caller, params, "GetFunctionEventInvokeConfig")
    return {
        "AsyncTriggerConfig": {
            "RetryConfig": [{"RetryNum": host.events.retries(function.key)}],
            "MsgTTL": host.events.ttl(function.key),
        }
    }


async def update_event_invoke_config(
    cloud: Cloud, caller: Caller, params: dict[str, Any]
) -> dict[str, Any]:
    """Set both; kept in the data folder."""
    read.known(params, "AsyncTriggerConfig", "FunctionName", "Namespace")
    host, function = read.find(cloud, caller, params, "UpdateFunctionEventInvokeConfig")
    config = params.get("AsyncTriggerConfig")
    retries = config.get("RetryConfig") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not (
        isinstance(retries, list) and len(retries) == 1 and isinstance(retries[0], dict)
    ):
        raise ApiError(
            "InvalidParameterValue.AsyncTriggerConfig",
            "AsyncTriggerConfig needs a RetryConfig of one entry, and MsgTTL",
        )
    number = read.number(
        retries[0], "RetryNum", RETRIES, highest=RETRIES, code="LimitExceeded.RetryNum"
    )
    ttl = read.number(
        config, "MsgTTL", MESSAGE_TTL, lowest=MIN_TTL, highest=MESSAGE_TTL,
        code="LimitExceeded.MsgTTL",
    )  # fmt: skip
    with host.store.transaction():
        host.store.set_setting(function.key, RETRY_SETTING, number)
        host.store.set_setting(function.key, TTL_SETTING, ttl)
    host.events.grew(function.key)
    return {}


_ALWAYS = (float("-inf"), float("inf"))


def _interval(params: dict[str, Any], name: str) -> tuple[float, float]:
    given = params.get(name) or {}
    if not isinstance(given, dict):
        raise ApiError("InvalidParameterValue", f"{name} must have Start and End")
    start = read.moment(given, "Start", "InvalidParameterValue.DateTime")
    end = read.moment(given, "End", "InvalidParameterValue.DateTime")
    return (_ALWAYS[0] if start is None else start, _ALWAYS[1] if end is None else end)


def _words(params: dict[str, Any], name: str, allowed: tuple[str, ...]) -> list[str]:
    given = params.get(name) or []
    words = given if isinstance(given, list) else [given]
    for word in words:
        if not isinstance(word, str) or (allowed and word not in allowed):
            raise ApiError(
                "InvalidParameterValue.Status" if allowed else "InvalidParameterValue",
                f"{name} has {str(word)[:40]!r}: {', '.join(allowed) or 'a text'} is expected",
            )
    return words


def _status(event: AsyncEvent) -> str:
    return RUNNING if event.status == QUEUED else event.status


def _unknown(request_id: str) -> ApiError:
    return ApiError("ResourceNotFound.AsyncEvent", f"there is no event {request_id[:60]!r}")


ACTIONS = {
    "GetAsyncEventStatus": get_async_event_status,
    "ListAsyncEvents": list_async_events,
    "TerminateAsyncEvent": terminate_async_event,
    "GetFunctionEventInvokeConfig": get_event_invoke_config,
    "UpdateFunctionEventInvokeConfig": update_event_invoke_config,
}

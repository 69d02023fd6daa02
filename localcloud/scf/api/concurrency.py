"""Reserved concurrency: MB that the instances of a function may have together.

https://cloud.tencent.com/document/api/583/51247
"""

from __future__ import annotations

from typing import Any

from localcloud.cloud import Cloud
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.scf.api import params as read
from localcloud.scf.host import RESERVED_SETTING

MAX_RESERVED = 128_000 - 12_800  # MB: what an account has, less what must stay for all


async def put(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Reserve and limit; 0 stops the function."""
    read.known(params, "FunctionName", "ReservedConcurrencyMem", "Namespace")
    host, function = read.find(cloud, caller, params, "PutReservedConcurrencyConfig")
    if params.get("ReservedConcurrencyMem") is None:
        raise ApiError(
            "MissingParameter",
            "The request is missing a required parameter `ReservedConcurrencyMem`.",
        )
    reserved = read.number(
        params, "ReservedConcurrencyMem", 0, highest=MAX_RESERVED,
        code="LimitExceeded.FunctionReservedConcurrencyMemory",
    )  # fmt: skip
    if 0 < reserved < function.memory:
        raise ApiError(
            "InvalidParameterValue",
            f"ReservedConcurrencyMem is {reserved}: one instance has {function.memory} MB",
        )
    host.store.set_setting(function.key, RESERVED_SETTING, reserved)
    host.events.wake()
    return {}


async def get(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """What is reserved; None where nothing is."""
    read.known(params, "FunctionName", "Namespace")
    host, function = read.find(cloud, caller, params, "GetReservedConcurrencyConfig")
    return {"ReservedMem": host.reserved(function)}


async def delete(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Take the limit away."""
    read.known(params, "FunctionName", "Namespace")
    host, function = read.find(cloud, caller, params, "DeleteReservedConcurrencyConfig")
    host.store.set_setting(function.key, RESERVED_SETTING, None)
    host.events.wake()
    return {}


ACTIONS = {
    "PutReservedConcurrencyConfig": put,
    "GetReservedConcurrencyConfig": get,
    "DeleteReservedConcurrencyConfig": delete,
}

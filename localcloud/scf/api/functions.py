"""ListFunctions and GetFunction: what serverless.yml declares, as the API shows it.

https://cloud.tencent.com/document/api/583/18582 and .../18584
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from localcloud.cloud import Cloud
from localcloud.identity.callers import Caller
from localcloud.scf.api import params as read
from localcloud.scf.environment import VERSION
from localcloud.scf.serverless import FILE_NAME, Function, Project


async def list_functions(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """The functions of a namespace, by default all of them; `SearchKey` is a part of the name."""
    read.known(
        params, "Order", "Orderby", "Offset", "Limit", "SearchKey", "Namespace", "Description",
        "Filters",
    )  # fmt: skip
    order = read.choice(params, "Order", "DESC", ("ASC", "DESC"), "InvalidParameterValue.Order")
    orders = ("AddTime", "ModTime", "FunctionName")
    order_by = read.choice(params, "Orderby", orders[0], orders, "InvalidParameterValue.OrderBy")
    part = read.page(params, highest=100)
    search = read.text(params, "SearchKey", "")
    described = read.text(params, "Description", "")
    namespace = read.text(params, "Namespace", "default")
    read.allow(cloud, caller, params, "ListFunctions")
    host = read.host_of(cloud, params)
    shown = [
        _shown(function, host.deployed)
        for function in (host.project.functions.values() if host else ())
        if function.namespace == namespace
        and search in function.name
        and described in function.description
    ]
    shown.sort(key=lambda entry: str(entry["FunctionName"]))
    # All were deployed at once: their names alone tell them apart.
    if order == "DESC" and order_by == "FunctionName":
        shown.reverse()
    return {"Functions": shown[part], "TotalCount": len(shown)}


async def get_function(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """One function with its settings. Its code is not shown: it is in the project's folder."""
    read.known(params, "FunctionName", "Qualifier", "Namespace", "ShowCode")
    host, function = read.find(cloud, caller, params, "GetFunction")
    return {
        **_shown(function, host.deployed),
        "FunctionVersion": VERSION,
        "Qualifier": VERSION,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "InitTimeout": function.init_timeout,
        "Role": function.role,
        "Environment": {
            "Variables": [{"Key": key, "Value": value} for key, value in function.environment]
        },
        "Triggers": _triggers(host.project, function, read.shown_time(host.deployed)),
        "DeadLetterConfig": _dead_letter(function),
        "CodeInfo": "",
        "CodeSize": sum(path.stat().st_size for path in function.code.rglob("*.py")),
        "CodeResult": "success",
        "CodeError": "",
        "ErrNo": 0,
        "AvailableStatus": "Available",
        "InstallDependency": "FALSE",
    }


def _dead_letter(function: Function) -> dict[str, str]:
    target = function.dead_letter
    if target is None:
        return {"Type": "", "Name": "", "FilterType": ""}
    return {"Type": target.type, "Name": target.name, "FilterType": target.tag}


def _triggers(project: Project, function: Function, since: str) -> list[dict[str, Any]]:
    bound: list[tuple[str, str, dict[str, Any], str]] = []
    for rule in project.triggers:
        shown = {"bucket": rule.bucket, "event": rule.events,
                 "filter": {"Prefix": rule.prefix, "Suffix": rule.suffix}}  # fmt: skip
        bound.append((rule.function, "cos", shown, rule.name))
    for timer in project.timers:
        bound.append((timer.function, "timer", {"cron": timer.expression}, timer.name))
    for topic in project.topics:
        bound.append((topic.function, "cmq", {"topicName": topic.name}, topic.name))
    for route in project.routes:
        shown = {"host": route.host, "path": route.path, "method": route.method}
        bound.append((route.function, route.kind, shown, route.host))
    return [
        {
            "TriggerName": name,
            "Type": kind,
            "TriggerDesc": json.dumps(described),
            "Enable": 1,
            "AddTime": since,
            "ModTime": since,
            "Qualifier": VERSION,
        }
        for key, kind, described, name in bound
        if key == function.key
    ]


def _shown(function: Function, deployed: float) -> dict[str, Any]:
    time = read.shown_time(deployed)
    digest = hashlib.sha256(f"{function.namespace}/{function.name}".encode()).hexdigest()
    return {
        "FunctionName": function.name,
        "FunctionId": f"lam-{digest[:8]}",
        "Namespace": function.namespace,
        "Description": function.description,
        "Status": "Active",
        "StatusDesc": f"runs on the local cloud, from {FILE_NAME}",
        "StatusReasons": [],
        "Type": "Event",
        "AsyncRunEnable": "TRUE" if function.long_running else "FALSE",
        "TraceEnable": "FALSE",
        "Tags": [],
        "AddTime": time,
        "ModTime": time,
    }


ACTIONS = {"ListFunctions": list_functions, "GetFunction": get_function}

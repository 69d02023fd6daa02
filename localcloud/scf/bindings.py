"""The `triggers` of serverless.yml, of all kinds: each is read by its own module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from localcloud.scf import routes, timers, topics, triggers
from localcloud.scf.document import Field

_T = TypeVar("_T")
TRIGGER_TYPES = ("apigw", "ckafka", "cls", "cmq", "cos", "http", "mps", "timer")


@dataclass
class Bindings:
    """What wakes the functions. `unplayed` names the triggers that this cloud does not play."""

    uploads: list[triggers.CosTrigger] = field(default_factory=list)
    timers: list[timers.TimerTrigger] = field(default_factory=list)
    topics: list[topics.CmqTrigger] = field(default_factory=list)
    routes: list[routes.Route] = field(default_factory=list)
    unplayed: list[str] = field(default_factory=list)


def read(
    inputs: Field, names: Mapping[str, str], *, file: str, appid: str, region: str
) -> Bindings:
    """The bindings of `inputs`; `names` maps the key of each function to its deployed name."""
    found = Bindings()
    if inputs.child("ignoreTriggers").boolean(False):
        return found
    for entry in inputs.child("triggers").items():
        entry.mapping({"type", "function", "parameters"})
        kind = entry.child("type").text(
            pattern="|".join(TRIGGER_TYPES), expected=f"one of {', '.join(TRIGGER_TYPES)}"
        )
        parameters = entry.child("parameters")
        if kind == routes.GATEWAY:
            for route, place in routes.read_gateway(parameters, name=entry.name, appid=appid):
                _check_function(place, route.function, names)
                found.routes.append(route)
            continue
        function = entry.child("function").text(expected="the key of a function")
        _check_function(entry.child("function"), function, names)
        if kind == "cos":
            found.uploads += _given(triggers.read_cos_trigger(parameters, function, region))
        elif kind == "timer":
            found.timers += _given(timers.read_timer_trigger(parameters, function))
        elif kind == "cmq":
            found.topics += _given(topics.read_cmq_trigger(parameters, function))
        elif kind == routes.URL:
            route_or_none = routes.read_function_url(
                parameters, function, name=names.get(function, ""), appid=appid, region=region
            )
            found.routes += _given(route_or_none)
            if route_or_none is None and parameters.child("authType").text("NONE") == "CAM":
                found.unplayed.append(f"{file}:{entry.line}: function URL for signed callers (CAM)")
        else:
            found.unplayed.append(f"{file}:{entry.line}: trigger of type {kind}")
    triggers.report_overlaps(inputs.child("triggers"), found.uploads)
    return found


def _check_function(place: Field, function: str, names: Mapping[str, str]) -> None:
    if function and function not in names:
        place.problem(f"is {function!r}: one of {', '.join(sorted(names)) or 'no functions'}")


def _given(trigger: _T | None) -> list[_T]:
    return [] if trigger is None else [trigger]

"""Timer triggers: when a function is woken by the clock, and what it is told.

A run that the cloud was not there for is not made up for, as in the service.
https://cloud.tencent.com/document/product/583/9708
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from localcloud.scf import cron
from localcloud.scf.document import Field

MAX_ARGUMENT = 4 * 1024  # characters
_LATE = 60.0  # seconds; a clock that jumped further wakes each timer once


@dataclass(frozen=True)
class TimerTrigger:
    """`schedule` wakes `function`; `argument` is a text that the event carries."""

    name: str
    function: str
    expression: str
    schedule: cron.Cron
    argument: str = ""

    def event(self, moment: float) -> dict[str, Any]:
        """What the function is told at `moment` (Unix seconds)."""
        return {
            "Type": "Timer",
            "TriggerName": self.name,
            "Time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
            "Message": self.argument,
        }

    def __str__(self) -> str:
        return f"{self.function} <- timer {self.expression}"


def read_timer_trigger(parameters: Field, function: str) -> TimerTrigger | None:
    """The `parameters` of a trigger; None when it is not enabled."""
    parameters.mapping({"name", "cronExpression", "enable", "argument", "qualifier"})
    field = parameters.child("cronExpression")
    expression = field.text(expected="seven fields such as '0 */5 * * * * *'")
    argument = parameters.child("argument").text("")
    if len(argument) > MAX_ARGUMENT:
        parameters.child("argument").problem(
            f"has {len(argument)} characters: at most {MAX_ARGUMENT} are allowed"
        )
    try:
        schedule = cron.parse(expression)
    except cron.CronError as error:
        field.problem(f"is {expression!r}: it {error}")
        return None
    trigger = TimerTrigger(
        parameters.child("name").text(f"timer-{function}"),
        function,
        expression,
        schedule,
        argument,
    )
    return trigger if parameters.child("enable").boolean(False) else None


class Timers:
    """Calls `fire(trigger, moment)` for what is due by `clock`, whenever `look` is called."""

    def __init__(
        self,
        triggers: Iterable[TimerTrigger],
        fire: Callable[[TimerTrigger, float], None],
        clock: Callable[[], float],
    ) -> None:
        self._fire = fire
        self._clock = clock
        now = clock()
        self._next = {trigger: trigger.schedule.after(now) for trigger in triggers}

    def look(self) -> None:
        """Fire what is due."""
        now = self._clock()
        for trigger, moment in self._next.items():
            due = moment
            while due is not None and due <= now:
                self._fire(trigger, due)
                due = trigger.schedule.after(due if now - due < _LATE else now)
            self._next[trigger] = due

"""COS triggers: which upload wakes which function, with the limits that COS sets.

At most 10 rules for a bucket and 10 COS triggers for a function; two rules of a bucket whose event
types and prefix/suffix combinations overlap are refused when the trigger is created.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from localcloud.scf.document import Field
from shared.pipelines import DISPATCH

MAX_TRIGGERS = 10
EVENT_TYPES = (
    "cos:ObjectCreated:Put",
    "cos:ObjectCreated:Post",
    "cos:ObjectCreated:Copy",
    "cos:ObjectCreated:Append",
    "cos:ObjectCreated:CompleteMultipartUpload",
    "cos:ObjectCreated:Origin",
    "cos:ObjectCreated:Replication",
    "cos:ObjectRemove:Delete",
    "cos:ObjectRemove:DeleteMarkerCreated",
    "cos:ObjectRestore:Post",
    "cos:ObjectRestore:Completed",
)
WILDCARDS = ("cos:ObjectCreated:*", "cos:ObjectRemove:*", "cos:ObjectRestore:*")


@dataclass(frozen=True)
class CosTrigger:
    """One rule: these events, of keys with this prefix and suffix in this bucket -> the function.

    `bucket` is `name-appid`, or the name alone (any appid); `line` is its place in serverless.yml.
    """

    name: str
    function: str
    bucket: str
    events: str
    prefix: str = ""
    suffix: str = ""
    line: int = 0

    def matches(self, bucket: str, event_name: str, key: str) -> bool:
        """Whether this event wakes the function. A wildcard event matches its whole family."""
        return (
            self.is_bucket(bucket)
            and _same_event(self.events, event_name)
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
        )

    def is_bucket(self, bucket: str) -> bool:
        """Whether `bucket` (`name-appid`) is the one of this trigger."""
        return bucket == self.bucket or bucket.rpartition("-")[0] == self.bucket

    def __str__(self) -> str:
        return f"{self.function} <- {self.bucket}/{self.prefix}*{self.suffix} {self.events}"


def read_cos_trigger(parameters: Field, function: str, region: str) -> CosTrigger | None:
    """The `parameters` of a trigger for a function in `region`; None when it is not enabled."""
    parameters.mapping({"name", "bucket", "filter", "events", "enable", "qualifier"})
    rule = parameters.child("filter")
    rule.mapping({"prefix", "suffix"})
    events = parameters.child("events")
    name = events.text(expected="an event type such as cos:ObjectCreated:*")
    if name and name not in (*EVENT_TYPES, *WILDCARDS):
        events.problem(f"is {name!r}: one of {', '.join((*WILDCARDS, *EVENT_TYPES))} is expected")
    bucket = parameters.child("bucket").text(
        pattern=r"[a-z0-9][a-z0-9-]*(?:\.cos\.[a-z0-9-]+\.myqcloud\.com)?",
        expected="a bucket such as examplebucket-1250000000",
    )
    bucket, _, host = bucket.partition(".cos.")
    if host and host.partition(".")[0] != region:
        parameters.child("bucket").problem(
            f"is in {host.partition('.')[0]}: the functions are in {region}, and COS wakes only "
            "functions of the bucket's own region"
        )
    trigger = CosTrigger(
        name=parameters.child("name").text("cos"),
        function=function,
        bucket=bucket,
        events=name,
        prefix=rule.child("prefix").text(""),
        suffix=rule.child("suffix").text(""),
        line=parameters.line,
    )
    # The component's default for `enable` is false: a trigger without it stays silent.
    return trigger if parameters.child("enable").boolean(False) else None


def report_overlaps(field: Field, triggers: list[CosTrigger]) -> None:
    """Note what COS would refuse: overlapping rules, and too many of them."""
    problems = field.parent.problems
    for index, second in enumerate(triggers):
        before = triggers[:index]
        for first in before:
            if _overlap(first, second):
                problems.add(second.line, _overlap_sentence(first, second))
        of_bucket = [first for first in before if _same_bucket(first, second)]
        of_function = [first for first in before if first.function == second.function]
        for what, name, others in (
            ("bucket", second.bucket, of_bucket),
            ("function", second.function, of_function),
        ):
            if len(others) >= MAX_TRIGGERS:
                problems.add(
                    second.line,
                    f"trigger {second.name!r} is number {len(others) + 1} of the {what} {name}: "
                    f"COS accepts {MAX_TRIGGERS}",
                )


def _overlap_sentence(first: CosTrigger, second: CosTrigger) -> str:
    sentence = (
        f"trigger {second.name!r} overlaps trigger {first.name!r} of line {first.line}: "
        "COS accepts one rule for a bucket, event type, prefix and suffix"
    )
    others = {first.function, second.function} - {DISPATCH}
    if len(others) == 1 and first.function != second.function:
        sentence += (
            f"; and {others.pop()} would get the same uploads twice, from its own trigger and from "
            f"{DISPATCH}"
        )
    return sentence


def matching(
    triggers: Iterable[CosTrigger], bucket: str, event_name: str, key: str
) -> list[CosTrigger]:
    """All triggers that one event wakes."""
    return [trigger for trigger in triggers if trigger.matches(bucket, event_name, key)]


def _same_event(wanted: str, event_name: str) -> bool:
    # Old events carry the trigger's own wildcard as their name.
    return wanted == event_name or (
        wanted.endswith(":*") and event_name.startswith(wanted.removesuffix("*"))
    )


def _same_bucket(first: CosTrigger, second: CosTrigger) -> bool:
    return first.is_bucket(second.bucket) or second.is_bucket(first.bucket)


def _overlap(first: CosTrigger, second: CosTrigger) -> bool:
    return (
        _same_bucket(first, second)
        and (_same_event(first.events, second.events) or _same_event(second.events, first.events))
        and (first.prefix.startswith(second.prefix) or second.prefix.startswith(first.prefix))
        and (first.suffix.endswith(second.suffix) or second.suffix.endswith(first.suffix))
    )

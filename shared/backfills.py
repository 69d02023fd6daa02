"""What a backfill is told to do, and the object under the state prefix that says how far it is.

The function works by them, the command reads and writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from typing import Any

from shared.cos import Cos
from shared.errors import CloudError
from shared.events import MAX_KEY_BYTES

FUNCTION = "backfill"
RUNNING, DONE, CANCELLED, FAILED, REFUSED = "running", "done", "cancelled", "failed", "refused"
SOURCES = ("list", "inventory")
MODES = ("invoke", "batch", "auto")
MIN_RATE, MAX_RATE = 0.1, 500.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[0-9]+")
_PIPELINE = re.compile(r"[^\x00-\x1f]{1,100}")


class PlanError(ValueError):
    """A plan with problems; each names the field, its value and what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Plan:
    """What to go through, and what to do with it.

    `pipelines` are names of pipelines.yml, none meaning all. `manifest` is the key of an
    inventory's manifest.json, in `manifest_bucket` if that is another bucket. `since` and `until`
    bound the time of upload, in Unix seconds, both included; 0 is no bound. `rate` is invocations a
    second. `force` also processes what was processed before.
    """

    name: str
    bucket: str
    prefix: str = ""
    pipelines: tuple[str, ...] = ()
    source: str = "list"
    manifest: str = ""
    manifest_bucket: str = ""
    since: int = 0
    until: int = 0
    rate: float = 20.0
    dry_run: bool = False
    mode: str = "invoke"
    force: bool = False

    @classmethod
    def read(cls, document: object) -> Plan:
        """From JSON values. Raises `PlanError` with all problems at once."""
        if not isinstance(document, Mapping):
            raise PlanError([f"the plan is a {type(document).__name__}: an object is expected"])
        problems: list[str] = []
        known = [field.name for field in fields(cls)]
        problems += [
            f"{str(name)[:50]!r} is no field of a plan: allowed are {', '.join(known)}"
            for name in document
            if name not in known
        ]
        read = _Reader(document, problems)
        plan = cls(
            name=read.text("name", _NAME, "1 to 64 letters, digits, - and _", required=True),
            bucket=read.text("bucket", _BUCKET, "name-appid", required=True),
            prefix=read.key("prefix"),
            pipelines=read.names("pipelines"),
            source=read.word("source", SOURCES),
            manifest=read.key("manifest"),
            manifest_bucket=read.text("manifest_bucket", _BUCKET, "name-appid"),
            since=read.time("since"),
            until=read.time("until"),
            rate=read.number("rate", 20.0, MIN_RATE, MAX_RATE),
            dry_run=read.flag("dry_run"),
            mode=read.word("mode", MODES),
            force=read.flag("force"),
        )
        if (plan.source == "inventory") != bool(plan.manifest):
            problems.append(
                f"manifest is {plan.manifest!r} with the source {plan.source}: the key of an "
                "inventory's manifest.json belongs to the source inventory, and only there"
            )
        if plan.since and plan.until and plan.since > plan.until:
            problems.append(f"since is {plan.since}, behind until, {plan.until}")
        if problems:
            raise PlanError(problems)
        return plan

    def document(self) -> dict[str, Any]:
        """As JSON values, which `read` takes."""
        return {**asdict(self), "pipelines": list(self.pipelines)}


class _Reader:
    def __init__(self, document: Mapping[str, Any], problems: list[str]) -> None:
        self._document = document
        self._problems = problems

    def _wrong(self, name: str, expected: str) -> None:
        value = repr(self._document.get(name))[:100]
        self._problems.append(f"{name} is {value}: {expected} is expected")

    def text(
        self, name: str, pattern: re.Pattern[str], expected: str, *, required: bool = False
    ) -> str:
        value = self._document.get(name, "")
        if isinstance(value, str) and (pattern.fullmatch(value) or not (value or required)):
            return value
        self._wrong(name, expected)
        return ""

    def key(self, name: str) -> str:
        value = self._document.get(name, "")
        if isinstance(value, str) and len(value.encode("utf-8", "replace")) <= MAX_KEY_BYTES:
            return value
        self._wrong(name, f"text of at most {MAX_KEY_BYTES} bytes")
        return ""

    def names(self, name: str) -> tuple[str, ...]:
        value = self._document.get(name, [])
        if isinstance(value, list | tuple) and len(value) <= 1000 and all(
            isinstance(each, str) and _PIPELINE.fullmatch(each) for each in value
        ):  # fmt: skip
            return tuple(dict.fromkeys(value))
        self._wrong(name, "a list of names of pipelines.yml")
        return ()

    def word(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._document.get(name, allowed[0])
        if value in allowed:
            return str(value)
        self._wrong(name, f"one of {', '.join(allowed)}")
        return allowed[0]

    def flag(self, name: str) -> bool:
        value = self._document.get(name, False)
        if isinstance(value, bool):
            return value
        self._wrong(name, "true or false")
        return False

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._document.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        self._wrong(name, f"a number from {low:g} to {high:g}")
        return default

    def time(self, name: str) -> int:
        value = self._document.get(name) or 0
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**11:
            return value
        try:
            return round(iso_time(str(value)))
        except ValueError:
            self._wrong(name, "a time such as 2026-11-21 or 2026-11-21T08:00:00Z, or Unix seconds")
            return 0


def iso_time(text: str) -> float:
    """ISO 8601 as Unix seconds; UTC where it does not say. Raises `ValueError`."""
    # Python 3.10 reads no Z, and milliseconds only with three digits.
    found = datetime.fromisoformat(re.sub(r"\.\d+", "", text.strip()).replace("Z", "+00:00"))
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


class Place:
    """Where a backfill keeps its state. Methods raise `CloudError`.

    `key` is the cursor object. The wish to end stands in an object beside it: in the cursor itself
    it would be lost under the worker's next write.
    """

    def __init__(self, cos: Cos, bucket: str, prefix: str, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise CloudError(
                "InvalidArgument",
                f"the name is {name[:80]!r}: 1 to 64 letters, digits, - and _",
                status=400,
            )
        self._cos = cos
        self.bucket = bucket
        self.key = f"{prefix}backfill/{name}.json"
        self.urls = f"{prefix}backfill/{name}.urls"
        self._flag = f"{prefix}backfill/{name}.cancel"

    def read(self) -> dict[str, Any] | None:
        """The cursor; None if there is none. Raises `CloudError` InvalidState for what is none."""
        found = self._cos.read_object(self.bucket, self.key)
        if found is None:
            return None
        try:
            document = json.loads(found.body)
            Plan.read(document["plan"])
            int(document["hop"])
            str(document["state"])
            return dict(document)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CloudError(
                "InvalidState", f"{self.key} is no cursor of a backfill: {error}", status=400
            ) from None

    def write(self, document: Mapping[str, Any]) -> None:
        body = json.dumps(document, indent=2).encode()
        self._cos.put_object(self.bucket, self.key, body, "application/json")

    def cancel(self) -> None:
        """Ask the run to end; it does after what it has begun."""
        self._cos.put_object(self.bucket, self._flag, b"cancel\n", "text/plain")

    def cancel_asked(self) -> bool:
        return self._cos.read_object(self.bucket, self._flag) is not None

    def forget_cancel(self) -> None:
        self._cos.delete_object(self.bucket, self._flag)

"""The text of a fault: `<operation>=<kind>[:<value>][,<option>=<value>]...` -> `Rule`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from localcloud.errors import STATUS

ANY = "*"
MAX_TEXT = 500
MAX_LATENCY = 300.0
MAX_DELAY = 3600.0
MAX_COUNT = 10**12
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s)")
_ERROR = re.compile(r"([A-Za-z][A-Za-z0-9.]{0,63})(?:/([45][0-9]{2}))?")


class FaultError(ValueError):
    """The text is no fault; the message says what is wrong and what is allowed."""


@dataclass(frozen=True)
class Refusal:
    """The operation is not carried out: it answers this error code."""

    code: str
    status: int
    retry_after: int | None = None


@dataclass(frozen=True)
class Latency:
    """The operation begins so many seconds late."""

    seconds: float


@dataclass(frozen=True)
class Cut:
    """The operation is carried out, and the connection breaks after `length` bytes of the answer's
    body; None: before the first byte of the answer."""

    length: int | None


@dataclass(frozen=True)
class WrongETag:
    """The operation is carried out, and its answer has another ETag than the object."""


@dataclass(frozen=True)
class EventFate:
    """What becomes of an event: delivered `copies` times (0: lost), `delay` seconds late."""

    copies: int = 1
    delay: float = 0.0


Effect = Refusal | Latency | Cut | WrongETag | EventFate


@dataclass(frozen=True)
class Rule:
    """Which requests or events, and what befalls them.

    `operation` is a name or `*`; `percent` of those that are left after the first `after` ones, and
    at most `times` of them. Counts are kept for each operation. `text` is the rule as given.
    """

    text: str
    operation: str
    effect: Effect
    percent: float = 100.0
    times: int = MAX_COUNT
    after: int = 0
    bucket: str = ""
    prefix: str = ""

    def concerns(self, operation: str, bucket: str, key: str) -> bool:
        """Whether the rule is about such a request or event at all."""
        return (
            self.operation in (ANY, operation)
            and self.bucket in ("", bucket)
            and key.startswith(self.prefix)
        )


def parse(text: str, find: Callable[[str], str | None], names: Iterable[str]) -> Rule:
    """Read one fault. `find` gives the operation that a name means, `names` are all of them.

    Raises `FaultError`.
    """
    if len(text) > MAX_TEXT:
        raise FaultError(f"a fault has {len(text)} characters: at most {MAX_TEXT} are allowed")
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals:
        raise FaultError(f"the fault {text!r} is not of the form <operation>=<what>")
    operation = ANY if name == ANY else find(name)
    if operation is None:
        near = difflib.get_close_matches(name, names, 1)
        hint = f": is {near[0]} meant?" if near else f"; {ANY} means every one"
        raise FaultError(f"the operation {name!r} is not played{hint}")
    what, *options = (part.strip() for part in rest.split(","))
    kind, _, value = what.partition(":")
    if kind not in _KINDS:
        raise FaultError(f"{text!r}: the kind is {kind!r}: one of {', '.join(_KINDS)} is expected")
    try:
        effect = _KINDS[kind](value)
        return Rule(text, operation, effect, **_options(options))
    except FaultError as error:
        raise FaultError(f"{text!r}: {error}") from None


def _options(texts: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in map(_option, texts):
        if name in options:
            raise FaultError(f"{name}= is given twice")
        options[name] = value
    return options


def _option(text: str) -> tuple[str, float | int | str]:
    name, _, value = text.partition("=")
    if name == "percent":
        if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{1,6})?", value) and 0 <= float(value) <= 100:
            return name, float(value)
        raise FaultError(f"percent is {value!r}: 0 to 100 is expected")
    if name in ("times", "after"):
        return name, _number(name, value)
    if name in ("bucket", "prefix") and value:
        return name, value
    raise FaultError(
        f"the option is {text!r}: percent=, times=, after=, bucket= or prefix= is expected"
    )


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise FaultError(f"{name} is {text!r}: a whole number is expected")
    return int(text)


def _seconds(name: str, text: str, most: float) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise FaultError(f"{name} is {text!r}: a time such as 200ms or 1.5s is expected")
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    if seconds > most:
        raise FaultError(f"{name} is {text}: at most {most:g}s is allowed")
    return seconds


def _error(value: str) -> Effect:
    found = _ERROR.fullmatch(value)
    if found is None:
        raise FaultError(f"error is {value!r}: a code such as InternalError, or Mine/418")
    status = int(found[2]) if found[2] else STATUS.get(found[1])
    if status is None:
        raise FaultError(f"error is {value!r}: this code needs its status, as in {value}/500")
    return Refusal(found[1], status)


def _slow_down(value: str) -> Effect:
    return Refusal("SlowDown", STATUS["SlowDown"], _number("slowdown", value) if value else 1)


def _etag(value: str) -> Effect:
    _nothing("etag", value)
    return WrongETag()


def _event(copies: int) -> Callable[[str], Effect]:
    def make(value: str) -> Effect:
        _nothing("event-twice" if copies else "event-lost", value)
        return EventFate(copies=copies)

    return make


def _nothing(kind: str, value: str) -> None:
    if value:
        raise FaultError(f"{kind} takes no value, and {value!r} is given")


_KINDS: dict[str, Callable[[str], Effect]] = {
    "error": _error,
    "slowdown": _slow_down,
    "latency": lambda value: Latency(_seconds("latency", value, MAX_LATENCY)),
    "cut": lambda value: Cut(_number("cut", value) if value else None),
    "etag": _etag,
    "event-lost": _event(0),
    "event-twice": _event(2),
    "event-delay": lambda value: EventFate(delay=_seconds("event-delay", value, MAX_DELAY)),
}

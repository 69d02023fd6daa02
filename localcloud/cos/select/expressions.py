"""What an expression is made of; each node gives its value for one record."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.values import (
    MISSING,
    Value,
    arithmetic,
    cast,
    compare,
    is_null,
    text_of,
)

MAX_TEXT = 1 << 20  # characters that one value may come to
_MAX_PATTERN = 4096


@dataclass(frozen=True)
class Step:
    """One step of a path: a field's `name` (`exact`: in its case) or, in a list, an `index`."""

    name: str = ""
    exact: bool = False
    index: int | None = None


class Record(Protocol):
    """One record of the object."""

    def get(self, steps: tuple[Step, ...]) -> Value: ...


class Node(Protocol):
    """A part of an expression."""

    def evaluate(self, record: Record) -> Value: ...


@dataclass(frozen=True)
class Literal:
    """A value as written."""

    value: Value

    def evaluate(self, record: Record) -> Value:  # noqa: ARG002
        return self.value


@dataclass(frozen=True)
class Path:
    """A column or a field."""

    steps: tuple[Step, ...]

    def evaluate(self, record: Record) -> Value:
        return record.get(self.steps)


@dataclass(frozen=True)
class Arithmetic:
    """+ - * / % and || of two values."""

    sign: str
    first: Node
    second: Node

    def evaluate(self, record: Record) -> Value:
        first, second = self.first.evaluate(record), self.second.evaluate(record)
        if self.sign != "||":
            return arithmetic(self.sign, first, second)
        if is_null(first) or is_null(second):
            return None
        return bounded(text_of(first) + text_of(second))


@dataclass(frozen=True)
class Comparison:
    """= != < <= > >=; null where the two cannot be compared."""

    holds: Callable[[int], bool]
    first: Node
    second: Node

    def evaluate(self, record: Record) -> Value:
        found = compare(self.first.evaluate(record), self.second.evaluate(record))
        return None if found is None else self.holds(found)


@dataclass(frozen=True)
class All:
    """AND of many: false wins over null, null over true."""

    parts: Sequence[Node]

    def evaluate(self, record: Record) -> Value:
        result: bool | None = True
        for part in self.parts:
            truth = truth_of(part.evaluate(record))
            if truth is False:
                return False
            if truth is None:
                result = None
        return result


@dataclass(frozen=True)
class Not:
    """NOT; null stays null."""

    part: Node

    def evaluate(self, record: Record) -> Value:
        truth = truth_of(self.part.evaluate(record))
        return None if truth is None else not truth


@dataclass(frozen=True)
class Any:
    """OR of many: true wins over null, null over false."""

    parts: Sequence[Node]

    def evaluate(self, record: Record) -> Value:
        result: bool | None = False
        for part in self.parts:
            truth = truth_of(part.evaluate(record))
            if truth:
                return True
            if truth is None:
                result = None
        return result


@dataclass(frozen=True)
class In:
    """IN (...)"""

    value: Node
    choices: Sequence[Node]

    def evaluate(self, record: Record) -> Value:
        value = self.value.evaluate(record)
        if is_null(value):
            return None
        return any(compare(value, choice.evaluate(record)) == 0 for choice in self.choices)


@dataclass(frozen=True)
class Between:
    """BETWEEN low AND high, both included."""

    value: Node
    low: Node
    high: Node

    def evaluate(self, record: Record) -> Value:
        value = self.value.evaluate(record)
        low, high = (
            compare(value, self.low.evaluate(record)),
            compare(value, self.high.evaluate(record)),
        )
        return None if low is None or high is None else low >= 0 and high <= 0


@dataclass(frozen=True)
class Is:
    """IS NULL (missing too) and IS MISSING."""

    value: Node
    missing: bool

    def evaluate(self, record: Record) -> Value:
        value = self.value.evaluate(record)
        return value is MISSING if self.missing else is_null(value)


@dataclass(frozen=True)
class Like:
    """LIKE with % and _, and a character that makes them plain."""

    value: Node
    pattern: Node
    escape: str

    def evaluate(self, record: Record) -> Value:
        value, pattern = self.value.evaluate(record), self.pattern.evaluate(record)
        if is_null(value) or is_null(pattern):
            return None
        if not isinstance(pattern, str) or len(pattern) > _MAX_PATTERN:
            raise SelectError(
                "EvaluatorInvalidArguments", f"LIKE takes text of up to {_MAX_PATTERN} characters"
            )
        return _is_like(text_of(value), pattern, self.escape)


def _is_like(text: str, pattern: str, escape: str) -> bool:
    """Piece by piece between the %, each at the first place where it fits: no second tries."""
    first, *others = _pieces(pattern, escape)
    if not others:
        return len(first) == len(text) and _fits(first, text, 0)
    *middle, last = others
    if len(first) + len(last) > len(text) or not _fits(first, text, 0):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = _compiled(piece).search(text, at, end)
        if found is None:
            return False
        at = found.end()
    return _fits(last, text, end)


def _pieces(pattern: str, escape: str) -> list[tuple[str, ...]]:
    """What stands between the %, each as characters; an empty one is any single character."""
    pieces: list[list[str]] = [[]]
    plain = False
    for character in pattern:
        if plain:
            pieces[-1].append(character)
            plain = False
        elif character == escape:
            plain = True
        elif character == "%":
            pieces.append([])
        else:
            pieces[-1].append("" if character == "_" else character)
    if plain:
        raise SelectError("EvaluatorInvalidArguments", "LIKE: nothing follows the escape character")
    return [tuple(piece) for piece in pieces]


def _fits(piece: tuple[str, ...], text: str, at: int) -> bool:
    return all(wanted in ("", text[at + index]) for index, wanted in enumerate(piece))


@lru_cache(maxsize=256)
def _compiled(piece: tuple[str, ...]) -> re.Pattern[str]:
    # Only characters and dots, so a search costs at most their number times the text's length.
    return re.compile("".join(re.escape(wanted) or "." for wanted in piece), re.DOTALL)


@dataclass(frozen=True)
class Cast:
    """CAST(value AS kind)"""

    value: Node
    kind: str

    def evaluate(self, record: Record) -> Value:
        return cast(self.value.evaluate(record), self.kind)


@dataclass(frozen=True)
class Call:
    """A function of some values."""

    function: Callable[..., Value]
    arguments: Sequence[Node]

    def evaluate(self, record: Record) -> Value:
        return self.function(*(argument.evaluate(record) for argument in self.arguments))


@dataclass
class Aggregate:
    """COUNT, SUM, AVG, MIN, MAX over all records that count; `value` is None for COUNT(*)."""

    name: str
    value: Node | None
    count: int = 0
    result: Value = None

    def add(self, record: Record) -> None:
        """Take one record in."""
        value = True if self.value is None else self.value.evaluate(record)
        if is_null(value):
            return
        if self.name in ("SUM", "AVG"):
            self.result = arithmetic("+", 0 if self.result is None else self.result, value)
        elif self.name in ("MIN", "MAX"):
            order = -1 if self.name == "MIN" else 1
            if self.result is None or compare(value, self.result) == order:
                self.result = value
        self.count += 1

    def evaluate(self, record: Record) -> Value:  # noqa: ARG002
        if self.name == "COUNT":
            return self.count
        if self.name == "AVG" and self.count:
            total = self.result if isinstance(self.result, float) else Decimal(self.result)
            return arithmetic("/", total, self.count)
        return self.result


def truth_of(value: Value) -> bool | None:
    """A condition's value. Raises `SelectError` for what is neither true, false nor null."""
    if is_null(value):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise SelectError("EvaluatorInvalidArguments", f"{str(value)[:50]!r} is no condition")


def bounded(text: str) -> str:
    """Raises `SelectError` OverMaxRecordSize for text that got too long."""
    if len(text) > MAX_TEXT:
        raise SelectError("OverMaxRecordSize", f"a value has over {MAX_TEXT} characters")
    return text

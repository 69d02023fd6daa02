"""Rules are words between slashes. This reads and writes them by tables of parameters.

A verb is declared once, as a frozen dataclass for its values and a table row for its words; the
table drives parsing, the errors' text and printing. Text arrives here decoded: percent escapes
(`%3E` for `>`) are undone once by whoever took the rule out of a URL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from shared.rules.errors import RuleError
from shared.rules.kinds import Kind


@dataclass(frozen=True)
class Word:
    """One word and the position of its first character in the whole rule."""

    text: str
    position: int


class Words:
    """A cursor over the words of one segment."""

    def __init__(self, segment: str, position: int) -> None:
        self._words: list[Word] = []
        for text in segment.split("/"):
            self._words.append(Word(text, position))
            position += len(text) + 1
        self._next = 0
        self.end = position - 1

    def peek(self) -> Word | None:
        return self._words[self._next] if self._next < len(self._words) else None

    def take(self) -> Word:
        """The next word, or an empty one at the segment's end."""
        word = self.peek()
        if word is None:
            return Word("", self.end)
        self._next += 1
        return word


@dataclass(frozen=True)
class Parameter:
    """`/<name>/<value>`: the value goes to the dataclass's field of the same name (`-` as `_`)."""

    name: str
    kind: Kind

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")


def take_value(words: Words, kind: Kind, where: str) -> Any:
    """Read one word as a value. Raises RuleError naming the word and what `kind` allows."""
    word = words.take()
    try:
        return kind.read(word.text)
    except ValueError:
        raise RuleError(word.position, word.text, kind.allowed, where=where) from None


def take_parameters(
    words: Words, parameters: Mapping[str, Parameter], where: str
) -> dict[str, Any]:
    """Read `/<name>/<value>` pairs while the next word is one of `parameters`, each at most once.

    Returns the values by field name.
    """
    values: dict[str, Any] = {}
    while (word := words.peek()) is not None and (parameter := parameters.get(word.text)):
        words.take()
        if parameter.field in values:
            raise RuleError(word.position, word.text, f"{word.text} once", where=where)
        values[parameter.field] = take_value(words, parameter.kind, f"{where}/{parameter.name}")
    return values


def write_parameters(value: Any, parameters: Sequence[Parameter]) -> list[str]:
    """The words of every parameter that differs from its default."""
    defaults = {field.name: field.default for field in fields(value)}
    words: list[str] = []
    for parameter in parameters:
        held = getattr(value, parameter.field)
        if held != defaults[parameter.field]:
            words += [parameter.name, parameter.kind.write(held)]
    return words


def by_name(parameters: Sequence[Parameter]) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


@dataclass(frozen=True)
class Verb:
    """One operation of imageMogr2: `/<name>[/<value>][/<parameter>/<value>...]`.

    `operation` is the frozen dataclass; its first field takes the value when `value` is given.
    `once` refuses a second use in one segment, for what describes the result as a whole.
    `check` looks at the built operation and returns what would be allowed, or "" when it is fine.
    """

    name: str
    operation: type[Any]
    value: Kind | None = None
    parameters: tuple[Parameter, ...] = ()
    once: bool = False
    check: Callable[[Any], str] | None = None

    def read(self, words: Words, start: Word, where: str) -> Any:
        place = f"{where}/{self.name}"
        values: dict[str, Any] = {}
        written = words.peek()
        if self.value is not None:
            values[fields(self.operation)[0].name] = take_value(words, self.value, place)
        values |= take_parameters(words, by_name(self.parameters), place)
        operation = self.operation(**values)
        if self.check is not None and (allowed := self.check(operation)):
            at = written or start
            raise RuleError(at.position, at.text, allowed, where=place)
        return operation

    def write(self, operation: Any) -> list[str]:
        words = [self.name]
        if self.value is not None:
            words.append(self.value.write(getattr(operation, fields(operation)[0].name)))
        return words + write_parameters(operation, self.parameters)

"""YAML with positions: every value knows its line, and all problems are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from shared.errors import ConfigError

_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_BYTES = 256 * 1024


@dataclass
class Problems:
    """Collects what is wrong with one file, in the order of its lines."""

    file: str
    _found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, sentence: str) -> None:
        self._found.append((line, sentence))

    def raise_if_any(self) -> None:
        # The same value may be looked at twice.
        if found := sorted(set(self._found)):
            raise ConfigError([f"{self.file}:{line}: {text}" for line, text in found])


@dataclass(frozen=True)
class Node:
    """A YAML value: its place in the file and how a person would name it (`pipelines.photos`)."""

    raw: yaml.Node
    path: str
    problems: Problems

    @property
    def line(self) -> int:
        return int(self.raw.start_mark.line) + 1

    def refuse(self, allowed: str) -> None:
        """Report that this value is not what is allowed."""
        value = self.raw.value if isinstance(self.raw, yaml.ScalarNode) else self._kind()
        self.problems.add(self.line, f"{self.path} is {value!r}: {allowed}")

    def _kind(self) -> str:
        return "a list" if isinstance(self.raw, yaml.SequenceNode) else "a mapping"

    def mapping(self, allowed: tuple[str, ...] | None = None) -> dict[str, Node]:
        """The entries of a mapping; `allowed` limits the names. {} after a problem."""
        if not isinstance(self.raw, yaml.MappingNode):
            self.refuse("a mapping is expected")
            return {}
        entries: dict[str, Node] = {}
        for key, value in self.raw.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            node = Node(value, f"{self.path}.{name}" if self.path else name, self.problems)
            line = key.start_mark.line + 1
            if name in entries:
                self.problems.add(line, f"{node.path} stands twice: names must differ")
            elif allowed is not None and name not in allowed:
                self.problems.add(line, f"{node.path} is unknown: allowed are {', '.join(allowed)}")
            else:
                entries[name] = node
        return entries

    def items(self) -> Iterator[Node]:
        """The entries of a list; a single value counts as a list of one."""
        if isinstance(self.raw, yaml.SequenceNode):
            for index, item in enumerate(self.raw.value):
                yield Node(item, f"{self.path}[{index}]", self.problems)
        else:
            yield self

    def text(self) -> str:
        """A plain value as text; "" after a problem."""
        if isinstance(self.raw, yaml.ScalarNode) and self.raw.tag != "tag:yaml.org,2002:null":
            return str(self.raw.value)
        self.refuse("text is expected")
        return ""

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def flag(self) -> bool:
        value = self.text()
        if value not in ("true", "false"):
            self.refuse("true or false is expected")
        return value == "true"


def read(path: Path, build: Callable[[Node], None]) -> None:
    """Parse `path`, let `build` walk it, then raise `ConfigError` with all that was found."""
    problems = Problems(path.name)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}:1: cannot be read: {error.strerror}"]) from None
    if len(text) > MAX_BYTES:
        raise ConfigError([f"{path.name}:1: {len(text)} bytes: allowed are {MAX_BYTES}"])
    try:
        _refuse_aliases(text, problems)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([f"{path.name}:{line}: not YAML: {error.problem}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"{path.name}:1: not YAML: {' '.join(str(error).split())}"]) from None
    if root is None:
        raise ConfigError([f"{path.name}:1: the file is empty"])
    build(Node(root, "", problems))
    problems.raise_if_any()


def _refuse_aliases(text: bytes, problems: Problems) -> None:
    # An alias inside an alias grows without bound, and nobody needs one here.
    if b"*" not in text and b"&" not in text:
        return
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            problems.add(line, f"*{event.anchor}: aliases are not allowed")
            problems.raise_if_any()

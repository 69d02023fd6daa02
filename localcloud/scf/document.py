"""Optional fields and `${...}` variables on top of `shared.located`, for serverless.yml."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import yaml

from shared.located import Node

_VARIABLE = re.compile(r"\$\{([^${}]*)\}")
_UNKNOWN = "\0"  # stands for a variable that was reported already


@dataclass(frozen=True)
class Field:
    """A field of a mapping, whether the file has it (`node`) or not (`node` is None).

    `node` lends its file and its list of problems; `parent` does so for a field that is absent.
    `variables` maps what may stand in `${...}` (`env:NAME`, `stage`, `app`) to its value.
    """

    parent: Node
    name: str
    node: Node | None
    variables: Mapping[str, str]

    @property
    def line(self) -> int:
        """Where the field is, or the mapping that lacks it; from 1."""
        return (self.node or self.parent).line

    @property
    def present(self) -> bool:
        """Whether the file has this field, with a value that is not null."""
        return self.node is not None and not (
            isinstance(self.node.raw, yaml.ScalarNode) and self.node.raw.tag.endswith(":null")
        )

    def problem(self, message: str) -> None:
        """Report what is wrong: `message` follows the field's path."""
        path = f"{self.parent.path}.{self.name}" if self.parent.path else self.name
        self.parent.problems.add(self.line, f"{path} {message}")

    def mapping(self, allowed: Collection[str] | None = None) -> dict[str, Field]:
        """The fields inside; names outside `allowed` and names given twice are problems."""
        if self.node is None or not self.present:
            return {}
        found = self.node.mapping(tuple(sorted(allowed)) if allowed is not None else None)
        return {name: Field(self.node, name, node, self.variables) for name, node in found.items()}

    def child(self, name: str) -> Field:
        """One field inside, absent if the file does not have it."""
        if self.node is None:
            return Field(self.parent, f"{self.name}.{name}", None, self.variables)
        if isinstance(self.node.raw, yaml.MappingNode):
            for key, value in self.node.raw.value:
                if key.value == name:
                    path = f"{self.node.path}.{name}" if self.node.path else name
                    node = Node(value, path, self.node.problems)
                    return Field(self.node, name, node, self.variables)
        return Field(self.node, name, None, self.variables)

    def items(self) -> list[Field]:
        """The entries of a list."""
        if self.node is None or not self.present:
            return []
        if not isinstance(self.node.raw, yaml.SequenceNode):
            self.node.refuse("a list (`- ...`) is expected")
            return []
        return [
            Field(self.parent, f"{self.name}[{index}]", node, self.variables)
            for index, node in enumerate(self.node.items())
        ]

    def text(self, default: str | None = None, *, pattern: str = "", expected: str = "") -> str:
        """A text with its `${...}` variables filled in; without a default the field is required."""
        if self.node is None or not self.present:
            if default is None:
                self.problem(f"is missing: {expected or 'a text'} is expected")
            return default or ""
        value = _VARIABLE.sub(lambda match: self._variable(match[1]), self.node.text())
        if pattern and _UNKNOWN not in value and not re.fullmatch(pattern, value):
            self.problem(f"is {value!r}: {expected} is expected")
        return value.replace(_UNKNOWN, "")

    def integer(self, default: int, allowed: Collection[int], expected: str) -> int:
        """A whole number within `allowed`; `expected` says which in words."""
        if not self.present:
            return default
        value = self.text()
        if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) not in allowed:
            self.problem(f"is {value!r}: {expected} is expected")
            return default
        return int(value)

    def boolean(self, default: bool) -> bool:
        """True or false."""
        return self.node.flag() if self.node is not None and self.present else default

    def _variable(self, name: str) -> str:
        if name in self.variables:
            return self.variables[name]
        plain = name.partition(",")[0].rstrip()
        if re.fullmatch(r"env:\w+\s*,.*", name):
            self.problem(
                f"holds ${{{name}}}: the deploying tool knows no default in there; write "
                f"${{{plain}}} and set {plain[4:]} in the environment or in .env"
            )
        elif re.fullmatch(r"env:\w+", name):
            self.problem(f"holds ${{{name}}}: {name[4:]} is not set in the environment")
        else:
            self.problem(f"holds ${{{name}}}: ${{env:NAME}}, ${{stage}} or ${{app}} is expected")
        return _UNKNOWN

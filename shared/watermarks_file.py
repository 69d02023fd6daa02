"""The section `watermarks` of `pipelines.yml`: names -> marks, by the rule grammar's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.events import MAX_KEY_BYTES
from shared.located import Node
from shared.outputs_file import NAME
from shared.pipelines import Mark
from shared.rules import (
    ImageWatermark,
    RuleError,
    TextWatermark,
    image_watermark,
    parse,
    text_watermark,
)
from shared.rules.kinds import Color, Flag, Text
from shared.rules.words import Parameter

MAX_WATERMARKS = 100
# Stands for the address until the upload's bucket and region are known.
_ADDRESS = "http://mark"
_WORDS = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class _Kind:
    """What one kind of mark takes: the field that makes it one, and its options."""

    field: str
    mark: type[Any]
    parameters: tuple[Parameter, ...]

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)


_TEXT = _Kind("text", TextWatermark, text_watermark.PARAMETERS)
_IMAGE = _Kind("image", ImageWatermark, image_watermark.PARAMETERS)


def read(node: Node) -> dict[str, Mark | None]:
    """Every mark by its name; None where it has problems, which are in the node's list."""
    entries = node.mapping()
    if len(entries) > MAX_WATERMARKS:
        node.problems.add(node.line, f"{len(entries)} watermarks: allowed are {MAX_WATERMARKS}")
        return {}
    for name, entry in entries.items():
        if not NAME.fullmatch(name):
            entry.problems.add(
                entry.line, f"{name!r} is no watermark name: letters, digits, - and _"
            )
    return {name: _mark(entry) for name, entry in entries.items()}


def _mark(node: Node) -> Mark | None:
    present = node.mapping()
    if ("text" in present) == ("image" in present):
        node.problems.add(node.line, f"{node.path} needs one of text and image")
        return None
    kind = _TEXT if "text" in present else _IMAGE
    fields = node.mapping((kind.field, *kind.options))
    subject = _text(fields["text"]) if kind is _TEXT else _image_key(fields["image"])
    values = {
        parameter.field: _value(fields[parameter.name], parameter)
        for parameter in kind.parameters
        if parameter.name in fields
    }
    if subject is None or None in values.values() or len(fields) < len(present):
        return None
    stage = str(kind.mark(subject if kind is _TEXT else _ADDRESS, **values))
    try:
        # What concerns several options at once is the grammar's to judge.
        parse(stage)
    except RuleError as error:
        node.problems.add(node.line, f"{node.path}: {error.allowed} is expected")
        return None
    if kind is _TEXT:
        return Mark(stage)
    return Mark(stage.removeprefix(str(ImageWatermark(_ADDRESS))), subject)


def _value(node: Node, parameter: Parameter) -> Any:
    """The option's value, read by the kind that the grammar has for it; None after a problem."""
    text = node.text()
    kind = parameter.kind
    allowed = f"allowed: {kind.allowed}"
    word = text
    if isinstance(kind, Color):
        word, allowed = Text().write(text), 'a colour such as "#FFFFFF" is expected'
    elif isinstance(kind, Text):
        word, allowed = Text().write(text), "text without control characters is expected"
    elif isinstance(kind, Flag):
        word, allowed = _WORDS.get(text, text), "true or false is expected"
    try:
        return kind.read(word)
    except ValueError:
        node.refuse(allowed)
        return None


def _text(node: Node) -> str | None:
    value = _value(node, Parameter("text", Text()))
    return str(value) if value is not None else None


def _image_key(node: Node) -> str | None:
    key = node.text()
    if not key or key.startswith(("/", "http:", "https:")) or key.endswith("/"):
        node.refuse("the mark's key in the upload's bucket is expected, without a leading slash")
        return None
    if len(key.encode()) > MAX_KEY_BYTES:
        node.problems.add(node.line, f"{node.path} is longer than {MAX_KEY_BYTES} bytes")
        return None
    return key

"""Answers as trees of dicts, lists and plain values: the same tree becomes XML or JSON.

A list stands for repeated siblings. What is None, an empty list or a container of nothing is left
out: the SDK fails on a container that is there and empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.cos import xml
from localcloud.http import Response, xml_response

Tree = Mapping[str, Any]


def answer(root: str, tree: Tree) -> Response:
    """`tree` below `root` as an XML answer."""
    return xml_response(to_xml(root, tree))


def to_xml(root: str, tree: Tree) -> str:
    """A whole document."""
    return f"{xml.DECLARATION}\n{_element(root, pruned(tree))}"


def to_json(tree: Tree) -> str:
    """The same as JSON: numbers stay numbers, and what may be repeated is an array."""
    return json.dumps(pruned(tree), ensure_ascii=False)


def pruned(value: Any) -> Any:
    """A copy without what is left out."""
    if isinstance(value, Mapping):
        entries = {name: pruned(child) for name, child in value.items()}
        return {name: child for name, child in entries.items() if not _is_nothing(child)}
    if isinstance(value, list | tuple):
        return [child for child in map(pruned, value) if not _is_nothing(child)]
    return value


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, dict | list) and not value)


def _element(name: str, value: Any) -> str:
    if isinstance(value, dict):
        children = (
            _element(child_name, item)
            for child_name, child in value.items()
            for item in (child if isinstance(child, list) else (child,))
        )
        return xml.element(name, *children)
    if isinstance(value, bool):
        return xml.element(name, "true" if value else "false")
    return xml.element(name, value)

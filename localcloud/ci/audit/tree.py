"""Answers as trees of dicts, lists and plain values: the same tree becomes XML or JSON.

A list stands for repeated siblings, None for an element that is left out.
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
    return f"{xml.DECLARATION}\n{_element(root, tree)}"


def to_json(tree: Tree) -> str:
    """The same without what is None."""
    return json.dumps(pruned(tree), ensure_ascii=False)


def pruned(value: Any) -> Any:
    """A copy without the elements that are left out."""
    if isinstance(value, Mapping):
        return {name: pruned(child) for name, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        return [pruned(child) for child in value]
    return value


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        children = (
            _element(child_name, item)
            for child_name, child in value.items()
            for item in (child if isinstance(child, list | tuple) else (child,))
            if item is not None
        )
        return xml.element(name, *children)
    if isinstance(value, bool):
        return xml.element(name, "true" if value else "false")
    return xml.element(name, value)

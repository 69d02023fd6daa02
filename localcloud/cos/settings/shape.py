"""What a setting's XML must look like, said as data and checked in one place.

A shape maps an element's name to how often it comes and what it holds: another shape, or a check of
its text. Elements that a shape does not name are kept as they came: the service ignores them, and a
reader gets them back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree.ElementTree import Element

from localcloud.errors import ServiceError

MAX_DEPTH = 12
MAX_ELEMENTS = 40_000

Check: TypeAlias = Callable[[str, str], str]  # (where, text) -> the text to keep
Shape: TypeAlias = Mapping[str, "Child"]


@dataclass(frozen=True)
class Child:
    """An element that comes `least` to `most` times, and what it holds."""

    what: Check | Shape
    least: int
    most: int


def one(what: Check | Shape) -> Child:
    """An element that must come exactly once."""
    return Child(what, 1, 1)


def maybe(what: Check | Shape) -> Child:
    """An element that comes once or not at all."""
    return Child(what, 0, 1)


def some(what: Check | Shape, most: int, least: int = 1) -> Child:
    """An element that may come again."""
    return Child(what, least, most)


def check(root: Element, shape: Shape) -> None:
    """Refuse what does not fit, and tidy the rest: no attributes, no white space between elements.

    Raises `ServiceError`: MalformedXML for what is missing, doubled or not a word that is allowed,
    InvalidArgument for what is too many, too long or out of range.
    """
    _tidy(root)
    _fits(root, shape, root.tag)


def text(longest: int, shortest: int = 0) -> Check:
    """Any text of so many characters."""

    def checked(where: str, value: str) -> str:
        if not shortest <= len(value) <= longest:
            raise ServiceError(
                "InvalidArgument",
                f"{where} has {len(value)} characters: {shortest} to {longest} are allowed",
            )
        return value

    return checked


def word(*allowed: str) -> Check:
    """One of some words, whatever their case; kept as the table spells it."""
    known = {each.lower(): each for each in allowed}

    def checked(where: str, value: str) -> str:
        found = known.get(value.strip().lower())
        if found is None:
            raise ServiceError(
                "MalformedXML", f"{where} is {value[:50]!r}: allowed are {', '.join(allowed)}"
            )
        return found

    return checked


def number(lowest: int, highest: int) -> Check:
    """A whole number."""

    def checked(where: str, value: str) -> str:
        digits = value.strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
            raise ServiceError("MalformedXML", f"{where} is {value[:50]!r}: a number is expected")
        if not lowest <= int(digits) <= highest:
            raise ServiceError("InvalidArgument", f"{where} is {digits}: {lowest} to {highest}")
        return str(int(digits))

    return checked


def matching(pattern: str, example: str) -> Check:
    """Text of a form; `example` shows it to who got it wrong."""
    form = re.compile(pattern)

    def checked(where: str, value: str) -> str:
        if not form.fullmatch(value.strip()):
            raise ServiceError(
                "InvalidArgument", f"{where} is {value[:100]!r}: {example} is the form"
            )
        return value.strip()

    return checked


def content(node: Element, path: str, default: str = "") -> str:
    """The text of the first element at `path`, or `default`."""
    return node.findtext(path) or default


def _tidy(root: Element) -> None:
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise ServiceError(
                "MalformedXML",
                f"at most {MAX_DEPTH} levels and {MAX_ELEMENTS} elements are allowed",
            )
        for node in level:
            node.attrib.clear()
            node.tail = None
            if len(node):
                node.text = None
        level = [child for node in level for child in node]


def _fits(node: Element, shape: Shape, where: str) -> None:
    for name, child in shape.items():
        found = node.findall(name)
        if len(found) < child.least:
            raise ServiceError("MalformedXML", f"{where} has {len(found)} {name}: one is expected")
        if len(found) > child.most:
            code = "InvalidArgument" if child.most > 1 else "MalformedXML"
            raise ServiceError(
                code, f"{where} has {len(found)} {name}: at most {child.most} are allowed"
            )
        for each in found:
            if isinstance(child.what, Mapping):
                _fits(each, child.what, f"{where}/{name}")
            elif len(each):
                raise ServiceError(
                    "MalformedXML", f"{where}/{name} holds elements: text is expected"
                )
            else:
                each.text = child.what(f"{where}/{name}", each.text or "")

"""Patterns whose only sign is `*`: no regular expression is ever made of a user's text."""

from __future__ import annotations


def matches(pattern: str, text: str) -> bool:
    """Whether `text` is what `pattern` describes; `*` stands for any text, none included.

    Takes at most the product of both lengths: each piece between two `*` is looked for once.
    """
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(first) + len(last) > len(text):
        return False
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True

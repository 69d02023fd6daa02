"""A text as it is shown where its marks are obeyed: tags, entities, escapes, turned directions.

Whoever hides a term writes it as `p<i></i>orn`, `&#112;orn`, `\\u8272`, `%E8%89%B2`, or backwards
behind the sign that turns it round. The result is as long as the text, so that places are the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

_MARKS = re.compile(
    r"</?[A-Za-z!][^<>]{0,1000}>"
    r"|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
    r"|\\u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*"
    r"|%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*"
    "|\u202e[^\u202c\r\n]*"
)
_NOTHING = "\u200b"  # left out by folding


def plain(text: str) -> str:
    """The text itself where nothing in it is marked."""
    # Most texts have no such sign, which is told a hundred times as fast.
    if not any(sign in text for sign in _READERS):
        return text
    return _MARKS.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    mark = found[0]
    shown = _READERS[mark[0]](mark)
    return (shown + _NOTHING * (len(mark) - len(shown)))[: len(mark)]


def _escapes(mark: str) -> str:
    units = bytes.fromhex(mark.replace("\\u", ""))
    return units.decode("utf-16-be", "replace")


def _octets(mark: str) -> str:
    octets = unquote_to_bytes(mark)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("gb18030", "replace")


_READERS: dict[str, Callable[[str], str]] = {
    "<": lambda _: "",
    "&": html.unescape,
    "\\": _escapes,
    "%": _octets,
    "\u202e": lambda mark: mark[:0:-1],
}

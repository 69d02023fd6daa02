"""What else a picture's file is: archives, pages and films that hide behind a picture.

Such a file shows a harmless picture to whoever looks at it, and is something else to another
program. The engines see the picture only, so the rest must not pass with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from localcloud.detectors.picture import ending
from localcloud.imaging.inspect import inspect

_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557  # the end record with the longest comment
_PDF_HEAD = 1024
_PAGE = re.compile(rb"<\s*(?:script|html|iframe|body|embed|object|svg|\?php)\b", re.IGNORECASE)
# A GIF whose size begins a comment for whoever runs it as a script.
_SCRIPT = re.compile(rb"GIF8[79]a/[*/]|GIF8[79]a=.{0,64}/\*|BM/\*", re.DOTALL)


def hidden(data: bytes, pictures: int = 1) -> str:
    """A word for what is hidden, "" for a plain picture; `pictures` are those of an MPO."""
    for what, shows in _SIGNS:
        if shows(data):
            return what
    behind = ending.rest(data, pictures)
    return f"something else behind its picture ({len(behind)} bytes)" if behind else ""


_SIGNS: tuple[tuple[str, Callable[[bytes], object]], ...] = (
    ("an MPEG transport stream", lambda data: inspect(data).begin is not None),
    ("a PDF document", lambda data: b"%PDF-" in data[:_PDF_HEAD]),
    ("a zip archive", lambda data: _ZIP_END in data[-_ZIP_TAIL:]),
    ("a RAR archive", lambda data: b"Rar!\x1a\x07" in data),
    ("a 7z archive", lambda data: b"7z\xbc\xaf\x27\x1c" in data),
    ("a web page or script", lambda data: _PAGE.search(data) or _SCRIPT.match(data)),
)

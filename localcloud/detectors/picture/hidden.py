"""What else a picture's file is: archives, pages and films that hide behind a picture.

Such a file shows a harmless picture to whoever looks at it, and is something else to another
program. The engines see the picture only, so the rest must not pass with it.
"""

from __future__ import annotations

import re

from localcloud.imaging.inspect import inspect

_ZIP_END = b"PK\x05\x06"
_ZIP_TAIL = 65_557  # the end record with the longest comment
_PDF_HEAD = 1024
_ARCHIVES = (
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
)
_PAGE = re.compile(rb"<\s*(?:script|html|iframe|\?php)\b", re.IGNORECASE)


def hidden(data: bytes) -> str:
    """A word for what is hidden, "" for a plain picture."""
    if inspect(data).begin is not None:
        return "an MPEG transport stream"
    if b"%PDF-" in data[:_PDF_HEAD]:
        return "a PDF document"
    if _ZIP_END in data[-_ZIP_TAIL:]:
        return "a zip archive"
    for magic, name in _ARCHIVES:
        if magic in data:
            return name
    return "a web page or script" if _PAGE.search(data) else ""

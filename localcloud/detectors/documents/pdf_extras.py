"""What a PDF carries beside the text and drawings of its pages: notes and fields on them, files
and forms that no page shows."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pypdfium2 as pdfium

MAX_NOTES = 2000  # of a page
_MAX_TEXT = 20_000  # characters of a note
_LINK, _POPUP = 2, 16
_MEDIA = {17: "a file", 18: "a sound", 19: "a film", 21: "a film", 25: "a model", 26: "a film"}
_XFA = (2, 3)
_ZIP_END, _ZIP_TAIL = b"PK\x05\x06", 65_557


class Notes(NamedTuple):
    """Of a page: `texts` as they are written, whether any is `drawn`, and what is `closed`."""

    texts: tuple[str, ...] = ()
    drawn: bool = False
    closed: tuple[str, ...] = ()


def notes(page: pdfium.PdfPage) -> Notes:
    """The annotations and fields of a page, links aside."""
    from pypdfium2 import raw

    texts, closed, drawn = [], [], False
    count = raw.FPDFPage_GetAnnotCount(page)
    for place in range(min(count, MAX_NOTES)):
        note = raw.FPDFPage_GetAnnot(page, place)
        if not note:
            continue
        try:
            kind = raw.FPDFAnnot_GetSubtype(note)
            if kind in _MEDIA:
                closed.append(f"{_MEDIA[kind]} in a note is not looked into")
            drawn |= kind not in (_LINK, _POPUP)
            texts += [text for key in (b"Contents", b"V") if (text := _text(note, key))]
        finally:
            raw.FPDFPage_CloseAnnot(note)
    if count > MAX_NOTES:
        closed.append(f"the page has over {MAX_NOTES} notes")
    return Notes(tuple(texts), drawn, tuple(dict.fromkeys(closed)))


def _text(note: object, key: bytes) -> str:
    from pypdfium2 import raw

    size = raw.FPDFAnnot_GetStringValue(note, key, None, 0)
    if size <= 2:
        return ""
    size = min(size, 2 * _MAX_TEXT)
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    raw.FPDFAnnot_GetStringValue(note, key, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").rstrip("\0")


def unseen(document: pdfium.PdfDocument, path: Path) -> Iterator[str]:
    """What is in the file and on none of its pages."""
    from pypdfium2 import raw

    if count := raw.FPDFDoc_GetAttachmentCount(document):
        yield f"{count} attached files are not looked into"
    if raw.FPDF_GetFormType(document) in _XFA:
        yield "a form that programs fill in (XFA) is not shown"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ZIP_TAIL))
        if _ZIP_END in file.read():
            yield "the file is also a zip archive"

"""Judges documents page by page: PDF, Office's XML formats, web pages, plain text.

The file's content decides what it is, not its name. Formats that nothing here reads are refused.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from localcloud.detectors.judgement import (
    BROKEN,
    NOT_ELIGIBLE,
    SCENES,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
)
from localcloud.detectors.policy import DEFAULT, Policy

MAX_SIZE = 200 * 1024**2  # CI's limit
MAX_TEXT = 20 * 1024**2  # of a plain file
_PDF_HEAD = 1024
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT = ("txt", "csv", "tsv", "md", "log", "json", "xml", "yaml", "yml", "srt", "vtt", "ini")
_PAGES = ("html", "htm", "xhtml")
_ALLOWED = f"pdf, docx, xlsx, pptx, {', '.join((*_PAGES, *_TEXT))}"


def judge_document(
    path: Path, kind: str = "", scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
) -> Iterator[Judgement]:
    """One judgement or more for each page; `kind` is the suffix, needed for text only.

    Raises UnjudgeableError: too large, empty, encrypted, damaged, of a kind that is not read.
    """
    size = path.stat().st_size
    if size == 0:
        raise UnjudgeableError(BROKEN, "the document is empty")
    if size > MAX_SIZE:
        raise UnjudgeableError(
            TOO_LARGE, f"the document has {size} bytes: at most {MAX_SIZE} are allowed"
        )
    kind = kind.lower().lstrip(".")
    with path.open("rb") as file:
        head = file.read(_PDF_HEAD)
    if b"%PDF-" in head:
        from localcloud.detectors.documents.pdf import judge_pdf

        yield from judge_pdf(path, scenes, policy)
    elif head.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        from localcloud.detectors.documents.office import judge_office

        yield from judge_office(path, scenes, policy)
    elif head.startswith(_OLD_OFFICE):
        raise UnjudgeableError(
            NOT_ELIGIBLE,
            "the document is an encrypted one, or of Office's binary formats (doc, xls, ppt), "
            f"which no local engine reads; allowed: {_ALLOWED}",
        )
    elif kind in _PAGES:
        from localcloud.detectors.documents.webpage import judge_webpage

        for judgement in judge_webpage(path.read_bytes(), scenes, policy):
            yield replace(judgement, page=1)
    elif kind in _TEXT:
        yield from _judge_text(path, size, scenes, policy)
    else:
        raise UnjudgeableError(
            NOT_ELIGIBLE, f"no local engine reads documents of kind {kind!r}; allowed: {_ALLOWED}"
        )


def _judge_text(
    path: Path, size: int, scenes: tuple[str, ...], policy: Policy
) -> Iterator[Judgement]:
    from localcloud.detectors.text import judge_sections
    from localcloud.detectors.text.files import decoded

    if size > MAX_TEXT:
        raise UnjudgeableError(
            TOO_LARGE, f"the text has {size} bytes: at most {MAX_TEXT} are allowed"
        )
    sections = judge_sections(decoded(path.read_bytes()), scenes, policy)
    for page, judgement in enumerate(sections, 1):
        yield replace(judgement, kind="page", page=page)

"""Judges PDF files with pdfium: each page's text, and the page as a picture where it shows one."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.detectors.documents.pdf_extras import notes, unseen
from localcloud.detectors.documents.pieces import together, unjudged
from localcloud.detectors.judgement import (
    BROKEN,
    NOT_ELIGIBLE,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
)
from localcloud.detectors.picture import judge_pixels
from localcloud.detectors.policy import Policy
from localcloud.detectors.text import judge_text

if TYPE_CHECKING:
    import numpy as np
    import pypdfium2 as pdfium

MAX_PAGES = 5000  # CI's limit
MAX_TEXT = 200_000  # characters of a page
_SIDE = 1600  # px of a page's longer side as a picture
_LONG, _MOST_SIDE = 2.5, 24_000
_MOST_SCALE = 3.0  # px for a point
_MOST_OBJECTS = 10_000  # of a page; more are a drawing
_MOST_PATHS = 50  # lines of tables and rules; more are a drawing
_DEPTH = 8
# What stands for a glyph whose letter is not known: only looking tells it.
_NO_LETTER = re.compile("[\0-\x08\ufffd\ue000-\uf8ff]")


def judge_pdf(path: Path, scenes: tuple[str, ...], policy: Policy) -> Iterator[Judgement]:
    """One judgement for each page. Raises UnjudgeableError."""
    if not importlib.util.find_spec("pypdfium2"):
        raise UnjudgeableError(NOT_ELIGIBLE, "PDF files need the extra `audit`")
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if "assword" in str(error):
            raise UnjudgeableError(NOT_ELIGIBLE, "the PDF file is encrypted") from None
        raise UnjudgeableError(BROKEN, "the PDF file is damaged") from None
    with document:
        if len(document) > MAX_PAGES:
            raise UnjudgeableError(
                TOO_LARGE,
                f"the document has {len(document)} pages: at most {MAX_PAGES} are allowed",
            )
        document.init_forms()
        for number in range(len(document)):
            try:
                found = _page(document, number, scenes, policy)
            except pdfium.PdfiumError as error:
                found = unjudged(scenes, f"page {number + 1} is damaged: {error}")
            yield Judgement(found.findings, found.text, "page", page=number + 1)
        for what in unseen(document, path):
            yield replace(unjudged(scenes, what), page=1)


def _page(
    document: pdfium.PdfDocument, number: int, scenes: tuple[str, ...], policy: Policy
) -> Judgement:
    page = document[number]
    try:
        textpage = page.get_textpage()
        text = textpage.get_text_range(0, min(textpage.count_chars(), MAX_TEXT + 1))
        textpage.close()
        # A page without text may be a scan, a drawing or empty: looking tells.
        beside = notes(page)
        shows = not text.strip() or beside.drawn or bool(_NO_LETTER.search(text)) or _shows(page)
        parts = [judge_text(text[:MAX_TEXT], scenes, policy)] if text.strip() else []
        parts += [judge_text(note, scenes, policy) for note in beside.texts]
        parts += [unjudged(scenes, what) for what in beside.closed]
        if shows:
            parts.append(judge_pixels(_pixels(page), scenes, policy))
        if len(text) > MAX_TEXT:
            parts.append(unjudged(scenes, f"the page has over {MAX_TEXT} characters"))
        return together(parts)
    finally:
        page.close()


def _shows(page: pdfium.PdfPage) -> bool:
    """Whether there is more on a page than text and some lines."""
    from pypdfium2 import raw

    plain = (raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_FORM)
    paths = 0
    for count, thing in enumerate(page.get_objects(max_depth=_DEPTH)):
        paths += thing.type == raw.FPDF_PAGEOBJ_PATH
        deep = thing.type == raw.FPDF_PAGEOBJ_FORM and thing.level >= _DEPTH - 1
        if deep or thing.type not in (*plain, raw.FPDF_PAGEOBJ_PATH):
            return True
        if paths > _MOST_PATHS or count > _MOST_OBJECTS:
            return True
    return False


def _pixels(page: pdfium.PdfPage) -> np.ndarray:
    import numpy as np

    shorter, longer = sorted(max(1.0, side) for side in page.get_size())
    # A long page is cut into pieces later: it must be wide enough to be read.
    side = longer if longer <= shorter * _LONG else shorter
    scale = min(_MOST_SCALE, _SIDE / side, _MOST_SIDE / longer)
    bitmap = page.render(scale=scale, rev_byteorder=True)
    try:
        return np.array(bitmap.to_numpy()[:, :, :3])
    finally:
        bitmap.close()

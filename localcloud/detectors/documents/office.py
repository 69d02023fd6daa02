"""Judges docx, xlsx and pptx: the text and the pictures in their zip files.

Pages are made when a document is printed; until then a text document has sections of 10,000
characters, a presentation its slides, a workbook its sheets, and these count as pages.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from localcloud.detectors.documents.pieces import picture, unjudged
from localcloud.detectors.judgement import (
    BROKEN,
    NOT_ELIGIBLE,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
)
from localcloud.detectors.policy import Policy
from localcloud.detectors.text import judge_sections

MAX_PARTS = 10_000
MAX_PART = 64 * 1024**2  # bytes of a part, unpacked
MAX_TOTAL = 512 * 1024**2  # bytes of all parts that are read
MAX_PICTURES = 500
_KINDS = (("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx"),
          ("ppt/presentation.xml", "pptx"))  # fmt: skip
# Parts with text, in the order in which they are judged.
_TEXT_PARTS = {
    "docx": re.compile(r"word/(?:document|header|footer|footnotes|endnotes|comments)\d*\.xml"),
    "xlsx": re.compile(
        r"xl/(?:sharedStrings|worksheets/sheet\d+|comments\d+|drawings/drawing\d+)\.xml"
    ),
    "pptx": re.compile(r"ppt/(?:slides/slide|notesSlides/notesSlide|comments/comment)\d+\.xml"),
}
_PICTURES = re.compile(r"(?:word|xl|ppt)/media/[^/]+")
# What else can carry content, and is not looked into.
_EMBEDDED = re.compile(r"(?:word|xl|ppt)/(?:embeddings/[^/]+|vbaProject\.bin|activeX/[^/]+)")
_NUMBER = re.compile(r"(\d+)\.xml$")
_BREAKS = frozenset(("p", "br", "cr", "tab", "si", "is", "row", "c"))
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, NotImplementedError,
           ParseError, DefusedXmlException, ValueError, LookupError, RuntimeError)  # fmt: skip


def judge_office(path: Path, scenes: tuple[str, ...], policy: Policy) -> Iterator[Judgement]:
    """The text of each page, then each picture, then what was not looked into.

    Raises UnjudgeableError: no Office file, encrypted, damaged, too large unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _Parts(archive)
            kind = next((kind for name, kind in _KINDS if name in parts.names), "")
            if not kind:
                raise UnjudgeableError(
                    NOT_ELIGIBLE, "the zip file is no document; allowed: docx, xlsx, pptx"
                )
            yield from _texts(parts, kind, scenes, policy)
            yield from _pictures(parts, scenes, policy)
    except _BROKEN as error:
        raise UnjudgeableError(BROKEN, f"the document is damaged: {type(error).__name__}") from None


@dataclass
class _Parts:
    """The parts of a document, read within bounds."""

    archive: zipfile.ZipFile
    total: int = 0

    def __post_init__(self) -> None:
        members = self.archive.infolist()
        if len(members) > MAX_PARTS:
            raise UnjudgeableError(
                TOO_LARGE, f"the document has {len(members)} parts: at most {MAX_PARTS} are allowed"
            )
        if any(member.flag_bits & 1 for member in members):
            raise UnjudgeableError(NOT_ELIGIBLE, "the document is encrypted")
        self.names = sorted({member.filename for member in members}, key=_order)

    def read(self, name: str) -> bytes:
        with self.archive.open(name) as part:
            data = part.read(MAX_PART + 1)
        self.total += len(data)
        if len(data) > MAX_PART or self.total > MAX_TOTAL:
            raise UnjudgeableError(
                TOO_LARGE,
                f"the document unpacks to too much at {name}: at most {MAX_PART} bytes a part and "
                f"{MAX_TOTAL} in all are allowed",
            )
        return data


def _order(name: str) -> tuple[str, int, str]:
    found = _NUMBER.search(name)
    return posixpath.dirname(name), int(found[1]) if found else 0, name


def _texts(
    parts: _Parts, kind: str, scenes: tuple[str, ...], policy: Policy
) -> Iterator[Judgement]:
    page = 0
    for name in parts.names:
        if not _TEXT_PARTS[kind].fullmatch(name):
            continue
        found = _NUMBER.search(name)
        text = _text(parts.read(name))
        for judgement in judge_sections(text, scenes, policy):
            page += 1
            number = int(found[1]) if found and kind != "docx" else page
            sheet = number if kind == "xlsx" and "/worksheets/" in name else 0
            yield replace(judgement, kind="page", page=number, sheet=sheet)


def _text(data: bytes) -> str:
    """All that is written in a part; a word that is in several runs is one word."""
    pieces: list[str] = []
    for _, node in iterparse(io.BytesIO(data), events=("end",)):
        name = node.tag.rpartition("}")[2]
        # A cell's value that is text lies in the shared strings; here it is its number.
        if node.text and name in ("t", "text", "v", "delText", "instrText"):
            pieces.append(node.text)
        if name in _BREAKS:
            pieces.append("\n")
            node.clear()
    return re.sub(r"\n{2,}", "\n", "".join(pieces)).strip("\n")


def _pictures(parts: _Parts, scenes: tuple[str, ...], policy: Policy) -> Iterator[Judgement]:
    names = [name for name in parts.names if _PICTURES.fullmatch(name)]
    for name in names[:MAX_PICTURES]:
        yield replace(picture(parts.read(name), name, scenes, policy), kind="page", page=1)
    if len(names) > MAX_PICTURES:
        yield replace(unjudged(scenes, f"over {MAX_PICTURES} pictures"), page=1)
    for name in parts.names:
        if _EMBEDDED.fullmatch(name):
            yield replace(unjudged(scenes, f"{name} is not looked into"), page=1)

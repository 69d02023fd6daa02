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

from localcloud.detectors import zips
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
_XML = (".xml", ".vml", ".rels")
# What a printer is to do: it holds nothing to read.
_SILENT = re.compile(r"xl/printerSettings/printerSettings\d+\.bin")
_NUMBER = re.compile(r"(\d+)\.xml$")
# The text that a reader sees; what else is written in a part is judged apart from it.
_SEEN = ("t", "text", "v")
# Attributes that are shown or spoken: WordArt, alternative texts, hints, choices.
_SPOKEN = ("string", "descr", "title", "prompt", "promptTitle", "displayText")
_BREAKS = frozenset(("p", "br", "cr", "tab", "si", "is", "row", "c"))
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, NotImplementedError,
           ParseError, DefusedXmlException, ValueError, LookupError, RuntimeError)  # fmt: skip


def judge_office(path: Path, scenes: tuple[str, ...], policy: Policy) -> Iterator[Judgement]:
    """The text of each page, then each picture, then what was not looked into.

    Raises UnjudgeableError: no Office file, encrypted, damaged, too large unpacked.
    """
    with path.open("rb") as file:
        if zips.directory_size(file) > zips.MAX_DIRECTORY:
            raise UnjudgeableError(
                TOO_LARGE,
                f"the document's list of parts has over {zips.MAX_DIRECTORY} bytes, the most that "
                "is allowed",
            )
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _Parts(archive)
            kind = next((kind for name, kind in _KINDS if name in parts.names), "")
            if not kind:
                raise UnjudgeableError(
                    NOT_ELIGIBLE, "the zip file is no document; allowed: docx, xlsx, pptx"
                )
            yield from _texts(parts, kind, scenes, policy)
            yield from _others(parts, kind, scenes, policy)
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
        names = [member.filename.casefold() for member in members]
        if len(set(names)) < len(names):
            raise UnjudgeableError(BROKEN, "the document has two parts of one name")
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
    """All that is written in a part; a word that is in several runs is one word. What no reader
    sees in its place, such as a formula or a picture's alternative text, is at the end."""
    pieces: list[str] = []
    aside: list[str] = []
    for _, node in iterparse(io.BytesIO(data), events=("end",)):
        name = node.tag.rpartition("}")[2]
        # A cell's value that is text lies in the shared strings; here it is its number.
        if node.text and name in _SEEN:
            pieces.append(node.text)
        elif node.text and not node.text.isspace():
            aside.append(node.text)
        aside += [text for key in _SPOKEN if (text := node.get(key))]
        if name == "sheet" and (text := node.get("name")):
            aside.append(text)
        if name in _BREAKS:
            pieces.append("\n")
            node.clear()
    return re.sub(r"\n{2,}", "\n", "\n".join(("".join(pieces), *aside))).strip("\n")


def _others(
    parts: _Parts, kind: str, scenes: tuple[str, ...], policy: Policy
) -> Iterator[Judgement]:
    """Charts, diagrams, masters, properties: whatever else has text, under any name."""
    for name in parts.names:
        if not name.lower().endswith(_XML) or _TEXT_PARTS[kind].fullmatch(name):
            continue
        data = parts.read(name)
        try:
            text = _text(data)
            away = _elsewhere(data) if name.endswith(".rels") else ()
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            yield replace(unjudged(scenes, f"{name} is damaged"), page=1)
            continue
        for place in away:
            yield replace(unjudged(scenes, f"{place} is not in the document"), page=1)
        if text:
            for judgement in judge_sections(text, scenes, policy):
                yield replace(judgement, kind="page", page=1)


def _elsewhere(data: bytes) -> tuple[str, ...]:
    """What a document shows and does not hold: pictures, templates. Links are not shown."""
    return tuple(
        f"a part of kind {node.get('Type', '').rpartition('/')[2][:40]!r}"
        for _, node in iterparse(io.BytesIO(data), events=("end",))
        if node.get("TargetMode", "").lower() == "external"
        and not node.get("Type", "").endswith("/hyperlink")
    )


def _pictures(parts: _Parts, scenes: tuple[str, ...], policy: Policy) -> Iterator[Judgement]:
    """All parts that are no XML: what is no picture is not looked into."""
    count = 0
    for name in parts.names:
        if name.endswith("/") or name.lower().endswith(_XML) or _SILENT.fullmatch(name):
            continue
        count += 1
        if count > MAX_PICTURES:
            yield replace(unjudged(scenes, f"over {MAX_PICTURES} pictures"), page=1)
            return
        yield replace(picture(parts.read(name), name, scenes, policy), kind="page", page=1)

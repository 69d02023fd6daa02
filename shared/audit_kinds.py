"""As what an upload is audited: by its name, its type and how its content begins.

A name decides nothing that a content could not refute: text audits and virus scans take any bytes,
so that a picture under the name of a text would be judged as words, and shown as a picture.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.audits import Audit

LOOK = 512  # bytes of the beginning that `decide` wants to see
_SUFFIXES = {
    "image": "jpg jpeg png gif bmp webp",
    "text": "txt csv md log json xml yml yaml srt",
    "audio": "mp3 wav aac flac amr m4a wma ogg ape",
    "video": "mp4 avi flv mkv mov wmv rmvb 3gp m3u8 m4v",
    "document": "pdf doc docx ppt pptx xls xlsx",
    "webpage": "html htm",
    "virus": "zip rar 7z gz tgz tar bz2 xz jar exe dll msi apk bat sh ps1 js",
}
_OF_SUFFIX = {suffix: kind for kind, all in _SUFFIXES.items() for suffix in all.split()}
# What a browser goes by: it shows a text of the type text/html, whatever its name.
_OF_TYPE = (
    ("text/html", "webpage"), ("application/xhtml", "webpage"), ("image/", "image"),
    ("text/", "text"), ("audio/", "audio"), ("video/", "video"), ("application/pdf", "document"),
    ("application/msword", "document"), ("application/vnd.ms-", "document"),
    ("application/vnd.openxmlformats-", "document"), ("application/zip", "virus"),
    ("application/x-", "virus"),
)  # fmt: skip
# Kinds that a type says besides what a suffix says, unless the suffix says as much.
_SHOWN = {"image": (), "webpage": (), "video": ("audio",), "audio": ("video",), "document": ()}
# Kinds whose audit cannot fail because the content is something else.
_ANY_BYTES = frozenset(("text", "webpage", "virus"))
# How contents begin: bytes that no text has,
_SURE = (
    (0, b"\xff\xd8\xff", "image"), (0, b"\x89PNG\r\n\x1a\n", "image"), (0, b"GIF87a", "image"),
    (0, b"GIF89a", "image"), (8, b"WEBPVP8", "image"), (0, b"\x1aE\xdf\xa3", "video"),
    (0, b"FLV\1", "video"), (0, b"0&\xb2u\x8ef\xcf\x11", "video"), (0, b"\xff\xfb", "audio"),
    (0, b"\xff\xf3", "audio"), (0, b"\xff\xf1", "audio"), (0, b"#!AMR\n", "audio"),
    (0, b"%PDF-", "document"), (0, b"\xd0\xcf\x11\xe0\xa1\xb1", "document"),
    (0, b"PK\3\4", "virus"), (0, b"7z\xbc\xaf", "virus"), (0, b"\x1f\x8b", "virus"),
    (0, b"\xfd7zXZ", "virus"), (0, b"\x7fELF", "virus"), (0, b"8BPS", "image"),
)  # fmt: skip
# and words that a text may begin with, but none has a NUL behind them.
_WORDS = (
    (0, b"BM", "image"), (0, b"II*", "image"), (0, b"MM", "image"), (0, b"\0\0\1\0", "image"),
    (4, b"ftypavi", "image"), (4, b"ftyphei", "image"), (4, b"ftypmif1", "image"),
    (4, b"ftypM4A", "audio"), (4, b"ftyp", "video"), (8, b"AVI ", "video"),
    (0, b"\0\0\1\xba", "video"), (0, b".RMF", "video"), (0, b"ID3", "audio"),
    (8, b"WAVE", "audio"), (0, b"fLaC", "audio"), (0, b"OggS", "audio"), (0, b"MAC ", "audio"),
    (4, b"jP  ", "image"), (4, b"JXL ", "image"), (0, b"Rar!", "virus"), (0, b"BZh", "virus"),
    (0, b"MZ", "virus"),
)  # fmt: skip
_OFFICE = {"docx": b"word/", "xlsx": b"xl/", "pptx": b"ppt/"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Kinds(NamedTuple):
    """What is asked for. `doubt`: why the answers cannot be the whole truth; such an upload is for
    review at least."""

    names: tuple[str, ...]
    doubt: str = ""


def named(audit: Audit, key: str, content_type: str) -> tuple[str, ...]:
    """The kinds of the section, else of the suffix and of a type that is shown as something else;
    empty for what no audit takes."""
    if audit.kinds:
        return audit.kinds
    by_name = _OF_SUFFIX.get(_suffix(key), "")
    said = content_type.partition(";")[0].strip().lower()
    by_type = next((kind for start, kind in _OF_TYPE if said.startswith(start)), "")
    if not by_name:
        return (by_type,) if by_type else ()
    if by_type in (by_name, "") or by_name in _SHOWN.get(by_type, (by_name,)):
        return (by_name,)
    return by_name, by_type


def document_type(key: str, start: bytes) -> str:
    """What CI calls the type of a document: the suffix of its name, or what it begins with."""
    suffix = _suffix(key)
    if _OF_SUFFIX.get(suffix) == "document":
        return suffix
    if start.startswith(b"PK"):
        return next((name for name, folder in _OFFICE.items() if folder in start), "docx")
    return "doc" if start.startswith(b"\xd0\xcf") else "pdf"


def _suffix(key: str) -> str:
    name = key.rpartition("/")[2].lower()
    return name.rpartition(".")[2] if "." in name else ""


def needs_look(kinds: tuple[str, ...]) -> bool:
    """Whether the content may belie them: the others' decoders find that out themselves."""
    return not kinds or not _ANY_BYTES.isdisjoint(kinds)


def decide(audit: Audit, kinds: tuple[str, ...], start: bytes) -> Kinds:
    """The kinds by which a content that begins with `start` is judged, given those of `named`.

    What the section names itself is kept to: another content is for review then, not for another
    audit.
    """
    seen = _seen(start)
    if seen == "virus" and "document" in kinds:
        seen = "document"
    is_text = seen is None and _is_text(start)
    left = tuple(kind for kind in kinds if is_text or kind != "text")
    if seen and seen not in left and not audit.kinds:
        left = (*left, seen)
    is_lost = "text" in kinds and not is_text and seen not in left
    return Kinds(left, "what is there is no text" if is_lost else "")


def _seen(start: bytes) -> str | None:
    """The kind that a content cannot hide; None for a text, and for what is not known."""
    known = _SURE if _is_text(start) else (*_SURE, *_WORDS)
    found = next((kind for at, magic, kind in known if start.startswith(magic, at)), None)
    if found == "virus" and start.startswith(b"PK") and _is_office(start):
        return "document"
    if found is None and re.search(rb"<(?:[a-z]{1,8}:)?svg[\s>]", start[:LOOK]):
        return "image"  # CI judges none of that kind, and so it is for review
    return found


def _is_office(start: bytes) -> bool:
    marks = (b"[Content_Types].xml", b"_rels/", b"docProps/", *_OFFICE.values())
    return any(mark in start for mark in marks)


def _is_text(start: bytes) -> bool:
    return b"\0" not in start or start.startswith(_UTF_16)

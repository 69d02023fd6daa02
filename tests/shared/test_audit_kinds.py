"""What a content is, against what its name says."""

import gzip
import io
import zipfile

import pytest
from PIL import Image

from shared.audit_kinds import Kinds, decide, document_type, named, needs_look
from shared.audits import Audit
from shared.verdicts import KINDS


def picture(format):
    body = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(body, format)
    return body.getvalue()


def implied(name, start):
    """As what an upload of this name is judged when its section names no kinds."""
    kinds = named(Audit(), name, "")
    return decide(Audit(), kinds, start) if needs_look(kinds) else Kinds(kinds)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "ICO", "AVIF"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.txt", ("image",)), ("a.html", ("webpage", "image")), ("a.zip", ("virus", "image")),
     ("a.bin", ("image",))],
)  # fmt: skip
def test_a_picture_is_judged_as_one_whatever_its_name(format, name, expected):
    assert implied(name, picture(format)) == (expected, "")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypmp42", "video"),
        (b"\0\0\0\x18ftypM4A \0", "audio"),
        (b"\0\0\0\x18ftypheic", "image"),
        (b"RIFF\x24\0\0\0AVI LIST", "video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio"),
        (b"\x1aE\xdf\xa3\x9fB\x86", "video"),
        (b"FLV\1\5\0\0\0", "video"),
        (b"ID3\4\0\0\0\0", "audio"),
        (b"\xff\xfb\x90\x64", "audio"),
        (b"OggS\0\2\0\0", "audio"),
        (b"fLaC\0\0\0\x22", "audio"),
        (b"#!AMR\n\x3c", "audio"),
        (b"%PDF-1.7\n%", "document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document"),
        (b"PK\3\4\x14\0", "virus"),
        (b"Rar!\x1a\7\0", "virus"),
        (b"7z\xbc\xaf\x27\x1c", "virus"),
        (gzip.compress(b"words", mtime=0), "virus"),
        (b"MZ\x90\0\3\0\0\0", "virus"),
        (b"\x7fELF\2\1\1\0", "virus"),
    ],
)
def test_so_is_every_other_content(start, kind):
    assert implied("notes.txt", start) == ((kind,), "")


@pytest.mark.parametrize(
    "start",
    [
        b"", b"BMW and more", b"MZ is no program", b"ID3 tags explained", b"II. a chapter",
        b"MM. a list", "你好".encode(), "你好".encode("gb18030"), "你好".encode("utf-16"),
        b"MAC addresses", b"12345678WAVE", b"OggSomething",
    ],
)  # fmt: skip
def test_a_text_stays_one(start):
    assert implied("notes.txt", start) == (("text",), "")
    assert implied("page.html", start) == (("webpage",), "")


def office(*names):
    """The beginning of an archive with these files."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return body.getvalue()


@pytest.mark.parametrize(
    ("names", "type"),
    [
        (["[Content_Types].xml", "word/document.xml"], "docx"),
        (["_rels/.rels", "xl/workbook.xml"], "xlsx"),
        (["docProps/app.xml", "ppt/presentation.xml"], "pptx"),
        (["[Content_Types].xml"], "docx"),
    ],
)
def test_an_office_file_is_a_document_whatever_its_name(names, type):
    start = office(*names)
    assert implied("notes.txt", start) == (("document",), "")
    assert implied("x.zip", start) == (("virus", "document"), "")
    assert document_type("uploads/notes.txt", start) == type


@pytest.mark.parametrize(
    ("name", "start", "type"),
    [("a.DOCX", b"", "docx"), ("a.bin", b"\xd0\xcf\x11\xe0", "doc"), ("a.txt", b"%PDF-1.7", "pdf"),
     ("a.b.xlsx", b"%PDF-1.7", "xlsx"), ("noname", b"", "pdf")],
)  # fmt: skip
def test_the_type_of_a_document_is_its_suffix_or_its_beginning(name, start, type):
    assert document_type(f"folder.ppt/{name}", start) == type


@pytest.mark.parametrize(
    "start", [b"<svg xmlns='x'>", b"<?xml version='1.0'?>\n<!-- a -->\n<svg\n", b"<svg:svg >"]
)
def test_a_drawing_in_xml_is_a_picture(start):
    assert implied("a.xml", start) == (("image",), "")
    assert implied("a.xml", b"<a>svg and <svgs> are words</a>") == (("text",), "")


def test_what_is_neither_text_nor_known_is_for_review():
    kinds = implied("notes.txt", b"a\0b")
    assert (kinds.names, kinds.doubt) == ((), "what is there is no text")
    assert implied("notes.bin", b"plain words") == ((), "")


@pytest.mark.parametrize("kind", KINDS)
def test_the_kinds_of_the_section_are_kept_to(kind):
    """A text audit of something else is in doubt; the others find out themselves."""
    audit = Audit(kinds=(kind,))
    doubt = "what is there is no text" if kind == "text" else ""
    names = () if kind == "text" else (kind,)
    assert decide(audit, audit.kinds, picture("PNG")) == (names, doubt if kind == "text" else "")


@pytest.mark.parametrize(
    ("kinds", "start", "names", "doubt"),
    [
        (("text", "image"), picture("PNG"), ("image",), ""),
        (("text", "image"), b"words", ("text", "image"), ""),
        (("text", "virus"), picture("PNG"), ("virus",), "what is there is no text"),
        (("text", "document"), b"PK\3\4\x14\0", ("document",), ""),
    ],
)
def test_several_kinds_of_a_section(kinds, start, names, doubt):
    assert decide(Audit(kinds=kinds), kinds, start) == (names, doubt)

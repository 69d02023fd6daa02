"""Documents and web pages: their text and their pictures, whatever they are called."""

import base64
import io
import zipfile

import pytest

from localcloud.detectors.documents import judge_document, office, webpage
from localcloud.detectors.judgement import (
    BROKEN,
    NO_ENGINE,
    NORMAL,
    NOT_ELIGIBLE,
    SENSITIVE,
    SUSPECTED,
    TOO_LARGE,
    UnjudgeableError,
)
from localcloud.detectors.text import SECTION
from localcloud.detectors.text.files import decoded, judge_text_file
from tests.localcloud.detectors import samples

WORDS = ("Illegal",)
BAD_PICTURE = samples.encoded(samples.page("赌博网站", size=(420, 120)))
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.fixture
def judge(tmp_path):
    def run(data, kind="", scenes=WORDS):
        path = tmp_path / "file"
        path.write_bytes(data)
        return list(judge_document(path, kind, scenes))

    return run


@pytest.fixture
def refusal(judge):
    def run(data, kind=""):
        with pytest.raises(UnjudgeableError) as caught:
            judge(data, kind)
        return caught.value.number, caught.value.message

    return run


def pdf(*pages, extra=b""):
    """A PDF file with a line of text on each page, written by hand; no table of places, which
    readers make up for."""
    kids = " ".join(f"{10 + 2 * n} 0 R" for n in range(len(pages)))
    parts = [
        f"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[{kids}]"
        f"/Count {len(pages)}>>endobj\n3 0 obj<</Type/Font/Subtype/Type1/BaseFont"
        "/Helvetica>>endobj\n"
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 24 Tf 40 700 Td ({text}) Tj ET"
        parts.append(
            f"{10 + 2 * number} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources"
            f"<</Font<</F1 3 0 R>>>>/Contents {11 + 2 * number} 0 R>>endobj\n"
            f"{11 + 2 * number} 0 obj<</Length {len(stream)}>>stream\n{stream}\nendstream endobj\n"
        )
    trailer = f"trailer<</Root 1 0 R{extra.decode()}>>\n%%EOF"
    return ("%PDF-1.4\n" + "".join(parts) + trailer).encode()


def package(parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return made.getvalue()


def docx(*paragraphs, **parts):
    body = "".join(f"<w:p>{text}</w:p>" for text in paragraphs)
    return package(
        {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>", **parts}
    )


def test_a_pdf_is_judged_page_by_page(judge):
    pages = judge(pdf("a plain page", "some cocaine here", "the last one"))
    assert [(page.kind, page.page, page.result) for page in pages] == [
        ("page", 1, NORMAL),
        ("page", 2, SENSITIVE),
        ("page", 3, NORMAL),
    ]
    assert pages[1].worst.keywords == ("cocaine",)
    # Pages of text alone have nothing to look at: the lexicon is enough.
    assert pages[0].worst.engine == "lexicon"
    assert [page.text.strip() for page in pages] == [
        "a plain page",
        "some cocaine here",
        "the last one",
    ]


def test_a_scanned_pdf_is_read(judge):
    scan = samples.encoded(samples.page("hello", "赌博网站"), "PDF", resolution=100)
    [page] = judge(scan)
    assert (page.result, page.worst.category) == (SENSITIVE, "OCR")
    [clean] = judge(samples.encoded(samples.page("hello"), "PDF"), scenes=("Porn", "Ads"))
    porn, ads = clean.findings
    assert (porn.result, porn.engine) == (SUSPECTED, "")
    assert (ads.result, ads.engine) == (NORMAL, "PP-OCRv6+lexicon+zxing")


def test_a_damaged_or_encrypted_pdf_is_refused(refusal):
    assert refusal(b"%PDF-1.4\nnothing")[0] == BROKEN
    key = b"00" * 32
    filters = b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>"
    locked = pdf("x", extra=filters % (key, key))
    number, message = refusal(locked)
    assert (number, message) == (NOT_ELIGIBLE, "the PDF file is encrypted")


def test_a_word_file_is_judged_with_its_pictures_and_all_its_parts(judge):
    run = "<w:r><w:t>赌博</w:t></w:r><w:r><w:t>网站</w:t></w:r>"
    pages = judge(
        docx(
            "<w:r><w:t>hello</w:t></w:r>",
            run,
            **{
                "word/footer1.xml": f"<w:ftr {W}><w:p><w:r><w:t>cocaine</w:t></w:r></w:p></w:ftr>",
                "word/media/image1.png": BAD_PICTURE,
                "word/media/image2.emf": b"\x01\0\0\0",
                "word/embeddings/sheet.bin": b"x",
            },
        )
    )
    found = [(page.result, page.worst.keywords, page.worst.category) for page in pages]
    assert sorted(found) == sorted(
        [
            (SENSITIVE, ("赌博网站",), ""),  # a word over two runs
            (SENSITIVE, ("cocaine",), ""),
            (SENSITIVE, ("赌博网站",), "OCR"),
            (SUSPECTED, (), ""),
            (SUSPECTED, (), ""),
        ]
    )
    reasons = [page.worst.reason for page in pages if not page.worst.engine]
    assert reasons[0].startswith(f"{NO_ENGINE}: word/media/image2.emf: the source is no picture")
    assert reasons[1] == f"{NO_ENGINE}: word/embeddings/sheet.bin is not looked into"
    assert {page.kind for page in pages} == {"page"}


def test_slides_and_sheets_have_their_numbers(judge):
    slide = f"<p:sld xmlns:p='p' {A}><a:p><a:r><a:t>%s</a:t></a:r></a:p></p:sld>"
    pages = judge(
        package(
            {
                "ppt/presentation.xml": "<p/>",
                **{f"ppt/slides/slide{n}.xml": slide % f"slide {n}" for n in (1, 2, 10)},
                "ppt/slides/slide3.xml": slide % "赌博网站",
            }
        )
    )
    assert [(page.page, page.text, page.result) for page in pages] == [
        (1, "slide 1", NORMAL),
        (2, "slide 2", NORMAL),
        (3, "赌博网站", SENSITIVE),
        (10, "slide 10", NORMAL),
    ]
    cell = f'<worksheet {S}><row><c t="inlineStr"><is><t>%s</t></is></c></row></worksheet>'
    pages = judge(
        package(
            {
                "xl/workbook.xml": "<w/>",
                "xl/sharedStrings.xml": f"<sst {S}><si><t>赌博网站</t></si><si><t>b</t></si></sst>",
                "xl/worksheets/sheet1.xml": cell % "first",
                "xl/worksheets/sheet2.xml": cell % "cocaine",
            }
        )
    )
    assert [(page.sheet, page.text, page.result) for page in pages] == [
        (0, "赌博网站\nb", SENSITIVE),
        (1, "first", NORMAL),
        (2, "cocaine", SENSITIVE),
    ]


def test_hostile_packages_are_refused(refusal, monkeypatch):
    bomb = "<!DOCTYPE d [<!ENTITY a 'x'>]><w:document " + W + "><w:t>&a;</w:t></w:document>"
    assert refusal(package({"word/document.xml": bomb}))[0] == BROKEN
    assert refusal(package({"word/document.xml": "<w:document"}))[0] == BROKEN
    assert refusal(package({"a.txt": "x"}))[0] == NOT_ELIGIBLE
    locked = bytearray(docx("x"))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(locked)) == (NOT_ELIGIBLE, "the document is encrypted")
    assert refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "doc")[0] == NOT_ELIGIBLE
    monkeypatch.setattr(office, "MAX_PART", 1000)
    number, message = refusal(docx("<w:r><w:t>" + "x" * 2000 + "</w:t></w:r>"))
    assert number == TOO_LARGE
    assert "word/document.xml" in message


def test_plain_text_in_both_encodings(judge, refusal):
    for data in ("卖海洛因".encode(), "卖海洛因".encode("gbk"), "卖海洛因".encode("utf-16")):
        [page] = judge(data, "TXT")
        assert (page.result, page.worst.keywords, page.page) == (SENSITIVE, ("海洛因",), 1)
    assert [page.page for page in judge(b"a" * (SECTION + 1), "md")] == [1, 2]
    assert refusal(bytes(range(256)) * 9, "txt")[0] == NOT_ELIGIBLE
    assert refusal(b"", "txt")[0] == BROKEN
    number, message = refusal(b"hello", "exe")
    assert number == NOT_ELIGIBLE
    assert "kind 'exe'; allowed: pdf, docx" in message


def test_content_decides_and_not_the_name(judge):
    assert judge(pdf("some cocaine"), "txt")[0].worst.keywords == ("cocaine",)
    assert judge(docx("<w:r><w:t>cocaine</w:t></w:r>"), "pdf")[0].worst.keywords == ("cocaine",)


def test_a_text_file_has_cis_limits(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("x" * SECTION + "海洛因", "gbk")
    sections = list(judge_text_file(path, WORDS))
    assert [(section.start, section.result) for section in sections] == [
        (0, NORMAL),
        (SECTION, SENSITIVE),
    ]
    path.write_bytes(b"x" * (1024**2 + 1))
    with pytest.raises(UnjudgeableError, match="at most 1048576 are allowed"):
        list(judge_text_file(path))
    assert decoded("été".encode("latin-1"), "latin-1") == "été"


def pages_of(html, scenes=WORDS):
    return list(webpage.judge_webpage(html if isinstance(html, bytes) else html.encode(), scenes))


def test_what_a_reader_sees_of_a_page_is_judged():
    [page] = pages_of(
        "<html><head><title>a title</title><style>b{}</style></head><body><p>one <b>w</b>ord</p>"
        "<script>cocaine</script><template>heroin</template><!-- heroin --><p>赌<b>博</b>网站</p>"
        "<input value='typed'><a title='hint'>end</a></body></html>"
    )
    assert page.text.split("\n") == ["a title", "one word", "赌博网站", "typed", "hint", "end"]
    assert (page.kind, page.result, page.worst.keywords) == ("text", SENSITIVE, ("赌博网站",))


@pytest.mark.parametrize(
    "html",
    ["<p>co&#99;aine</p>", "<p>coc&shy;aine</p>", "<img alt=cocaine>", "<meta content='cocaine'>",
     "<iframe srcdoc='&lt;p&gt;cocaine'></iframe>", "<svg><text>cocaine</text></svg>",
     "<p>cocaine", "<select><option>cocaine</select>"],
)  # fmt: skip
def test_text_is_found_wherever_a_page_keeps_it(html):
    assert pages_of(html)[0].worst.keywords == ("cocaine",)


def test_pictures_of_a_page_are_judged_or_for_review():
    code = base64.b64encode(BAD_PICTURE).decode()
    pages = pages_of(
        f"<p>text</p><img src='data:image/png;base64,{code}'><img src='https://example.com/a.png'>"
        "<img src='data:image/png;base64,AAAA'><iframe src='https://example.com'></iframe>"
    )
    assert [(page.kind, page.result) for page in pages] == [
        ("text", NORMAL),
        ("image", SENSITIVE),
        ("image", SUSPECTED),
        ("image", SUSPECTED),
        ("image", SUSPECTED),
    ]
    assert pages[1].worst.keywords == ("赌博网站",)
    assert [page.worst.reason for page in pages[3:]] == [
        f"{NO_ENGINE}: 1 pictures are elsewhere and are not fetched",
        f"{NO_ENGINE}: 1 frames or films are not looked into",
    ]


def test_pages_in_other_encodings_and_none():
    html = "<meta charset=gb2312><p>卖海洛因</p>".encode("gbk")
    assert pages_of(html)[0].worst.keywords == ("海洛因",)
    for nothing, number in ((b" ", BROKEN), (b"x" * (webpage.MAX_SIZE + 1), TOO_LARGE)):
        with pytest.raises(UnjudgeableError) as caught:
            pages_of(nothing)
        assert caught.value.number == number


def test_a_page_with_deep_frames_ends():
    html = "cocaine"
    for _ in range(6):
        html = f"<iframe srcdoc='{html.replace('&', '&amp;').replace(chr(39), '&#39;')}'></iframe>"
    pages = pages_of(html)
    assert pages[-1].result == SUSPECTED

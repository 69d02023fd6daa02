"""Documents and web pages: their text and their pictures, whatever they are called."""

import base64
import io
import warnings
import zipfile

import pytest
from PIL import Image

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


FORM = b"<</Type/XObject/Subtype/Form/BBox[0 0 350 100]%s/Length %d>>stream\n%s\nendstream endobj\n"


def noted(catalog=b"", page=b"", objects=b""):
    """A PDF file of one plain page with more in its catalog, on the page, and among its objects."""
    plain = pdf("hello")
    plain = plain.replace(b"/Pages 2 0 R", b"/Pages 2 0 R" + catalog, 1)
    plain = plain.replace(b"/MediaBox", page + b"/MediaBox", 1)
    return plain.replace(b"3 0 obj", objects + b"3 0 obj", 1)


def form(content, resources=b""):
    return FORM % (resources, len(content), content)


def test_files_and_forms_that_no_page_shows_are_for_review(judge):
    attached = noted(
        b"/Names<</EmbeddedFiles<</Names[(a) 90 0 R]>>>>",
        objects=b"90 0 obj<</Type/Filespec/F(a)/EF<</F 91 0 R>>>>endobj\n91 0 obj<</Type"
        b"/EmbeddedFile/Length 7>>stream\ncocaine\nendstream endobj\n",
    )
    xfa = noted(b"/AcroForm<</Fields[]/XFA(x)>>")
    for data, reason in (
        (attached, "1 attached files are not looked into"),
        (xfa, "a form that programs fill in (XFA) is not shown"),
        (pdf("hello") + package({"a.txt": "cocaine"}), "the file is also a zip archive"),
    ):
        first, last = judge(data)
        assert (first.result, last.result) == (NORMAL, SUSPECTED)
        assert last.worst.reason == f"{NO_ENGINE}: {reason}"


def test_notes_and_fields_on_a_page_are_judged(judge):
    drawn = form(b"BT /F1 40 Tf 10 30 Td (cocaine) Tj ET", b"/Resources<</Font<</F1 3 0 R>>>>")
    note = b"80 0 obj<</Type/Annot/Subtype/%s/Rect[50 300 400 400]/F 4%s>>endobj\n"
    for subtype, more in (
        (b"FreeText", b"/Contents(cocaine)"),
        (b"Text", b"/Contents(cocaine)"),
        (b"Stamp", b"/AP<</N 81 0 R>>"),
        (b"Widget", b"/FT/Tx/T(x)/V(cocaine)"),
    ):
        page = noted(
            b"/AcroForm<</Fields[80 0 R]>>" if subtype == b"Widget" else b"",
            b"/Annots[80 0 R]",
            note % (subtype, more) + b"81 0 obj" + drawn,
        )
        assert judge(page)[0].worst.keywords == ("cocaine",), subtype
    link = noted(b"", b"/Annots[80 0 R]", note % (b"Link", b""))
    assert judge(link)[0].worst.engine == "lexicon"
    [page] = judge(noted(b"", b"/Annots[80 0 R]", note % (b"FileAttachment", b"")))
    assert page.worst.reason == f"{NO_ENGINE}: a file in a note is not looked into"


def test_a_picture_deep_in_a_page_is_looked_at(judge):
    """Forms inside of forms, deeper than the search for pictures goes."""
    nested = b"".join(
        b"%d 0 obj" % number + form(b"/X Do", b"/Resources<</XObject<</X %d 0 R>>>>" % (number + 1))
        for number in range(80, 92)
    )
    page = noted(objects=nested + b"92 0 obj" + form(b"0 0 9 9 re f"))
    page = page.replace(b"/Font<</F1 3 0 R>>", b"/Font<</F1 3 0 R>>/XObject<</X 80 0 R>>", 1)
    page = page.replace(b"Tj ET", b"Tj ET /X Do", 1).replace(b"/Length 37", b"/Length 43", 1)
    [finding] = judge(page, scenes=("Abuse",))[0].findings
    assert "PP-OCRv6" in finding.engine


def test_a_long_scan_is_wide_enough_to_be_read(judge):
    scan = Image.new("RGB", (400, 6000), "white")
    scan.paste(samples.page("赌博网站", size=(400, 120), text_size=20), (0, 5000))
    [page] = judge(samples.encoded(scan, "PDF", resolution=72))
    assert page.worst.keywords == ("赌博网站",)


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
    assert reasons[0].startswith(
        f"{NO_ENGINE}: word/embeddings/sheet.bin: the source is no picture"
    )
    assert reasons[1].startswith(f"{NO_ENGINE}: word/media/image2.emf: the source is no picture")
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


TEXT = f"<x {A}><a:t>cocaine</a:t></x>"
AWAY = (
    "<Relationships xmlns='r'><Relationship Type='r/%s' Target='https://example.com/a'"
    " TargetMode='External'/></Relationships>"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word/charts/chart1.xml", TEXT),
        ("word/diagrams/data1.xml", TEXT),
        ("word/any name.xml", TEXT),
        ("word/header2.xml", "<x xmlns:v='v'><v:textpath string='cocaine'/></x>"),
        ("word/Header1.XML", TEXT),
        ("docProps/core.xml", "<c><title>cocaine</title></c>"),
        ("xl/workbook.xml", f"<workbook {S}><sheets><sheet name='cocaine'/></sheets></workbook>"),
        ("xl/worksheets/sheet1.xml", f"<worksheet {S}><oddHeader>cocaine</oddHeader></worksheet>"),
        ("ppt/slideMasters/slideMaster1.xml", TEXT),
        ("word/vmlDrawing1.vml", TEXT),
    ],
)
def test_text_is_found_in_any_part(judge, name, content):
    pages = judge(docx("<w:r><w:t>hello</w:t></w:r>", **{name: content}))
    assert [page.result for page in pages] == [NORMAL, SENSITIVE]
    assert pages[1].worst.keywords == ("cocaine",)


def test_a_picture_is_found_in_any_part(judge):
    for name in ("media/a.png", "word/part.bin", "WORD/MEDIA/a.jpeg"):
        pages = judge(docx("<w:r><w:t>hello</w:t></w:r>", **{name: BAD_PICTURE}))
        assert [page.result for page in pages] == [NORMAL, SENSITIVE]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("word/_rels/document.xml.rels", AWAY % "image", "a part of kind 'image' is not in"),
        ("word/_rels/settings.xml.rels", AWAY % "attachedTemplate", "'attachedTemplate' is not"),
        ("word/afchunk.htm", "<p>cocaine", "word/afchunk.htm: the source is no picture"),
        ("word/fonts/font1.odttf", "x", "word/fonts/font1.odttf: the source is no picture"),
        ("word/vbaProject.bin", "x", "word/vbaProject.bin: the source is no picture"),
        ("word/vmlDrawing1.vml", "<x><br></x>", "word/vmlDrawing1.vml is damaged"),
    ],
)
def test_what_a_document_holds_besides_does_not_pass(judge, name, content, reason):
    pages = judge(docx("<w:r><w:t>hello</w:t></w:r>", **{name: content}))
    assert [page.result for page in pages] == [NORMAL, SUSPECTED]
    assert reason in pages[1].worst.reason


def test_links_and_printers_are_nothing_to_judge(judge):
    parts = {"word/_rels/document.xml.rels": AWAY % "hyperlink",
             "xl/printerSettings/printerSettings1.bin": "x"}  # fmt: skip
    assert [page.result for page in judge(docx("<w:r><w:t>hi</w:t></w:r>", **parts))] == [NORMAL]


def test_numbers_of_a_drawing_do_not_part_a_word(judge):
    drawing = "<w:drawing><posOffset>7</posOffset></w:drawing>"
    run = f"<w:r><w:t>赌博</w:t></w:r><w:r>{drawing}</w:r><w:r><w:t>网站</w:t></w:r>"
    assert judge(docx(run))[0].worst.keywords == ("赌博网站",)


def test_two_parts_of_one_name_are_refused(refusal):
    for name in ("word/document.xml", "word/DOCUMENT.xml"):
        made = io.BytesIO(docx("<w:r><w:t>cocaine</w:t></w:r>"))
        with warnings.catch_warnings(), zipfile.ZipFile(made, "a") as archive:
            warnings.simplefilter("ignore")
            archive.writestr(name, "<x/>")
        assert refusal(made.getvalue()) == (BROKEN, "the document has two parts of one name")


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
    for document in (rb"{\rtf1 coc\'61ine}", b"\n%!PS (coc) show"):
        assert refusal(document, "txt")[0] == NOT_ELIGIBLE
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
    path.write_bytes(pdf("hello"))
    with pytest.raises(UnjudgeableError, match="no text in UTF-8 or GBK"):
        list(judge_text_file(path))
    path.write_bytes(b"x" * (1024**2 + 1))
    with pytest.raises(UnjudgeableError, match="at most 1048576 are allowed"):
        list(judge_text_file(path))
    assert decoded("été".encode("latin-1"), "latin-1") == "été"


@pytest.mark.parametrize("encoding", ["big5", "shift-jis", "utf-16-le", "iso2022-jp"])
def test_text_in_no_encoding_that_is_known_is_refused(judge, refusal, encoding):
    """Most of it is GBK by its bytes, of other characters than were written."""
    for text in ("色情", "色情" * 40 + "天上有月人在看一本大"):
        assert refusal(text.encode(encoding), "txt")[0] == NOT_ELIGIBLE
    traditional = "今天天氣很好我們一起去公園散步看了一部色情電影"
    [page] = judge(traditional.encode("gbk"), "txt", ("Porn",))
    assert page.worst.keywords == ("色情",)


def pages_of(html, scenes=WORDS):
    return list(webpage.judge_webpage(html if isinstance(html, bytes) else html.encode(), scenes))


def test_what_a_reader_sees_of_a_page_is_judged():
    [page] = pages_of(
        "<html><head><title>a title</title><style>b{}</style></head><body><p>one <b>w</b>ord</p>"
        "<!-- heroin --><p>赌<b>博</b>网站</p>"
        "<input value='typed'><a title='hint'>end</a></body></html>"
    )
    assert page.text.split("\n") == ["a title", "one word", "赌博网站", "typed", "hint", "end"]
    assert (page.kind, page.result, page.worst.keywords) == ("text", SENSITIVE, ("赌博网站",))


@pytest.mark.parametrize(
    "html",
    ["<p>co&#99;aine</p>", "<p>coc&shy;aine</p>", "<img alt=cocaine>", "<meta content='cocaine'>",
     "<iframe srcdoc='&lt;p&gt;cocaine'></iframe>", "<svg><text>cocaine</text></svg>",
     "<p>cocaine", "<!-- a --!><p>cocaine<!-- -->", "<!--><p>cocaine<!-- -->",
     "<![nothing known]><p>cocaine", "<p>cocaine<![", "<![if IE]><p>cocaine<![endif]>",
     "<template shadowrootmode=open>cocaine</template>",
     "<style>p::after { content: 'cocaine' }</style>", "<p style='content:\"cocaine\"'>hi",
     "<button value=cocaine>hi</button>", "<svg><text><![CDATA[cocaine]]></text></svg>",
     "<select><option>cocaine</select>"],
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
        f"{NO_ENGINE}: 1 pictures or styles are elsewhere and are not fetched",
        f"{NO_ENGINE}: 1 frames, films or drawings are not looked into",
    ]


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<script>run()</script>", "scripts are not run"),
        ("<script src=https://example.com/a.js></script>", "scripts are not run"),
        ("<body onload=run()>", "scripts are not run"),
        ("<a href='javascript:run()'>go</a>", "scripts are not run"),
        ("<link rel=stylesheet href=https://example.com/a.css>", "1 pictures or styles are else"),
        ("<style>@import 'https://example.com/a.css';</style>", "1 pictures or styles are else"),
        ("<style>p{background:url(a.png)}</style>", "1 pictures or styles are elsewhere"),
        ("<p style='background:url(a.png)'>", "1 pictures or styles are elsewhere"),
        ("<body background=a.png>", "1 pictures or styles are elsewhere"),
        ("<link rel=icon href=a.png>", "1 pictures or styles are elsewhere"),
        ("<svg><use href='a.svg#a'/></svg>", "1 pictures or styles are elsewhere"),
        ("<svg><path d='M0 0h9'/></svg>", "1 frames, films or drawings are not looked into"),
        ("<applet code=a>", "1 frames, films or drawings are not looked into"),
        ("<meta http-equiv=refresh content='0;url=/b'>", "the page leads on to another"),
    ],
)
def test_what_a_page_shows_and_does_not_hold_is_for_review(html, reason):
    pages = pages_of(f"<p>hello</p>{html}")
    assert [page.result for page in pages] == [NORMAL, SUSPECTED]
    assert pages[1].worst.reason.startswith(f"{NO_ENGINE}: {reason}")


def test_links_to_other_pages_are_nothing_to_judge():
    html = "<link rel=canonical href=/a><a href=/b>go</a><svg><use href='#a'/></svg>"
    assert [page.result for page in pages_of(html)][:1] == [NORMAL]
    assert len(pages_of("<link rel=canonical href=/a><a href=/b>go</a>")) == 1


def test_a_page_is_read_in_its_encoding_and_in_utf8():
    """The header of an answer may say another encoding than the page does: both are read."""
    japanese = b"<meta charset=iso-2022-jp><p>" + "色情".encode("iso2022_jp")
    assert any(page.result == SENSITIVE for page in pages_of(japanese, ("Porn",)))
    utf8 = b"<meta charset=big5><p>" + "色情网站".encode()
    assert any(page.result == SENSITIVE for page in pages_of(utf8, ("Porn",)))
    with pytest.raises(UnjudgeableError, match="no text in UTF-8 or GBK"):
        pages_of(b"<meta charset=idna><p>caf\xe9 cocaine")


def test_what_scripts_hold_is_judged_though_they_are_not_run():
    for html in ("<script>document.write('cocaine')</script>", "<body onload='f(\"cocaine\")'>"):
        pages = pages_of(f"<p>hello</p>{html}")
        assert [page.result for page in pages] == [NORMAL, SENSITIVE]


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

"""Judges web pages: what is written on them and the pictures that they carry.

Nothing is fetched and nothing is run. Pictures that lie elsewhere are for review.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

from localcloud.detectors.documents.pieces import picture, together, unjudged
from localcloud.detectors.judgement import (
    BROKEN,
    SCENES,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
)
from localcloud.detectors.policy import DEFAULT, Policy
from localcloud.detectors.text import judge_sections, judge_text
from localcloud.detectors.text.files import readings

MAX_SIZE = 10 * 1024**2
MAX_PICTURES = 100
MAX_FRAMES = 3  # pages inside of each other, as `srcdoc`
_HEAD = 2048
# What browsers take for an empty comment, for the end of one, and for a comment up to its `>`.
_AS_BROWSERS = (
    (re.compile("<!--?-?>"), ""),
    (re.compile("--!>"), "-->"),
    (re.compile(r"<!\[(?!CDATA\[)[^>]*>?"), ""),
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{2,20})", re.IGNORECASE)
_ENCODINGS = re.compile(
    r"utf-?8|utf-?16(?:le|be)?|gb(?:2312|k|18030)|big5(?:-hkscs)?|euc-(?:jp|kr)|shift[_-]jis|"
    r"iso-2022-(?:jp|kr)|hz-gb-2312|koi8-[ru]|iso-8859-\d{1,2}|windows-\d{3,4}|latin-?1|us-ascii"
)
# Their content is no text for a reader.
_SILENT = ("script", "style")
# Elements that do not break a line of text: a word may be spread over several.
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "img", "ins",
     "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "tt", "u", "var",
     "wbr")
)  # fmt: skip
_SPOKEN = ("alt", "title", "placeholder", "aria-label", "label")
_LOOKED_AT = (("img", "src"), ("image", "href"), ("image", "xlink:href"), ("video", "poster"),
              ("input", "src"), ("source", "srcset"), ("img", "srcset"))  # fmt: skip
_FRAMES = (
    "iframe",
    "frame",
    "embed",
    "object",
    "video",
    "audio",
    "applet",
    "canvas",
    "path",
    "rect",
    "circle",
    "ellipse",
    "polygon",
    "polyline",
)
_SHOWN_LINKS = {"stylesheet", "icon", "apple-touch-icon", "import"}
_JS = re.compile(r"\s*javascript:", re.IGNORECASE)
_CSS_ADDRESS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""", re.IGNORECASE)
_CSS_TEXT = re.compile(r"content\s*:([^;}]*)", re.IGNORECASE)
_CSS_STRING = re.compile(r"""["']([^"']+)["']""")
_DATA = re.compile(r"data:([\w/+.-]*)((?:;[\w=.-]+)*?)(;base64)?,", re.IGNORECASE)


def judge_webpage(
    html: bytes, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
) -> Iterator[Judgement]:
    """The text in sections of 10,000 characters, then each picture.

    Raises UnjudgeableError: empty, over 10 MB, no text at all.
    """
    if not html.strip():
        raise UnjudgeableError(BROKEN, "the page is empty")
    if len(html) > MAX_SIZE:
        raise UnjudgeableError(
            TOO_LARGE, f"the page has {len(html)} bytes: at most {MAX_SIZE} are allowed"
        )
    page, seen = _Page(), set()
    for reading in readings(html, _declared(html)):
        page.words.clear()
        page.read(reading)
        if page.text not in seen:
            yield from judge_sections(page.text, scenes, policy)
        seen.add(page.text)
    yield from _pictures(page, scenes, policy)
    if page.scripts or page.has_scripts:
        # What they would write is not known, but what they hold is.
        held = judge_text("\n".join(dict.fromkeys(page.scripts)), scenes, policy)
        both = together([unjudged(scenes, "scripts are not run", "image"), held])
        yield replace(both, text="")
    if page.frames:
        what = f"{page.frames} frames, films or drawings are not looked into"
        yield unjudged(scenes, what, "image")
    if page.leads_on:
        yield unjudged(scenes, "the page leads on to another", "image")


def _declared(html: bytes) -> str:
    """The encoding that the page names, if it is one that browsers know."""
    found = _CHARSET.search(html[:_HEAD])
    name = found[1].decode("ascii").lower() if found else ""
    return name if _ENCODINGS.fullmatch(name) else ""


def _pictures(page: _Page, scenes: tuple[str, ...], policy: Policy) -> Iterator[Judgement]:
    elsewhere = 0
    for number, address in enumerate(dict.fromkeys(page.pictures), 1):
        data = _data(address)
        if data is None:
            elsewhere += 1
        elif number <= MAX_PICTURES:
            yield replace(picture(data, f"picture {number}", scenes, policy), kind="image")
        else:
            yield unjudged(scenes, f"over {MAX_PICTURES} pictures", "image")
            break
    if elsewhere:
        what = f"{elsewhere} pictures or styles are elsewhere and are not fetched"
        yield unjudged(scenes, what, "image")


@dataclass
class _Page:
    """What a reader gets of a page: its words, the addresses of its pictures and styles; what its
    scripts hold; `frames` counts what else it shows."""

    words: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    has_scripts: bool = False
    frames: int = 0
    leads_on: bool = False

    def read(self, html: str, depth: int = 0) -> None:
        parser = _Parser(self, depth)
        for sign, instead in _AS_BROWSERS:
            html = sign.sub(instead, html)
        parser.feed(html)
        parser.close()

    @property
    def text(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self.words).splitlines())
        return "\n".join(line for line in lines if line)


class _Parser(HTMLParser):
    def __init__(self, page: _Page, depth: int) -> None:
        super().__init__(convert_charrefs=True)
        self._page, self._depth, self._silent = page, depth, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        page = self._page
        if tag not in _INLINE:
            page.words.append("\n")
        if tag in _SILENT:
            self._silent = tag
        given = {name: value or "" for name, value in attrs}
        for name in _SPOKEN:
            if text := given.get(name):
                page.words.append(f"\n{text}\n")
        if tag == "meta" and (text := given.get("content")):
            page.words.append(f"\n{text}\n")
            page.leads_on |= given.get("http-equiv", "").lower() == "refresh" and "=" in text
        if tag in ("input", "button") and (text := given.get("value")):
            page.words.append(f"\n{text}\n")
        self._look_at(tag, given)
        self._style(given.get("style", ""))
        page.has_scripts |= tag == "script"
        page.scripts += [
            value for name, value in given.items() if name.startswith("on") or _JS.match(value)
        ]
        if text := given.get("srcdoc"):
            if self._depth < MAX_FRAMES:
                page.read(text, self._depth + 1)
            else:
                page.frames += 1
        elif tag in _FRAMES:
            page.frames += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        if tag not in _INLINE:
            self._page.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._page.words.append(data)
        elif self._silent == "style":
            self._style(data)
        elif data.strip():
            self._page.scripts.append(data)

    def unknown_decl(self, data: str) -> None:
        # <![CDATA[...]]>: text in drawings.
        self._page.words.append(data.partition("[")[2])

    def _look_at(self, tag: str, given: dict[str, str]) -> None:
        for element, attribute in _LOOKED_AT:
            if tag == element and (address := given.get(attribute, "").strip()):
                self._page.pictures.append(address)
        if background := given.get("background", "").strip():
            self._page.pictures.append(background)
        if tag == "use" and (address := given.get("href") or given.get("xlink:href")):
            self._page.pictures += [] if address.startswith("#") else [address]
        if tag == "link" and _SHOWN_LINKS & set(given.get("rel", "").lower().split()):
            self._page.pictures.append(given.get("href", ""))

    def _style(self, css: str) -> None:
        self._page.pictures += [found[1] or found[2] for found in _CSS_ADDRESS.finditer(css)]
        for found in _CSS_TEXT.finditer(css):
            self._page.words.append("\n" + " ".join(_CSS_STRING.findall(found[0])) + "\n")


def _data(address: str) -> bytes | None:
    """The bytes of a data: address; None for any other."""
    found = _DATA.match(address)
    if not found:
        return None
    rest = unquote_to_bytes(address[found.end() :])
    if not found[3]:
        return rest
    try:
        return base64.b64decode(b"".join(rest.split()) + b"==")
    except (binascii.Error, ValueError):
        return b""

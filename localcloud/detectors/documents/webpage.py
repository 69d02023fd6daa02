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

from localcloud.detectors.documents.pieces import picture, unjudged
from localcloud.detectors.judgement import (
    BROKEN,
    SCENES,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
)
from localcloud.detectors.policy import DEFAULT, Policy
from localcloud.detectors.text import judge_sections
from localcloud.detectors.text.files import decoded

MAX_SIZE = 10 * 1024**2
MAX_PICTURES = 100
MAX_FRAMES = 3  # pages inside of each other, as `srcdoc`
_HEAD = 2048
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{2,20})", re.IGNORECASE)
# Their content is no text for a reader.
_SILENT = ("script", "style", "template")
# Elements that do not break a line of text: a word may be spread over several.
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "em", "font", "i", "img", "ins",
     "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "tt", "u", "var",
     "wbr")
)  # fmt: skip
_SPOKEN = ("alt", "title", "placeholder", "aria-label", "label")
_LOOKED_AT = (("img", "src"), ("image", "href"), ("image", "xlink:href"), ("video", "poster"),
              ("input", "src"), ("source", "srcset"), ("img", "srcset"))  # fmt: skip
_CSS_DATA = re.compile(r"url\(\s*[\"']?(data:image/[^\"')]+)", re.IGNORECASE)
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
    declared = _CHARSET.search(html[:_HEAD])
    page = _Page()
    page.read(decoded(html, declared[1].decode("ascii") if declared else ""))
    yield from judge_sections(page.text, scenes, policy)
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
        yield unjudged(scenes, f"{elsewhere} pictures are elsewhere and are not fetched", "image")
    if page.frames:
        yield unjudged(scenes, f"{page.frames} frames or films are not looked into", "image")


@dataclass
class _Page:
    """What a reader gets of a page: its words, and the addresses of its pictures."""

    words: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    frames: int = 0

    def read(self, html: str, depth: int = 0) -> None:
        parser = _Parser(self, depth)
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
        if tag not in _INLINE:
            self._page.words.append("\n")
        if tag in _SILENT:
            self._silent = tag
        given = {name: value or "" for name, value in attrs}
        for name in _SPOKEN:
            if text := given.get(name):
                self._page.words.append(f"\n{text}\n")
        if tag == "meta" and (text := given.get("content")):
            self._page.words.append(f"\n{text}\n")
        if tag == "input" and (text := given.get("value")):
            self._page.words.append(f"\n{text}\n")
        for element, attribute in _LOOKED_AT:
            if tag == element and (address := given.get(attribute)):
                self._page.pictures.append(address.strip())
        self._page.pictures += _CSS_DATA.findall(given.get("style", ""))
        if text := given.get("srcdoc"):
            if self._depth < MAX_FRAMES:
                self._page.read(text, self._depth + 1)
            else:
                self._page.frames += 1
        elif tag in ("iframe", "frame", "embed", "object", "video", "audio"):
            self._page.frames += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        if tag not in _INLINE:
            self._page.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._page.words.append(data)
        elif self._silent == "style":
            self._page.pictures += _CSS_DATA.findall(data)


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

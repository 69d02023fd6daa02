"""`format/svgc`: a smaller SVG that looks the same (CI manual 004:6906).

An SVG is a program as much as a picture. What could run, load or point outside is not removed but
refused: the owner learns of it, and nothing hostile is published under a new name.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from localcloud.imaging.errors import BAD_FORMAT, BAD_PARAMETER, DAMAGED, TOO_SLOW, ImageError
from localcloud.imaging.geometry import Size
from shared import rules

NAME, CONTENT_TYPE = "svg", "image/svg+xml"
MAX_ELEMENTS = 200_000
MAX_DEPTH = 200
_SECONDS = 20.0
_WORKER = Path(__file__).with_name("svg_worker.py")
_ROOT = "{http://www.w3.org/2000/svg}svg"
_ACTIVE = frozenset(("script", "foreignobject", "iframe", "embed", "object", "audio", "video",
                     "handler", "listener", "link"))  # fmt: skip
_ANIMATED_LINK = re.compile(r"(?:.*:)?(?:href|src|on\w+|style)", re.IGNORECASE)
_INSIDE = re.compile(r"#|data:image/(?:png|jpe?g|gif|webp)[;,]", re.IGNORECASE)
_LINK = re.compile(r"#|https?://|mailto:", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.IGNORECASE | re.DOTALL)
_CSS_URL = re.compile(r"url\(\s*[\"']?\s*([^\"')]*)", re.IGNORECASE)
_CSS_LOADS = re.compile(r"@import|expression\s*\(|image-set\s*\(|-moz-binding", re.IGNORECASE)
_LARGEST = 999_999
_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+)(px|pt|pc|mm|cm|in)?\s*")
_PX = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, None: 1.0}
_UNREADABLE = (ParseError, DefusedXmlException, ValueError, LookupError)
DEFAULT = Size(300, 150)  # what a browser gives a drawing that says nothing


@dataclass(frozen=True)
class Drawing:
    """A checked SVG: its bytes, and its size in px."""

    data: bytes
    size: Size


def is_svg(data: bytes) -> bool:
    """Whether the file begins as an SVG does; the rest may be wrong."""
    if not data.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith((b"<", b"\0<")):
        return False
    root = _root(data)
    # One that cannot be read is told so by `check`.
    return b"<svg" in data[:4096] if root is None else root.tag == _ROOT


def unchecked(data: bytes) -> Drawing:
    """The drawing as it is, for answers with the original; its size as far as it can be read."""
    root = _root(data)
    return Drawing(data, DEFAULT if root is None else _size(root))


def wants(rule: rules.Rule) -> bool:
    """Whether the rule is SVG compression."""
    return any(
        isinstance(operation, rules.Format) and operation.name == "svgc"
        for stage in rule.stages
        if isinstance(stage, rules.ImageMogr2)
        for operation in stage.operations
    )


def compress(data: bytes, rule: rules.Rule) -> Drawing:
    """The drawing without what does not show; the source itself where nothing is gained.

    Raises ImageError: no SVG, other operations beside `svgc`, anything active or outside in the
    drawing, too many elements, over 20 seconds.
    """
    [stage] = rule.stages if len(rule.stages) == 1 else [None]
    alone = (rules.Format, rules.Strip)
    if not isinstance(stage, rules.ImageMogr2) or not all(
        isinstance(operation, alone) for operation in stage.operations
    ):
        raise ImageError(BAD_PARAMETER, "format/svgc stands alone, or beside strip")
    if not is_svg(data):
        raise ImageError(BAD_FORMAT, "format/svgc is for SVG sources")
    drawing = check(data)
    smaller = _run(data)
    return drawing if len(smaller) >= len(data) else Drawing(smaller, drawing.size)


def check(data: bytes) -> Drawing:
    """The drawing, seen to be still and whole. Raises ImageError."""
    root: Element | None = None
    depth = count = 0
    try:
        for event, node in iterparse(io.BytesIO(data), events=("start", "end", "pi")):
            if event == "start":
                root = node if root is None else root
                depth, count = depth + 1, count + 1
                if count > MAX_ELEMENTS or depth > MAX_DEPTH:
                    raise ImageError(
                        BAD_FORMAT,
                        f"the SVG has over {MAX_ELEMENTS} elements or over {MAX_DEPTH} inside "
                        "each other",
                    )
                _check_element(node)
            elif event == "end":
                depth -= 1
                if _local(node.tag) == "style":
                    _check_css("style", "".join(node.itertext()))
                elif node is not root:
                    node.clear()
            elif (node.text or "").startswith("xml-stylesheet"):
                raise _refused("xml-stylesheet", "a style sheet outside")
    except DefusedXmlException as error:
        raise _refused("DOCTYPE", f"entities ({type(error).__name__})") from None
    except _UNREADABLE as error:
        raise ImageError(DAMAGED, f"the SVG cannot be read: {error}") from None
    if root is None or root.tag != _ROOT:
        raise ImageError(BAD_FORMAT, "the source is no SVG")
    return Drawing(data, _size(root))


def _check_element(node: Element) -> None:
    name = _local(node.tag)
    if name.lower() in _ACTIVE:
        raise _refused(f"<{name}>", "what can run or load")
    for attribute, value in node.attrib.items():
        word = _local(attribute).lower()
        place = f"<{name} {word}>"
        if word.startswith("on"):
            raise _refused(place, "what runs on an event")
        if word in ("href", "src", "base"):
            allowed = _LINK if name == "a" else _INSIDE
            if not allowed.match(value.strip()):
                raise _refused(place, f"{value.strip()[:60]!r}, which points outside")
        elif word == "attributename" and _ANIMATED_LINK.fullmatch(value.strip()):
            raise _refused(place, f"{value.strip()[:60]!r}, which would change a link")
        else:
            _check_css(place, value)


def _check_css(place: str, text: str) -> None:
    if not ("(" in text or "@" in text or "\\" in text or "binding" in text):
        return
    plain = _CSS_ESCAPE.sub(_unescaped, _CSS_COMMENT.sub("", text))
    if _CSS_LOADS.search(plain):
        raise _refused(place, "a style that loads or runs")
    for target in _CSS_URL.findall(plain):
        if not _INSIDE.match(target):
            raise _refused(place, f"url({target[:60]}), which points outside")


def _unescaped(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2]
    number = int(found[1], 16)
    return chr(number) if 0 < number < 0x110000 else "\ufffd"


def _refused(place: str, what: str) -> ImageError:
    return ImageError(
        BAD_FORMAT, f"the SVG has {what}, in {place}: only still drawings in one file are allowed"
    )


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _root(data: bytes) -> Element | None:
    try:
        _, element = next(iter(iterparse(io.BytesIO(data), events=("start",))))
    except (*_UNREADABLE, StopIteration):
        return None
    root: Element = element
    return root


def _size(root: Element) -> Size:
    sides = [_px(root.get(name, "")) for name in ("width", "height")]
    if None in sides:
        box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
        sides = [_px(word) for word in box[2:]] if len(box) == 4 else list(DEFAULT)
    width, height = (max(1, min(round(side or 1), _LARGEST)) for side in sides)
    return Size(width, height)


def _px(text: str) -> float | None:
    found = _LENGTH.fullmatch(text[:40])
    return float(found[1]) * _PX[found[2]] if found else None


def _run(data: bytes) -> bytes:
    """In a process of its own: it is pure Python that could be kept busy, and can be ended."""
    command = [sys.executable, "-I", str(_WORKER)]
    try:
        done = subprocess.run(  # noqa: S603 - our own file
            command, input=data, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageError(TOO_SLOW, f"over {_SECONDS:g} seconds for this SVG") from None
    if done.returncode:
        raise ImageError(DAMAGED, "the SVG cannot be compressed")
    return done.stdout

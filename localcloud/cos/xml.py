"""XML in and out of COS's answers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from localcloud.errors import ServiceError, xml_text

DECLARATION = '<?xml version="1.0" encoding="UTF-8" ?>'


def element(name: str, *children: object) -> str:
    """`<name>` with children: finished elements from this function, or text to be escaped."""
    inner = "".join(
        child if isinstance(child, Markup) else xml_text(str(child)) for child in children
    )
    return Markup(f"<{name}>{inner}</{name}>")


class Markup(str):
    """XML that is finished, not text to be escaped."""

    __slots__ = ()


def document(root: str, children: Iterable[object]) -> str:
    """A whole document."""
    return f"{DECLARATION}\n{element(root, *children)}"


def parse(body: bytes, root: str) -> Element:
    """A request's body. Raises MalformedXML, for entities and other bombs too."""
    try:
        parsed: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ServiceError("MalformedXML", f"the body is no XML: {error}") from None
    for node in parsed.iter():
        node.tag = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
    if parsed.tag != root:
        raise ServiceError("MalformedXML", f"the body is a <{parsed.tag}>: <{root}> is expected")
    return parsed


def iso_time(seconds: float) -> str:
    """`2026-11-21T08:00:00.000Z`"""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def whole_time(seconds: float) -> str:
    """`2026-11-21T08:00:00Z`"""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@lru_cache(maxsize=256)
def http_time(seconds: float) -> str:
    """`Sat, 21 Nov 2026 08:00:00 GMT`"""
    return formatdate(seconds, usegmt=True)

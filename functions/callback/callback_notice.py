"""The body of a callback -> which jobs it speaks of. Nothing else in it is believed.

CI writes XML or JSON, for audits in a simple and a detailed form, `JobsDetail` once or in a list,
the whole bare or in a `Response` (CI manual 004:69821, 74283, 74597, 32961; audits: vendor's pages
436/48540, 1045/48256).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from xml.parsers import expat

MAX_BODY = 4 << 20  # bytes; a video's detailed form tells of each of its snapshots
MAX_JOBS = 20  # of one callback; a workflow has a few
_MAX_DEPTH = 32  # elements within each other
_MAX_TEXT = 2048  # characters of a value that is looked at

_JOBS = (
    ("JobsDetail", "JobId"),
    ("data", "trace_id"),
    ("WorkflowExecution", "RunId"),
    ("WorkflowExecution", "Tasks", "JobId"),
)
_BUCKETS = (
    ("JobsDetail", "BucketId"),
    ("JobsDetail", "Input", "BucketId"),
    ("WorkflowExecution", "BucketId"),
)
_URLS = (("data", "url"),)
_HOST = re.compile(r"https?://([a-z0-9-]+-[0-9]+)\.cos[.-]")
_ROOT = "Response"


class NoticeError(ValueError):
    """The body is no callback of CI; the message says what is expected."""


class Notice(NamedTuple):
    """`jobs` are ids as the body has them, empty for CI's own test of the address; `bucket` is the
    one that it names, if any."""

    jobs: tuple[str, ...]
    bucket: str = ""


def read(body: bytes) -> Notice:
    """Raises `NoticeError`."""
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        found = _from_xml(text)
    elif text.startswith(b"{"):
        found = _from_json(text)
    else:
        raise NoticeError("the body is neither XML nor a JSON object")
    jobs = dict.fromkeys(_values(found, _JOBS))
    hosts = (_HOST.match(url) for url in _values(found, _URLS))
    buckets = [*_values(found, _BUCKETS), *(host[1] for host in hosts if host)]
    return Notice(tuple(jobs)[:MAX_JOBS], buckets[0] if buckets else "")


_Path = tuple[str, ...]
_Found = dict[_Path, list[str]]
_WANTED = frozenset((*_JOBS, *_BUCKETS, *_URLS))


def _values(found: _Found, paths: Iterable[_Path]) -> Iterator[str]:
    return (text for path in paths for text in found.get(path, ()) if text)


def _from_json(body: bytes) -> _Found:
    try:
        # Numbers stay texts: none is needed, and a long one takes long to read.
        document = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise NoticeError("the body is no JSON") from None
    if isinstance(document, dict) and isinstance(document.get(_ROOT), dict):
        document = document[_ROOT]
    return {path: list(_at(document, path)) for path in _WANTED}


def _at(node: Any, path: _Path) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            if not isinstance(each, list):
                yield from _at(each, path)
    elif not path:
        if isinstance(node, str) and len(node) <= _MAX_TEXT:
            yield node
    elif isinstance(node, dict) and path[0] in node:
        yield from _at(node[path[0]], path[1:])


class _Reader:
    """Collects the texts of the wanted elements, and builds nothing of the others."""

    def __init__(self) -> None:
        self.found: _Found = {path: [] for path in _WANTED}
        self._path: list[str] = []
        self._text: list[str] | None = None

    def start(self, name: str, _: object) -> None:
        if len(self._path) >= _MAX_DEPTH:
            raise NoticeError(f"the body's elements are nested deeper than {_MAX_DEPTH}")
        self._path.append(name)
        self._text = [] if tuple(self._path[1:]) in self.found else None

    def end(self, _: str) -> None:
        if self._text is not None:
            text = "".join(self._text).strip()
            if len(text) <= _MAX_TEXT:
                self.found[tuple(self._path[1:])].append(text)
        self._path.pop()
        self._text = None

    def text(self, text: str) -> None:
        if self._text is not None and len(self._text) < _MAX_TEXT:
            self._text.append(text)

    def doctype(self, *_: object) -> None:
        # Entities, which can make a few bytes endless, are declared there and nowhere else.
        raise NoticeError("the body has a DOCTYPE: CI writes none")


def _from_xml(body: bytes) -> _Found:
    reader, parser = _Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise NoticeError("the body is no XML") from None
    return reader.found

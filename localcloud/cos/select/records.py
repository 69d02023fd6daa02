"""The object as records: CSV, JSON lines, JSON documents; compressed or not, never held whole.

Only a JSON document must be read as one piece, and may have `MAX_DOCUMENT` bytes.
"""

from __future__ import annotations

import bz2
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.expressions import Record, Step
from localcloud.cos.select.serialization import CsvInput, JsonInput
from localcloud.cos.select.values import MISSING, Value

MAX_RECORD = 1 << 20
MAX_DOCUMENT = 64 << 20
_CHUNK = 256 * 1024
_SPACE = " \t\r\n"
_MAX_NESTING = "the document is nested too deep"


class Source:
    """The object's first `size` bytes of a file, decompressed; counts both sides."""

    def __init__(self, file: IO[bytes], size: int, compression: str) -> None:
        self._raw = _Bounded(file, size)
        self.processed = 0
        raw: Any = self._raw
        self._file: Any = raw
        if compression == "GZIP":
            self._file = gzip.GzipFile(fileobj=raw)
        elif compression == "BZIP2":
            self._file = bz2.BZ2File(raw)

    @property
    def scanned(self) -> int:
        """Bytes read of the object."""
        return self._raw.done

    def read(self) -> bytes:
        """The next bytes, none at the end. Raises `SelectError` InvalidCompressionFormat."""
        try:
            chunk: bytes = self._file.read(_CHUNK)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise SelectError(
                "InvalidCompressionFormat", f"the object cannot be decompressed: {error}"
            ) from None
        self.processed += len(chunk)
        return chunk


class _Bounded:
    """The part of a file that counts: read-only, as far as gzip and bz2 need it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size, self.done = file, size, 0

    def read(self, length: int = -1) -> bytes:
        left = self._size - self.done
        chunk = self._file.read(left if length < 0 else min(length, left))
        self.done += len(chunk)
        return chunk

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


@dataclass(frozen=True)
class CsvRecord:
    """The fields of a line; `names` are the header's, as they stand and in lower case."""

    values: list[str]
    names: dict[str, int]

    def get(self, steps: tuple[Step, ...]) -> Value:
        """A column by its name or as `_<number>`, counted from 1."""
        if len(steps) != 1 or not steps[0].name:
            raise SelectError("InvalidColumnIndex", "a column of CSV is a name or _<number>")
        [step] = steps
        at = self.names.get(step.name if step.exact else step.name.lower())
        if at is None and step.name[0] == "_" and step.name[1:].isdigit() and len(step.name) < 9:
            at = int(step.name[1:]) - 1
        if at is None or at < 0:
            raise SelectError("MissingHeaders", f"the object has no column {step.name[:50]!r}")
        return self.values[at] if at < len(self.values) else MISSING


@dataclass(frozen=True)
class JsonRecord:
    """One JSON value."""

    data: Any

    def get(self, steps: tuple[Step, ...]) -> Value:
        """What the steps lead to; MISSING where they lead nowhere."""
        return follow(self.data, steps)


def follow(data: Any, steps: tuple[Step, ...]) -> Value:
    """The part of a JSON value; names count in their case first, then in any."""
    for step in steps:
        if step.index is not None:
            data = (
                data[step.index] if isinstance(data, list) and step.index < len(data) else MISSING
            )
        elif not isinstance(data, dict):
            return MISSING
        elif step.name in data or step.exact:
            data = data.get(step.name, MISSING)
        else:
            wanted = step.name.lower()
            data = next((value for name, value in data.items() if name.lower() == wanted), MISSING)
        if data is MISSING:
            return MISSING
    return data


def read(
    source: Source, form: CsvInput | JsonInput, path: tuple[Step | None, ...]
) -> Iterator[Record]:
    """The records of an object, those that FROM's `path` leads to. Raises `SelectError`."""
    if isinstance(form, CsvInput):
        if any(step is not None for step in path):
            raise SelectError("InvalidDataSource", "FROM a path: CSV has no fields within records")
        return _csv(source, form)
    documents = _lines(source) if form.lines else _documents(source)
    return (JsonRecord(item) for document in documents for item in _reached(document, path))


def _reached(data: Any, path: tuple[Step | None, ...]) -> Iterator[Any]:
    if not path:
        yield data
        return
    step, *rest = path
    if step is None:
        # [*] of what is no list is the thing itself: each line of JSON lines is one.
        for item in data if isinstance(data, list) else [data]:
            yield from _reached(item, tuple(rest))
    elif (found := follow(data, (step,))) is not MISSING:
        yield from _reached(found, tuple(rest))


def _split(source: Source, delimiter: bytes) -> Iterator[str]:
    rest = b""
    while chunk := source.read():
        *lines, rest = (rest + chunk).split(delimiter)
        for line in lines:
            yield _text(line)
        if len(rest) > MAX_RECORD:
            raise _too_long()
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    if len(line) > MAX_RECORD:
        raise _too_long()
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise SelectError("InvalidTextEncoding", "the object is not UTF-8") from None


def _too_long() -> SelectError:
    return SelectError("OverMaxRecordSize", f"a record has over {MAX_RECORD} bytes")


def _csv(source: Source, form: CsvInput) -> Iterator[Record]:
    names: dict[str, int] = {}
    header = form.header != "NONE"
    first = True
    for line in _csv_lines(source, form):
        text = line.removeprefix("\ufeff") if first else line
        first = False
        if form.record == "\n":
            text = text.removesuffix("\r")
        if not text or (form.comments and text.startswith(form.comments)):
            continue
        values = _fields(text, form)
        if header:
            header = False
            if form.header == "USE":
                for at, name in enumerate(values):
                    names.setdefault(name, at)
                for at, name in enumerate(values):
                    names.setdefault(name.lower(), at)
            continue
        yield CsvRecord(values, names)


def _csv_lines(source: Source, form: CsvInput) -> Iterator[str]:
    lines = _split(source, form.record.encode())
    if not form.quoted_records or not form.quote:
        yield from lines
        return
    held: list[str] = []
    size = quotes = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > MAX_RECORD:
            raise _too_long()
        # A doubled quote counts twice, so an even number means that all are closed.
        quotes += line.count(form.quote)
        if quotes % 2 == 0:
            yield form.record.join(held)
            held, size, quotes = [], 0, 0
    if held:
        raise SelectError("CSVUnescapedQuote", "a quote is opened and never closed")


def _fields(line: str, form: CsvInput) -> list[str]:
    if not form.quote or form.quote not in line:
        return line.split(form.field)
    fields, at = [], 0
    while True:
        if not line.startswith(form.quote, at):
            end = line.find(form.field, at)
            fields.append(line[at:] if end < 0 else line[at:end])
        else:
            value, end = _quoted(line, at + 1, form)
            fields.append(value)
            if end < len(line) and line[end] != form.field:
                raise SelectError("CSVParsingError", "a quoted field goes on behind its quote")
            end = end if end < len(line) else -1
        if end < 0:
            return fields
        at = end + 1


def _quoted(line: str, at: int, form: CsvInput) -> tuple[str, int]:
    """A quoted field's text, and where the line goes on."""
    pieces = []
    while True:
        end = line.find(form.quote, at)
        if end < 0:
            raise SelectError("CSVUnescapedQuote", "a quote is opened and never closed")
        if form.escape != form.quote and end > at and line[end - 1] == form.escape:
            pieces.append(line[at : end - 1] + form.quote)
            at = end + 1
        elif form.escape == form.quote and line.startswith(form.quote, end + 1):
            pieces.append(line[at : end + 1])
            at = end + 2
        else:
            pieces.append(line[at:end])
            return "".join(pieces), end + 1


_DECODER = json.JSONDecoder(parse_float=Decimal)


def _lines(source: Source) -> Iterator[Any]:
    for line in _split(source, b"\n"):
        if text := line.strip(_SPACE).removeprefix("\ufeff"):
            value, end = _decoded(text, 0)
            if text[end:].strip(_SPACE):
                raise SelectError("JSONParsingError", "a line holds more than one document")
            yield value


def _documents(source: Source) -> Iterator[Any]:
    data = bytearray()
    while chunk := source.read():
        data += chunk
        if len(data) > MAX_DOCUMENT:
            raise SelectError(
                "OverMaxRecordSize", f"a JSON DOCUMENT may have {MAX_DOCUMENT} bytes: use LINES"
            )
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise SelectError("InvalidTextEncoding", "the object is not UTF-8") from None
    at = 0
    while True:
        while at < len(text) and text[at] in _SPACE:
            at += 1
        if at == len(text):
            return
        value, at = _decoded(text, at)
        yield value


def _decoded(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError:
        raise SelectError("JSONParsingError", _MAX_NESTING) from None
    except ValueError as error:
        raise SelectError("JSONParsingError", f"the object is no JSON: {error}"[:300]) from None

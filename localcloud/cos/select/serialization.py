"""How the object is written and how the result shall be: the request's XML, checked."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from localcloud.cos.select.errors import SelectError
from localcloud.errors import ServiceError

COMPRESSIONS = ("NONE", "GZIP", "BZIP2")


@dataclass(frozen=True)
class CsvInput:
    """`header` is USE, IGNORE or NONE."""

    header: str = "NONE"
    record: str = "\n"
    field: str = ","
    quote: str = '"'
    escape: str = '"'
    comments: str = ""
    quoted_records: bool = False


@dataclass(frozen=True)
class JsonInput:
    """`lines`: a document in each line; else documents one behind the other."""

    lines: bool


@dataclass(frozen=True)
class CsvOutput:
    """`always`: all fields in quotes."""

    always: bool = False
    record: str = "\n"
    field: str = ","
    quote: str = '"'
    escape: str = '"'


@dataclass(frozen=True)
class JsonOutput:
    """`record` stands behind each document."""

    record: str = "\n"


@dataclass(frozen=True)
class SelectRequest:
    """A whole SELECT Object Content request."""

    expression: str
    compression: str
    input: CsvInput | JsonInput
    output: CsvOutput | JsonOutput
    progress: bool


def read(root: Element) -> SelectRequest:
    """The body's meaning. Raises `SelectError` that names the element."""
    expression = root.findtext("Expression") or ""
    if not expression.strip():
        raise SelectError("MissingRequiredParameter", "Expression is missing")
    kind = (root.findtext("ExpressionType") or "").strip()
    if kind.upper() != "SQL":
        raise SelectError("InvalidExpressionType", f"ExpressionType is {kind[:20]!r}: SQL is")
    if root.find("ScanRange") is not None:
        raise ServiceError("NotImplemented", "ScanRange is not played by the local cloud")
    source, target = root.find("InputSerialization"), root.find("OutputSerialization")
    if source is None or target is None:
        raise SelectError(
            "MissingRequiredParameter", "InputSerialization and OutputSerialization are needed"
        )
    compression = (source.findtext("CompressionType") or "NONE").strip().upper()
    if compression not in COMPRESSIONS:
        raise SelectError(
            "InvalidCompressionFormat",
            f"CompressionType is {compression[:20]!r}: {', '.join(COMPRESSIONS)}",
        )
    progress = (root.findtext("RequestProgress/Enabled") or "").strip().lower() == "true"
    return SelectRequest(expression, compression, _input(source), _output(target), progress)


def _input(source: Element) -> CsvInput | JsonInput:
    if source.find("Parquet") is not None:
        raise ServiceError("NotImplemented", "Parquet is not played by the local cloud")
    if (node := source.find("JSON")) is not None:
        kind = (node.findtext("Type") or "").strip().upper()
        if kind not in ("DOCUMENT", "LINES"):
            raise SelectError("InvalidJsonType", f"JSON/Type is {kind[:20]!r}: DOCUMENT or LINES")
        return JsonInput(lines=kind == "LINES")
    if (node := source.find("CSV")) is None:
        raise SelectError("InvalidDataSource", "InputSerialization holds neither CSV nor JSON")
    header = (node.findtext("FileHeaderInfo") or "NONE").strip().upper()
    if header not in ("USE", "IGNORE", "NONE"):
        raise SelectError(
            "InvalidFileHeaderInfo", f"FileHeaderInfo is {header[:20]!r}: USE, IGNORE or NONE"
        )
    quoted = (node.findtext("AllowQuotedRecordDelimiter") or "").strip().upper()
    return CsvInput(
        header,
        _characters(node, "RecordDelimiter", "\n", 2),
        _characters(node, "FieldDelimiter", ",", 1),
        _characters(node, "QuoteCharacter", '"', 1, may_be_empty=True),
        _characters(node, "QuoteEscapeCharacter", '"', 1, may_be_empty=True),
        _characters(node, "Comments", "", 1, may_be_empty=True),
        quoted == "TRUE",
    )


def _output(target: Element) -> CsvOutput | JsonOutput:
    if (node := target.find("JSON")) is not None:
        return JsonOutput(_characters(node, "RecordDelimiter", "\n", 2))
    if (node := target.find("CSV")) is None:
        raise SelectError("InvalidDataSource", "OutputSerialization holds neither CSV nor JSON")
    quotes = (node.findtext("QuoteFields") or "ASNEEDED").strip().upper()
    if quotes not in ("ALWAYS", "ASNEEDED"):
        raise SelectError("InvalidQuoteFields", f"QuoteFields is {quotes[:20]!r}: ALWAYS, ASNEEDED")
    return CsvOutput(
        quotes == "ALWAYS",
        _characters(node, "RecordDelimiter", "\n", 2),
        _characters(node, "FieldDelimiter", ",", 1),
        _characters(node, "QuoteCharacter", '"', 1),
        _characters(node, "QuoteEscapeCharacter", '"', 1),
    )


def _characters(
    node: Element, name: str, default: str, most: int, *, may_be_empty: bool = False
) -> str:
    found = node.find(name)
    if found is None:
        return default
    text = found.text or ""
    # A bare line feed between two tags is easily lost: the service reads these escapes too.
    text = {"\\n": "\n", "\\r\\n": "\r\n", "\\t": "\t", "\\r": "\r"}.get(text, text)
    if not text and not may_be_empty:
        return default
    if len(text) > most:
        raise SelectError(
            "InvalidTextEncoding", f"{name} has up to {most} characters: {text[:20]!r}"
        )
    return text

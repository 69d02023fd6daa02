"""Rows of a result as CSV or JSON text."""

from __future__ import annotations

import json
import math
from datetime import datetime

from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.expressions import Record
from localcloud.cos.select.parser import Query
from localcloud.cos.select.records import MAX_RECORD, CsvRecord, JsonRecord
from localcloud.cos.select.serialization import CsvOutput, JsonOutput
from localcloud.cos.select.values import MISSING, Value, moment, text_of

Row = list[tuple[str, Value]]


def row_of(query: Query, record: Record) -> Row:
    """What a query makes of one record: names and values."""
    if query.columns is not None:
        return [(column.name, column.node.evaluate(record)) for column in query.columns]
    if isinstance(record, CsvRecord):
        names = {at: name for name, at in reversed(record.names.items())}
        return [(names.get(at, f"_{at + 1}"), value) for at, value in enumerate(record.values)]
    data = record.data if isinstance(record, JsonRecord) else None
    return list(data.items()) if isinstance(data, dict) else [("_1", data)]


def written(row: Row, form: CsvOutput | JsonOutput) -> bytes:
    """One row with its delimiter. Raises `SelectError` OverMaxRecordSize."""
    if isinstance(form, CsvOutput):
        text = form.field.join(_field(value, form) for _, value in row)
    else:
        members = (f"{_json(name)}:{_json(value)}" for name, value in row if value is not MISSING)
        text = f"{{{','.join(members)}}}"
    data = f"{text}{form.record}".encode("utf-8", "replace")
    if len(data) > MAX_RECORD + len(form.record):
        raise SelectError(
            "OverMaxRecordSize", f"a record of the result has over {MAX_RECORD} bytes"
        )
    return data


def _field(value: Value, form: CsvOutput) -> str:
    text = _json(value) if isinstance(value, dict | list) else text_of(value)
    special = (form.field, form.quote, form.record, "\n", "\r")
    if form.always or any(mark in text for mark in special):
        return f"{form.quote}{text.replace(form.quote, form.escape + form.quote)}{form.quote}"
    return text


def _json(value: Value) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or value is MISSING or (isinstance(value, float) and not math.isfinite(value)):
        return "null"
    if isinstance(value, dict):
        return f"{{{','.join(f'{_json(str(k))}:{_json(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    return json.dumps(moment(value)) if isinstance(value, datetime) else text_of(value)

"""The values of a query: conversion, comparison and arithmetic as COS Select defines them.

A value is None (null), bool, int (64 bits), float, Decimal (38 digits), str, datetime (with a
zone), or what JSON nests; MISSING is a field that a record does not have. CSV has text alone, so
text that meets a number is read as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from localcloud.cos.select.errors import SelectError

Value = Any
_INT64 = 2**63
_DECIMAL = Context(prec=38, Emin=-999, Emax=999, traps=[InvalidOperation, DivisionByZero, Overflow])
_INTEGER = re.compile(r"[+-]?[0-9]{1,25}")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
)


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def is_null(value: Value) -> bool:
    """Whether it is null or missing: no operation but IS and COALESCE tells them apart."""
    return value is None or value is MISSING


def number(value: Value) -> int | float | Decimal | None:
    """A number, or what text says of one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, str):
        text = value.strip()
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            try:
                return _DECIMAL.create_decimal(text)
            except (InvalidOperation, Overflow):
                return float(text)
    return None


def compare(first: Value, second: Value) -> int | None:
    """-1, 0, 1; None where one is null or the two cannot be compared."""
    if is_null(first) or is_null(second):
        return None
    left: Value = first
    right: Value = second
    if isinstance(first, bool) or isinstance(second, bool):
        left, right = _boolean(first), _boolean(second)
    elif isinstance(first, dict | list) or isinstance(second, dict | list):
        return 0 if first == second else None
    elif not any(isinstance(first, kind) and isinstance(second, kind) for kind in (str, datetime)):
        left, right = number(first), number(second)
    return None if left is None or right is None else (left > right) - (left < right)


def _boolean(value: Value) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def arithmetic(sign: str, first: Value, second: Value) -> Value:
    """+ - * / %; null with null. Raises `SelectError` for what is no number or gets too large."""
    if is_null(first) or is_null(second):
        return None
    left, right = number(first), number(second)
    if left is None or right is None:
        wrong = first if left is None else second
        raise SelectError("EvaluatorInvalidArguments", f"{str(wrong)[:50]!r} {sign} ...: no number")
    try:
        if isinstance(left, float) or isinstance(right, float):
            return _FLOAT[sign](float(left), float(right))
        if isinstance(left, int) and isinstance(right, int):
            return checked_int(_INT[sign](left, right))
        return _EXACT[sign](Decimal(left), Decimal(right))
    except (ZeroDivisionError, DivisionByZero, InvalidOperation):
        raise SelectError("DivideByZero", "a division by zero") from None
    except (OverflowError, Overflow, ValueError):
        raise _overflow() from None


def checked_int(value: int) -> int:
    """Raises `SelectError` IntegerOverflow outside of 64 bits."""
    if not -_INT64 <= value < _INT64:
        raise _overflow()
    return value


def _overflow() -> SelectError:
    return SelectError("IntegerOverflow", "a number got larger than its type")


def _truncated(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_INT: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _truncated,
    "%": lambda a, b: a - b * _truncated(a, b),
}
_FLOAT: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a - b * int(a / b),
}
_EXACT: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _DECIMAL.add,
    "-": _DECIMAL.subtract,
    "*": _DECIMAL.multiply,
    "/": _DECIMAL.divide,
    "%": _DECIMAL.remainder,
}


def cast(value: Value, kind: str) -> Value:
    """CAST(value AS kind). Raises `SelectError` CastFailed."""
    if is_null(value):
        return None
    result: Value = None
    try:
        result = _CASTS[kind](value)
    except (ValueError, OverflowError, InvalidOperation, Overflow):
        result = None
    if result is None:
        raise SelectError("CastFailed", f"{str(value)[:50]!r} cannot become a {kind}")
    return result


def _to_int(value: Value) -> int | None:
    if isinstance(value, bool):
        return int(value)
    found = number(value)
    return None if found is None else checked_int(int(found))


def _to_float(value: Value) -> float | None:
    found = number(value)
    return None if found is None else float(found)


def _to_decimal(value: Value) -> Decimal | None:
    found = number(value)
    return None if found is None else _DECIMAL.create_decimal(str(found))


def _to_boolean(value: Value) -> bool | None:
    found = _boolean(value)
    if found is None and (as_number := number(value)) is not None:
        return as_number != 0
    return found


def timestamp(value: Value) -> datetime | None:
    """A moment, or ISO 8601 text of one (`2007T`, `2007-04T`, `2007-04-05T14:30Z` ...)."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{4}T?", text):
        text = f"{text[:4]}-01-01"
    elif re.fullmatch(r"[0-9]{4}-[0-9]{2}T?", text):
        text = f"{text[:7]}-01"
    date = datetime.fromisoformat(text.removesuffix("T"))
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def text_of(value: Value) -> str:
    """A value as text, as it goes into CSV."""
    if is_null(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Decimal):
        return f"{value:f}" if -30 < value.adjusted() < 40 else str(value)
    return str(value)


def moment(value: datetime) -> str:
    """`2007-04-05T14:30:00Z`"""
    text = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


_CASTS: dict[str, Callable[[Value], Value]] = {
    "BOOL": _to_boolean,
    "INT": _to_int,
    "FLOAT": _to_float,
    "DECIMAL": _to_decimal,
    "STRING": text_of,
    "TIMESTAMP": timestamp,
}
TYPES = {
    "BOOL": "BOOL", "BOOLEAN": "BOOL", "INT": "INT", "INTEGER": "INT", "FLOAT": "FLOAT",
    "DOUBLE": "FLOAT", "DECIMAL": "DECIMAL", "NUMERIC": "DECIMAL", "STRING": "STRING",
    "VARCHAR": "STRING", "CHAR": "STRING", "TIMESTAMP": "TIMESTAMP",
}  # fmt: skip

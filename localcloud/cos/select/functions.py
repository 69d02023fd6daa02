"""The functions of COS Select. https://cloud.tencent.com/document/product/436/37637"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.values import (
    Value,
    cast,
    checked_int,
    compare,
    is_null,
    number,
    text_of,
    timestamp,
)

PARTS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TIMEZONE_HOUR", "TIMEZONE_MINUTE")
_SECONDS = {"DAY": 86_400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}
# Pieces of a TO_STRING pattern, the longest first.
_PATTERN = re.compile(
    r"'([^']*)'|y{1,4}|M{1,4}|d{1,2}|a|h{1,2}|H{1,2}|m{1,2}|s{1,2}|S{1,9}|[Xx]{1,5}"
)
_MONTHS = calendar.month_name


def coalesce(*values: Value) -> Value:
    """The first that is not null."""
    return next((value for value in values if not is_null(value)), None)


def nullif(first: Value, second: Value) -> Value:
    """Null if the two are equal."""
    return None if is_null(first) or compare(first, second) == 0 else first


def char_length(text: Value) -> Value:
    """The number of characters."""
    return None if is_null(text) else len(text_of(text))


def lower(text: Value) -> Value:
    """In lower case."""
    return None if is_null(text) else text_of(text).lower()


def upper(text: Value) -> Value:
    """In upper case."""
    return None if is_null(text) else text_of(text).upper()


def substring(text: Value, start: Value, length: Value = None) -> Value:
    """From the `start`-th character on, counted from 1; what lies before 1 counts as length."""
    if is_null(text) or is_null(start):
        return None
    first = _number(start)
    last = None if is_null(length) else first + _number(length)
    if last is not None and last < first:
        raise SelectError("EvaluatorNegativeLimit", "SUBSTRING: the length is negative")
    return text_of(text)[max(first - 1, 0) : None if last is None else max(last - 1, 0)]


def trim(text: Value, side: str = "BOTH", characters: Value = " ") -> Value:
    """Without the `characters` at its ends."""
    if is_null(text) or is_null(characters):
        return None
    subject, cut = text_of(text), text_of(characters)
    if side == "LEADING":
        return subject.lstrip(cut)
    return subject.rstrip(cut) if side == "TRAILING" else subject.strip(cut)


def extract(part: str, moment: Value) -> Value:
    """One part of a timestamp as a number."""
    if is_null(moment):
        return None
    date = _moment(moment)
    if part.startswith("TIMEZONE"):
        offset = int((date.utcoffset() or timedelta()).total_seconds())
        hours, minutes = divmod(abs(offset) // 60, 60)
        return (hours if part == "TIMEZONE_HOUR" else minutes) * (1 if offset >= 0 else -1)
    return getattr(date, part.lower())


def date_add(part: str, count: Value, moment: Value) -> Value:
    """A timestamp moved by so many parts."""
    if is_null(count) or is_null(moment):
        return None
    amount, date = _number(count), _moment(moment)
    try:
        if part in _SECONDS:
            return date + timedelta(seconds=amount * _SECONDS[part])
        months = date.year * 12 + date.month - 1 + amount * (12 if part == "YEAR" else 1)
        year, month = months // 12, months % 12 + 1
        day = min(date.day, calendar.monthrange(year, month)[1])
        return date.replace(year=year, month=month, day=day)
    except (ValueError, OverflowError, calendar.IllegalMonthError):
        raise SelectError("EvaluatorInvalidArguments", "DATE_ADD leaves the years 1-9999") from None


def date_diff(part: str, first: Value, second: Value) -> Value:
    """How many whole parts lie between two timestamps."""
    if is_null(first) or is_null(second):
        return None
    start, end = _moment(first), _moment(second)
    if part in _SECONDS:
        return int((end - start).total_seconds() / _SECONDS[part])
    if end < start:
        return -int(date_diff(part, end, start))
    months = (end.year - start.year) * 12 + end.month - start.month
    rest_start = (start.day, start.timetz().replace(tzinfo=None))
    if (end.day, end.timetz().replace(tzinfo=None)) < rest_start:
        months -= 1
    return months // 12 if part == "YEAR" else months


def to_timestamp(text: Value) -> Value:
    """Text as a timestamp."""
    return cast(text, "TIMESTAMP")


def to_string(moment: Value, pattern: Value) -> Value:
    """A timestamp as text: y M d a h H m s S X x, and 'text' as it is."""
    if is_null(moment) or is_null(pattern):
        return None
    date = _moment(moment)
    return _PATTERN.sub(lambda match: _formatted(match, date), text_of(pattern)[:1000])


def utcnow() -> Value:
    """Now."""
    return datetime.now(timezone.utc)


def _formatted(match: re.Match[str], date: datetime) -> str:
    piece = match[0]
    if piece.startswith("'"):
        return match[1] or "'"
    letter, width = piece[0], len(piece)
    if letter == "y":
        return f"{date.year % 100:02d}" if width == 2 else f"{date.year:0{width}d}"
    if letter == "M" and width > 2:
        return _MONTHS[date.month][: 3 if width == 3 else None]
    if letter in "aSXx":
        return _text(letter, width, date)
    value = {
        "M": date.month, "d": date.day, "h": date.hour % 12 or 12, "H": date.hour,
        "m": date.minute, "s": date.second,
    }[letter]  # fmt: skip
    return f"{value:0{width}d}"


def _text(letter: str, width: int, date: datetime) -> str:
    if letter == "a":
        return "AM" if date.hour < 12 else "PM"
    if letter == "S":
        return f"{date.microsecond:06d}".ljust(9, "0")[:width]
    offset = int((date.utcoffset() or timedelta()).total_seconds()) // 60
    if offset == 0 and letter == "X":
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    colon = ":" if width in (3, 5) else ""
    tail = "" if width == 1 and not minutes else f"{colon}{minutes:02d}"
    return f"{'-' if offset < 0 else '+'}{hours:02d}{tail}"


def _number(value: Value) -> int:
    found = number(value)
    if found is None:
        raise SelectError("EvaluatorInvalidArguments", f"{str(value)[:50]!r} is no number")
    try:
        return checked_int(int(found))
    except (OverflowError, ValueError):
        raise SelectError("EvaluatorInvalidArguments", f"{value!r} is no whole number") from None


def _moment(value: Value) -> datetime:
    try:
        found = timestamp(value)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise SelectError("EvaluatorInvalidTimestamp", f"{str(value)[:50]!r} is no timestamp")
    return found


# Name -> (function, fewest and most arguments), those that are written as plain calls.
PLAIN: dict[str, tuple[Callable[..., Value], int, int]] = {
    "COALESCE": (coalesce, 1, 100),
    "NULLIF": (nullif, 2, 2),
    "CHAR_LENGTH": (char_length, 1, 1),
    "CHARACTER_LENGTH": (char_length, 1, 1),
    "LOWER": (lower, 1, 1),
    "UPPER": (upper, 1, 1),
    "TO_TIMESTAMP": (to_timestamp, 1, 1),
    "TO_STRING": (to_string, 2, 2),
    "UTCNOW": (utcnow, 0, 0),
}

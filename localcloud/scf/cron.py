"""Seven-field cron expressions, as timer triggers have them: second to year, in UTC+8.

Fields are second, minute, hour, day, month, weekday (0 to 6 from Sunday, or SUN to SAT) and year.
Each is `*`, a number or name, a range `a-b`, a step `*/n` or `a-b/n`, or a list of those. When both
day and weekday are given, either is enough.
https://cloud.tencent.com/document/product/583/9708
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[0-9]{1,4}))?")
_FAR = 366 * 8  # days to look ahead: a 29 February comes within eight years


class CronError(ValueError):
    """An expression that cannot be read; the message names the field and what is allowed."""


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()  # of the values from `lowest` on


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _DAYS),
    _Field("year", 1970, 2099),
)


@dataclass(frozen=True)
class Cron:
    """A schedule: the allowed values of each field; None for every day, or every weekday."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None
    years: frozenset[int]

    def after(self, moment: float) -> float | None:
        """The first time after `moment` (Unix seconds); None when none comes in eight years."""
        start = datetime.fromtimestamp(int(moment) + 1, CHINA)
        for ahead in range(_FAR):
            day = start.date() + timedelta(days=ahead)
            if not self._is_due(day):
                continue
            for hour, minute, second in self._times(start if ahead == 0 else None):
                found = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=CHINA)
                return found.timestamp()
        return None

    def _is_due(self, day: date) -> bool:
        if day.year not in self.years or day.month not in self.months:
            return False
        by_day = None if self.days is None else day.day in self.days
        weekday = day.isoweekday() % 7
        by_weekday = None if self.weekdays is None else weekday in self.weekdays
        if by_day is None or by_weekday is None:
            return by_day is not False and by_weekday is not False
        return by_day or by_weekday

    def _times(self, start: datetime | None) -> Iterator[tuple[int, int, int]]:
        """The times of a day in order, from that of `start` on."""
        first = (start.hour, start.minute, start.second) if start else (0, 0, 0)
        for hour in self.hours:
            if hour < first[0]:
                continue
            for minute in self.minutes:
                if (hour, minute) < first[:2]:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= first:
                        yield hour, minute, second


def parse(text: str) -> Cron:
    """Read an expression. Raises `CronError`."""
    words = text.split()
    if len(words) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise CronError(f"has {len(words)} fields: seven are expected ({names})")
    values = [_values(word, field) for word, field in zip(words, _FIELDS, strict=True)]
    seconds, minutes, hours, days, months, weekdays, years = values
    return Cron(
        tuple(sorted(seconds)),
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        None if words[3] == "*" else frozenset(days),
        frozenset(months),
        None if words[5] == "*" else frozenset(weekdays),
        frozenset(years),
    )


def _values(word: str, field: _Field) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _wrong(field, part)
        step = int(match["step"] or 1)
        if match["first"] == "*":
            first, last = field.lowest, field.highest
            if match["last"]:
                raise _wrong(field, part)
        else:
            first = _number(match["first"], field, part)
            last = first
            if match["last"]:
                last = _number(match["last"], field, part)
            elif match["step"]:
                last = field.highest
        if step < 1 or first > last:
            raise _wrong(field, part)
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, field: _Field, part: str) -> int:
    if text.upper() in field.names:
        return field.lowest + field.names.index(text.upper())
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise _wrong(field, part)
    if not field.lowest <= int(text) <= field.highest:
        raise _wrong(field, part)
    return int(text)


def _wrong(field: _Field, part: str) -> CronError:
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return CronError(
        f"has the {field.name} {part[:40]!r}: {field.lowest} to {field.highest}{names}, `*`, "
        "`a-b`, `*/n` or a list of those is expected"
    )

"""Cron expressions of timer triggers: when they fire (UTC+8), and what is refused."""

from datetime import datetime

import pytest

from localcloud.scf.cron import CHINA, CronError, parse


def at(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA).timestamp()


@pytest.mark.parametrize(
    ("expression", "now", "expected"),
    [
        ("*/5 * * * * * *", "2026-11-21 10:00:00", "2026-11-21 10:00:05"),
        ("*/5 * * * * * *", "2026-11-21 10:00:58", "2026-11-21 10:01:00"),
        ("0 */5 * * * * *", "2026-11-21 10:04:59", "2026-11-21 10:05:00"),
        ("0 0 2 1 * * *", "2026-11-21 10:00:00", "2026-12-01 02:00:00"),
        ("0 15 10 * * MON-FRI *", "2026-11-20 10:15:00", "2026-11-23 10:15:00"),
        ("0 0 10,14,16 * * * *", "2026-11-21 14:00:00", "2026-11-21 16:00:00"),
        ("0 */30 9-17 * * * *", "2026-11-21 17:30:00", "2026-11-22 09:00:00"),
        ("0 0 12 * * WED *", "2026-11-21 00:00:00", "2026-11-25 12:00:00"),
        ("0 0 12 * * 0 *", "2026-11-21 00:00:00", "2026-11-22 12:00:00"),
        ("0 0 0 29 2 * *", "2026-11-21 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 0 1 JAN,jul * *", "2026-11-21 00:00:00", "2027-01-01 00:00:00"),
        ("0 0 0 25 * SUN *", "2026-11-21 12:00:00", "2026-11-22 00:00:00"),
        ("0 0 0 25 * SUN *", "2026-11-22 12:00:00", "2026-11-25 00:00:00"),
        ("30 10/20 1 * * * *", "2026-11-21 01:10:30", "2026-11-21 01:30:30"),
        ("1-10/4 0 0 * * * *", "2026-11-21 00:00:05", "2026-11-21 00:00:09"),
        ("0 0 0 1 1 * 2030", "2026-11-21 00:00:00", "2030-01-01 00:00:00"),
        ("59 59 23 31 12 * *", "2026-11-21 00:00:00", "2026-12-31 23:59:59"),
    ],
)
def test_the_next_time(expression, now, expected):
    assert parse(expression).after(at(now)) == at(expected)


def test_a_fraction_of_a_second_does_not_fire_twice():
    schedule = parse("* * * * * * *")
    assert schedule.after(at("2026-11-21 10:00:00") + 0.5) == at("2026-11-21 10:00:01")


@pytest.mark.parametrize("expression", ["0 0 0 30 2 * *", "0 0 0 1 1 * 2020"])
def test_what_never_comes(expression):
    assert parse(expression).after(at("2026-11-21 00:00:00")) is None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("*/5 * * * *", "5 fields: seven are expected"),
        ("60 * * * * * *", "the second '60': 0 to 59"),
        ("* * 24 * * * *", "the hour '24'"),
        ("* * * 0 * * *", "the day '0': 1 to 31"),
        ("* * * * XYZ * *", "the month 'XYZ': 1 to 12 or JAN to DEC"),
        ("* * * * * 7 *", "the weekday '7': 0 to 6 or SUN to SAT"),
        ("* * * * * FRI-MON *", "the weekday 'FRI-MON'"),
        ("* * * * * * 1969", "the year '1969'"),
        ("*/0 * * * * * *", "the second '*/0'"),
        ("5- * * * * * *", "the second '5-'"),
        ("1,,2 * * * * * *", "the second ''"),
        ("*-5 * * * * * *", "the second '*-5'"),
        ("٣ * * * * * *", "the second '٣'"),
        ("", "0 fields"),
    ],
)
def test_what_is_refused(expression, said):
    with pytest.raises(CronError) as caught:
        parse(expression)
    assert said in str(caught.value)

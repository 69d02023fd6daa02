"""Retries and the pace: a fake clock, because it is about time and nothing else."""

import pytest

from shared import retries
from shared.errors import CloudError
from shared.pace import Pace


class Clock:
    def __init__(self):
        self.now, self.slept = 1000.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("shared.pace.time", clock)
    monkeypatch.setattr("shared.retries.time", clock)
    return clock


def failing(times, clock, **error):
    calls = []

    def attempt():
        calls.append(clock.now)
        if len(calls) <= times:
            raise CloudError("SlowDown", "x", status=503, **error)
        return len(calls)

    return attempt


def test_pauses_double_and_half_of_each_is_chance(clock):
    assert retries.run(failing(7, clock), attempts=8, deadline=2000) == 8
    for number, pause in enumerate(clock.slept):
        whole = min(0.2 * 2**number, 5.0)
        assert whole / 2 <= pause <= whole


def test_the_service_says_when_to_come_again(clock):
    retries.run(failing(1, clock, retry_after=7.0), attempts=2, deadline=2000)
    assert clock.slept == [7.0]


def test_a_wait_that_passes_the_deadline_is_not_begun(clock):
    with pytest.raises(CloudError):
        retries.run(failing(1, clock, retry_after=60.0), attempts=5, deadline=clock.now + 30)
    assert clock.slept == []


def test_an_instance_starts_with_its_share(clock):
    pace = Pace(100, 5)
    for _ in range(25):
        pace.wait(clock.now + 100)
    assert 3.9 <= clock.now - 1000 <= 4.1  # a second's worth at once, then five a second


def test_answers_make_it_faster_up_to_the_limit_and_refusals_slower(clock):
    pace = Pace(100, 5)
    pace.answered()
    assert pace.rate == pytest.approx(5.1)
    for _ in range(2000):
        pace.answered()
    assert pace.rate == 100
    pace.refused()
    assert pace.rate == 50
    for _ in range(50):
        pace.refused()
    assert pace.rate == pytest.approx(0.2)


def test_nothing_is_sent_at_once_after_a_refusal(clock):
    pace = Pace(100, 5)
    pace.refused()
    pace.wait(clock.now + 100)
    assert clock.slept == [pytest.approx(1 / 2.5)]


def test_no_place_before_the_deadline_is_an_error_that_can_pass(clock):
    pace = Pace(1, 1)
    pace.wait(clock.now + 10)
    with pytest.raises(CloudError, match="no place left") as caught:
        pace.wait(clock.now + 1)
    assert caught.value.retryable

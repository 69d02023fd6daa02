"""Jobs share a budget of memory: they wait for it, and a large one runs alone."""

import threading

import pytest

from localcloud.imaging import LIMITS, footprint
from localcloud.imaging.geometry import Size
from localcloud.imaging.memory import Budget
from shared.rules import parse
from shared.rules.kinds import TEXT


def test_a_job_waits_until_its_bytes_fit():
    budget, entered, order = Budget(), threading.Event(), []

    def second():
        entered.set()
        with budget.reserved(60, 100):
            order.append("second")

    with budget.reserved(60, 100):
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(5)
        thread.join(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_small_jobs_run_together():
    budget, both = Budget(), threading.Barrier(2, timeout=5)

    def job():
        with budget.reserved(50, 100):
            both.wait()

    threads = [threading.Thread(target=job) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not both.broken


def test_a_job_larger_than_the_budget_still_runs():
    budget = Budget()
    with budget.reserved(10**12, 100):
        pass
    with budget.reserved(100, 100):
        pass


SIZE = Size(1000, 500)


@pytest.mark.parametrize(
    ("text", "largest"),
    [
        ("imageMogr2/strip", 500_000),
        ("imageMogr2/thumbnail/100x", 500_000),
        ("imageMogr2/thumbnail/9000x9000!", 81_000_000),
        ("imageMogr2/thumbnail/9000x9000!/thumbnail/10x", 81_000_000),
        ("imageMogr2/thumbnail/2000x2000/pad/1", 4_000_000),
        ("imageMogr2/crop/100x100|imageMogr2/thumbnail/!999p", 998_001),
        ("imageMogr2/cut/100x100x0x0/thumbnail/!999p", 998_001),
        ("imageMogr2/rotate/45", 1061 * 1061),
        ("imageMogr2/iradius/100/thumbnail/!500p", 1_000_000),
        ("imageMogr2/scrop/3000x1000", 3_000_000),
        ("imageView2/1/w/3000/h/2000", 6_000_000),
        ("imageMogr2/thumbnail/10000x", 500_000),
        ("imageMogr2/cut/10x10x5000x0/thumbnail/9999x9999!", 500_000),
        ("watermark/2/text/SEhI", 500_000),
    ],
)
def test_the_largest_picture_on_the_way_is_known_beforehand(text, largest):
    assert footprint.largest(SIZE, parse(text), 1, LIMITS) == largest


def test_a_turned_picture_counts_turned():
    rule = parse("imageMogr2/auto-orient/thumbnail/4000x")
    assert footprint.largest(SIZE, rule, 1, LIMITS) == 8_000_000
    assert footprint.largest(SIZE, rule, 6, LIMITS) == 32_000_000


def test_a_mark_that_outgrows_a_narrow_picture_counts():
    address = "http://b-1.cos.r.myqcloud.com/m.png"
    mark = f"watermark/1/image/{TEXT.write(address)}/scatype/1/spcent/1000"
    narrow, stamps = Size(3000, 1), {address: Size(10, 10)}
    found = [
        footprint.largest(narrow, parse(mark + more), 1, LIMITS, stamps)
        for more in ("", "/batch/1/degree/45")
    ]
    assert found == [9_000_000, 9_000_000 + 4243**2]

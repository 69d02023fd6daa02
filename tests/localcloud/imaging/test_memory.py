"""Jobs share a budget of memory: they wait for it, and a large one runs alone."""

import threading

from localcloud.imaging.memory import Budget


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

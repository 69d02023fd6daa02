"""Deadline, queue and failures of image jobs, on a real cloud object in this process."""

import asyncio
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from localcloud.ci import jobs
from localcloud.cloud import Cloud
from localcloud.config import Config
from localcloud.errors import ServiceError
from localcloud.imaging import stages
from localcloud.storage.directory import DirectoryStorage
from shared import rules
from shared.rules import parse

HALF = parse("imageMogr2/thumbnail/!50p")


@pytest.fixture
def quiet(tmp_path):
    """A cloud without a listener."""
    storage = DirectoryStorage(tmp_path / "data")
    cloud = Cloud(Config(data=tmp_path / "data"), storage)
    yield cloud
    cloud.pool.shutdown(cancel_futures=True)
    storage.close()


def source(body=b""):
    return SimpleNamespace(read=lambda: body)


@contextmanager
def stuck(monkeypatch):
    """Image work that does not end until the test does."""
    end = threading.Event()
    monkeypatch.setattr(jobs, "process", lambda *_, **__: end.wait(30))
    try:
        yield
    finally:
        end.set()


def test_a_job_has_a_deadline(quiet, monkeypatch):
    monkeypatch.setattr(jobs, "JOB_SECONDS", 0.05)
    with stuck(monkeypatch), pytest.raises(ServiceError) as caught:
        asyncio.run(jobs.run_rules(quiet, source(), [HALF], {}))
    assert (caught.value.errno, caught.value.status) == (-901, 504)
    assert "0.05 seconds" in caught.value.message


@pytest.mark.parametrize("end", ["deadline", "nobody waits"])
def test_a_job_that_is_over_leaves_its_thread(quiet, photo, monkeypatch, end):
    done, started, over = [], threading.Event(), threading.Event()
    blur = stages._OPERATIONS[rules.Blur]

    def noted(*given):
        done.append(1)
        started.set()
        over.wait(30)
        return blur(*given)

    monkeypatch.setitem(stages._OPERATIONS, rules.Blur, noted)
    monkeypatch.setattr(jobs, "JOB_SECONDS", 0.3 if end == "deadline" else 30.0)
    long = parse("imageMogr2/format/png" + "/blur/5x3" * 300)
    body = photo((60, 40))

    async def until_over():
        job = asyncio.ensure_future(jobs.run_rules(quiet, source(body), [long], {}))
        if end == "nobody waits":
            await asyncio.to_thread(started.wait, 30)
            job.cancel()
        await asyncio.wait([job])
        over.set()
        return job

    job = asyncio.run(until_over())
    if end == "deadline":
        assert job.exception().errno == -901
    else:
        assert job.cancelled()
    quiet.pool.shutdown()
    assert len(done) <= 1


def test_the_first_failure_ends_all_jobs(quiet, photo):
    rules = [HALF, parse("imageMogr2/thumbnail/!900p")]
    with pytest.raises(ServiceError) as caught:
        asyncio.run(jobs.run_rules(quiet, source(photo((1200, 4))), rules, {}, persistent=True))
    assert caught.value.errno == -442


def test_a_full_queue_says_slow_down(quiet, photo, monkeypatch):
    async def flood():
        waiting = [
            asyncio.ensure_future(jobs.run_rules(quiet, source(), [HALF] * 10, {}))
            for _ in range(50)
        ]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION, timeout=10)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return {task.exception().code for task in done if not task.cancelled()}

    with stuck(monkeypatch):
        assert asyncio.run(flood()) == {"SlowDown"}

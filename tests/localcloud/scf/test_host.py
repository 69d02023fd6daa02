"""The host beside a cloud: events wake functions, failures are tried again, nothing is lost."""

import asyncio
import json
import re
import time
from pathlib import Path

import pytest

from localcloud.config import Config
from localcloud.events import cos_event
from localcloud.scf import FunctionHost
from shared.settings import Credentials

BUCKET = "examplebucket-1250000000"
TRIGGERS = """\
- type: cos
  function: f
  parameters:
    name: uploads
    bucket: ${env:COS_BUCKET}
    filter: {prefix: uploads/, suffix: .jpg}
    events: cos:ObjectCreated:*
    enable: true
"""
# Writes one line for each call into a file that the test reads; what it does stands in the key.
HANDLER = """\
import json, os, time

def main_handler(event, context):
    key = event["Records"][0]["cos"]["cosObject"]["key"].split("/", 3)[3]
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(json.dumps([key, context["request_id"], os.getpid()]) + "\\n")
    if "slow" in key:
        time.sleep(30)
    if "nap" in key:
        time.sleep(0.3)
    if "fail" in key:
        raise RuntimeError("as asked")
    if "once" in key and not os.path.exists(os.environ["CALLS"] + ".once"):
        open(os.environ["CALLS"] + ".once", "w").close()
        raise RuntimeError("only the first time")
    return key
"""


def uploaded(key, event_name="cos:ObjectCreated:Put", bucket=BUCKET):
    event = cos_event(
        bucket=bucket, region="ap-guangzhou", key=key, size=1, event_name=event_name,
        event_time=1700000000,
    )  # fmt: skip
    headers = event["Records"][0]["event"]["requestParameters"]["requestHeaders"]
    headers["Authorization"] = "q-signature=do-not-log-me"
    return event


class Harness:
    """A host of one function that notes its calls, and what was logged."""

    def __init__(self, root, **options):
        self.calls_file = root / "calls"
        self.logged = []
        options = {"retry_seconds": 0.05, **options}
        config = Config(data=root / "data", buckets=(BUCKET,))
        self.host = FunctionHost(root, "http://127.0.0.1:9", config, self.logged.append, **options)

    @property
    def calls(self):
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    @property
    def log(self):
        return "\n".join(self.logged)

    async def wait(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.01)


@pytest.fixture
def serve(make_project, tmp_path):
    """Run a scenario `async def (harness)` on a started host."""

    def run(scenario, *, started=True, triggers=TRIGGERS, timeout=20, **options):
        fields = (
            f"memorySize: 128\ntimeout: {timeout}\n"
            f"environments:\n  - {{key: CALLS, value: '{tmp_path / 'calls'}'}}\n"
        )
        harness = Harness(make_project({"f": HANDLER}, fields=fields, triggers=triggers), **options)

        async def main():
            if started:
                await harness.host.start()
            try:
                await scenario(harness)
            finally:
                await harness.host.stop()
                harness.host.close()

        asyncio.run(main())
        return harness

    return run


def test_an_upload_wakes_the_function_bound_to_it(serve):
    async def scenario(harness):
        harness.host.on_cos_event(uploaded("uploads/a.jpg"))
        harness.host.on_cos_event(uploaded("uploads/图 b.jpg", "cos:ObjectCreated:Copy"))
        assert not harness.host.idle()
        await harness.wait(harness.host.idle)

    harness = serve(scenario)
    assert sorted(call[0] for call in harness.calls) == ["uploads/a.jpg", "uploads/图 b.jpg"]
    assert len(re.findall(r"^START RequestId: ", harness.log, re.MULTILINE)) == 2
    assert f"trigger uploads: f <- {BUCKET}/uploads/*.jpg cos:ObjectCreated:*" in harness.log


@pytest.mark.parametrize(
    "event",
    [
        uploaded("processed/a.jpg"),
        uploaded("uploads/a.png"),
        uploaded("uploads/a.jpg", "cos:ObjectRemove:Delete"),
        uploaded("uploads/a.jpg", bucket="other-1250000000"),
    ],
)
def test_what_no_trigger_matches_wakes_nothing(serve, event):
    async def scenario(harness):
        harness.host.on_cos_event(event)
        assert harness.host.idle()

    assert serve(scenario).calls == []


@pytest.mark.parametrize("event", [{}, {"Records": [{}]}, {"Records": None}, []])
def test_no_cos_event_is_logged_not_raised(serve, event):
    async def scenario(harness):
        harness.host.on_cos_event(event)

    assert "not a COS event: " in serve(scenario).log


def test_each_record_is_invoked_by_itself(serve):
    event = uploaded("uploads/a.jpg")
    event["Records"] += uploaded("uploads/b.jpg")["Records"] + uploaded("x/c.jpg")["Records"]

    async def scenario(harness):
        harness.host.on_cos_event(event)
        await harness.wait(harness.host.idle)

    assert sorted(call[0] for call in serve(scenario).calls) == ["uploads/a.jpg", "uploads/b.jpg"]


def test_a_failure_is_tried_again_twice_then_given_up_with_its_event(serve):
    async def scenario(harness):
        harness.host.on_cos_event(uploaded("uploads/fail.jpg"))
        await harness.wait(harness.host.idle)

    harness = serve(scenario)
    assert len(harness.calls) == 3
    assert len({call[1] for call in harness.calls}) == 1, "a retry keeps its request id"
    assert "(retry 1 of 2)" in harness.log
    [line] = [line for line in harness.logged if "gave up" in line]
    assert "it failed 3 times" in line
    assert "uploads/fail.jpg" in line
    assert "\n" not in line
    assert "do-not-log-me" not in harness.log


def test_a_retry_that_works_ends_the_matter(serve):
    async def scenario(harness):
        harness.host.on_cos_event(uploaded("uploads/once.jpg"))
        await harness.wait(harness.host.idle)

    harness = serve(scenario)
    assert len(harness.calls) == 2
    assert "gave up" not in harness.log


def test_a_timeout_is_tried_again_too(serve):
    async def scenario(harness):
        harness.host.on_cos_event(uploaded("uploads/slow.jpg"))
        await harness.wait(harness.host.idle)

    harness = serve(scenario, timeout=1)
    assert harness.log.count("Invoking task timed out after 1 seconds") == 3


def test_two_run_at_once_and_instances_are_used_again(serve):
    async def scenario(harness):
        for number in range(6):
            harness.host.on_cos_event(uploaded(f"uploads/nap{number}.jpg"))
        await harness.wait(harness.host.idle)

    harness = serve(scenario, instances=2)
    assert len(harness.calls) == 6
    assert len({call[2] for call in harness.calls}) == 2
    assert harness.log.count("Coldstart") == 2


def test_a_full_queue_gives_up_aloud(serve):
    async def scenario(harness):
        for number in range(4):
            harness.host.on_cos_event(uploaded(f"uploads/{number}.jpg"))

    harness = serve(scenario, started=False, queue=2)
    given_up = [line for line in harness.logged if "the asynchronous queue is full" in line]
    assert [f"uploads/{number}.jpg" in line for number, line in enumerate(given_up, 2)] == [
        True
    ] * 2


def test_stopping_ends_what_runs_and_the_next_start_runs_it_again(serve, monkeypatch):
    monkeypatch.setattr("localcloud.scf.host.STOP_SECONDS", 0.1)

    async def scenario(harness):
        for number in range(3):
            harness.host.on_cos_event(uploaded(f"uploads/slow{number}.jpg"))
        await harness.wait(lambda: len(harness.calls) == 2)

    async def again(harness):
        await harness.wait(lambda: len(harness.calls) == 5)

    started = time.monotonic()
    harness = serve(scenario, instances=2)
    assert time.monotonic() - started < 10
    assert harness.log.count("is ended while it runs") == 2
    assert "1 asynchronous events wait for the next start" in harness.log
    for _, _, pid in harness.calls:
        assert not Path(f"/proc/{pid}/cmdline").exists()
    first, later = harness.calls, serve(again, instances=3).calls[2:]
    assert len({call[1] for call in later}) == 3
    assert {call[1] for call in first} < {call[1] for call in later}, "with the same request ids"


def test_stopping_lets_what_runs_finish(serve):
    async def scenario(harness):
        harness.host.on_cos_event(uploaded("uploads/nap.jpg"))
        await harness.wait(lambda: harness.calls)

    harness = serve(scenario)
    assert "REPORT RequestId" in harness.log
    assert "gave up" not in harness.log


def test_credentials_are_asked_for_each_invocation(serve):
    issued = []

    def issue():
        issued.append(1)
        return Credentials(f"AKID{len(issued)}", "key", "token")

    async def scenario(harness):
        for key in ("uploads/a.jpg", "uploads/b.jpg"):
            harness.host.on_cos_event(uploaded(key))
            await harness.wait(harness.host.idle)

    serve(scenario, credentials=issue)
    assert len(issued) == 3, "one to start the instance, one for each invocation"


def test_a_trigger_of_another_bucket_is_pointed_out(serve, monkeypatch):
    monkeypatch.setenv("COS_BUCKET", "production-1251111111")

    async def scenario(harness):
        pass

    log = serve(scenario).log
    assert "this cloud starts without the bucket production-1251111111" in log


def test_triggers_of_other_kinds_are_pointed_out(serve):
    async def scenario(harness):
        pass

    other = "- type: mps\n  function: f\n  parameters: {type: EditMediaTask, enable: true}\n"
    assert "trigger of type mps is not played here" in serve(scenario, triggers=other).log

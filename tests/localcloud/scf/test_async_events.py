"""The asynchronous queue: retries at their time, age, room, dead letters, restarts."""

import asyncio
import json
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from localcloud.scf.store import FunctionStore
from tests.localcloud.scf.conftest import call, scf_client
from tests.localcloud.scf.harness import HANDLER, play

DEAD = "deadLetter: {type: topic, name: dead, filterType: image}\n"
QUEUE = "deadLetter: {type: queue, name: dead-queue}\n"
TAKER = """\
- type: cmq
  function: taker
  parameters: {name: dead, enable: true}
"""


@pytest.fixture
def project(make_project, tmp_path):
    """A project of functions that all have the same code."""

    def make(*keys, own="", triggers="", fields=None):
        common = f"timeout: 20\nenvironments:\n  - {{key: CALLS, value: '{tmp_path / 'calls'}'}}\n"
        fields = fields or {}
        return make_project(
            dict.fromkeys(keys or ("f",), HANDLER),
            fields={key: common + fields.get(key, own) for key in keys or ("f",)},
            triggers=triggers,
        )

    return make


def test_a_failed_event_is_tried_again_a_minute_later_with_its_request_id(project):
    async def scenario(harness):
        request_id = harness.accept({"do": "fail"})
        for tries in (1, 2, 3):
            await harness.until(lambda tries=tries: len(harness.calls) == tries)
            await harness.quiet()
            await harness.advance(59)
            await harness.quiet()
            assert len(harness.calls) == tries, "not before its time"
            await harness.advance(1)
        assert harness.host.idle()
        assert {one[1] for one in harness.calls} == {request_id}
        assert harness.host.store.event(request_id).status == "FAILED"

    harness = play(project(), scenario)
    assert len(harness.calls) == 3
    assert "is tried again in 60 s (retry 2 of 2)" in harness.log
    assert "gave up on" in harness.log


def test_a_process_that_ends_counts_as_a_failure(project):
    async def scenario(harness):
        harness.accept({"do": "exit"})
        await harness.until(lambda: "retry 1 of 2" in harness.log)

    assert "User process exit when running (code 3)" in play(project(), scenario).log


def test_retries_and_age_are_settings_of_a_function(project):
    async def scenario(harness):
        store = harness.host.store
        store.set_setting("f", "RetryNum", 0)
        harness.accept({"do": "fail"})
        await harness.until(lambda: harness.calls and harness.host.idle())
        assert "it failed and is not tried again" in harness.log
        store.set_setting("f", "RetryNum", 2)
        store.set_setting("f", "MsgTTL", 60)
        request_id = harness.accept({"do": "fail"})
        await harness.until(lambda: len(harness.calls) == 2)
        await harness.quiet()
        await harness.advance(60)
        assert harness.host.idle()
        assert harness.host.store.event(request_id).status == "FAILED"

    harness = play(project(), scenario)
    assert len(harness.calls) == 2
    assert "the event is older than it may grow" in harness.log


def test_without_room_an_event_waits_uncounted_until_it_is_too_old(project):
    async def scenario(harness):
        harness.host.store.set_setting("f", "ReservedMem", 0)
        request_id = harness.accept({})
        for _ in range(5):
            await harness.advance(3600)
        assert harness.calls == []
        assert harness.host.store.event(request_id).tries == 0
        await harness.advance(3601)
        assert harness.host.idle()

    harness = play(project(own=DEAD), scenario)
    [message] = harness.messages
    body = json.loads(message.body)
    assert (body["ErrorCode"], body["Body"]["RetryNum"]) == (432, 0)
    assert body["ErrorMessage"] == "the event is older than it may grow"


@pytest.mark.parametrize(("reserved", "most"), [(128, 1), (384, 3), (None, 4)])
def test_instances_run_up_to_the_reserved_memory_and_the_machines_limit(
    project, tmp_path, reserved, most
):
    gate = tmp_path / "gate"

    async def scenario(harness):
        harness.host.store.set_setting("f", "ReservedMem", reserved)
        for _ in range(6):
            harness.accept({"do": "wait", "for": str(gate)})
        await harness.until(lambda: len(harness.calls) == most)
        function = harness.host.project.functions["f"]
        refused = await harness.host.invoke(function, {}) if reserved else None
        if refused:
            assert refused.error["statusCode"] == 432
            assert "ResourceLimitReached" in refused.error["errorMessage"]
        assert len(harness.calls) == most
        gate.touch()
        await harness.until(harness.host.idle)

    harness = play(project(), scenario, instances=4)
    assert len(harness.calls) == 6
    assert len({one[2] for one in harness.calls}) == most


def test_a_dead_letter_says_what_and_why(project):
    async def scenario(harness):
        harness.host.store.set_setting("f", "RetryNum", 0)
        harness.accept({"do": "fail", "图": 1})
        await harness.until(harness.host.idle)

    [message] = play(project(own=DEAD), scenario).messages
    assert (message.type, message.name, message.tag) == ("topic", "dead", "image")
    body = json.loads(message.body)
    assert body["RequestId"] == body["Body"]["RequestId"] == message.request_id
    assert body["ErrorCode"] == 430
    assert body["ErrorMessage"].endswith("RuntimeError: as asked\n")
    sent = body["Body"]
    assert json.loads(sent["ClientContext"]) == {"do": "fail", "图": 1}
    assert (sent["FunctionName"], sent["AppId"]) == ("demo-dev-app-f", 1250000000)
    assert (sent["RequestSource"], sent["InvocationType"]) == ("API", "Event")
    assert sent["PushTime"].startswith("2027-01-15T16:00:00+08:00")


def test_a_queue_keeps_and_a_topic_wakes_its_function(project):
    fields = {"f": DEAD, "g": QUEUE, "taker": DEAD}

    async def scenario(harness):
        for key in ("f", "g", "taker"):
            harness.host.store.set_setting(key, "RetryNum", 0)
        harness.accept({"do": "fail", "n": 1}, "f")
        harness.accept({"do": "fail", "n": 2}, "g")
        await harness.until(harness.host.idle)

    harness = play(project("f", "g", "taker", triggers=TAKER, fields=fields), scenario)
    [kept] = harness.messages
    assert (kept.type, kept.name) == ("queue", "dead-queue")
    [event] = [one[0] for one in harness.calls if "Records" in one[0]]
    told = event["Records"][0]["CMQ"]
    assert told["type"] == "topic"
    assert (told["topicName"], told["topicOwner"], told["msgTag"]) == (
        "dead",
        1250000000,
        ["image"],
    )
    assert json.loads(json.loads(told["msgBody"])["Body"]["ClientContext"])["n"] == 1


def test_a_topic_filters_by_tag_and_never_feeds_its_own_dead_letters(project):
    triggers = """\
- type: cmq
  function: taker
  parameters: {name: dead, enable: true, filterType: 1, filterKey: [video]}
- type: cmq
  function: f
  parameters: {name: dead, enable: true}
"""

    async def scenario(harness):
        harness.host.store.set_setting("f", "RetryNum", 0)
        harness.accept({"do": "fail"}, "f")
        await harness.until(harness.host.idle)

    harness = play(project("f", "taker", triggers=triggers, fields={"f": DEAD}), scenario)
    assert len(harness.calls) == 1
    assert [message.name for message in harness.messages] == ["dead"]


def test_what_the_queue_has_no_place_for_is_a_dead_letter(project):
    async def scenario(harness):
        harness.host.store.set_setting("f", "ReservedMem", 0)
        assert harness.accept({"n": 1})
        assert harness.accept({"n": 2}) is None
        timer = harness.host.project.timers[0]
        harness.host._on_timer(timer, harness.now)

    timers = """\
- type: timer
  function: f
  parameters: {name: t, cronExpression: '0 0 0 1 1 * 2099', enable: true}
"""
    harness = play(project(own=DEAD, triggers=timers), scenario, queue=1)
    [message] = harness.messages
    assert json.loads(message.body)["Body"]["RequestSource"] == "TRIGGER_TIMER"


def test_a_host_that_cannot_start_processes_tries_again_uncounted(project, monkeypatch):
    broken = [True]
    start = asyncio.create_subprocess_exec

    async def fail(*arguments, **options):
        if broken[0]:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return await start(*arguments, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fail)

    async def scenario(harness):
        harness.accept({})
        for _ in range(4):
            await harness.quiet()
            await harness.advance(60)
        await harness.quiet()
        broken[0] = False
        await harness.advance(60)
        await harness.until(harness.host.idle)

    harness = play(project(), scenario)
    assert len(harness.calls) == 1
    assert harness.log.count("which is not counted") >= 4
    assert "gave up" not in harness.log


def test_idle_instances_end_and_stay_until_then(project):
    async def scenario(harness):
        for _ in range(2):
            harness.accept({})
            await harness.until(harness.host.idle)
        pid = harness.calls[0][2]
        assert harness.calls[1][2] == pid
        harness.host.runner.idle_seconds = 0.0
        await harness.until(lambda: not Path(f"/proc/{pid}").exists())
        assert harness.host.runner.warm == 0

    play(project(), scenario)


def test_an_event_is_kept_through_a_restart(project):
    root = project()
    ids = []

    async def first(harness):
        harness.host.store.set_setting("f", "ReservedMem", 0)
        ids.extend(harness.accept({"n": number}) for number in range(3))

    async def second(harness):
        harness.host.store.set_setting("f", "ReservedMem", None)
        await harness.until(harness.host.idle)

    play(root, first)
    harness = play(root, second)
    assert sorted(one[1] for one in harness.calls) == sorted(ids)
    assert sorted(one[0]["n"] for one in harness.calls) == [0, 1, 2]


def test_events_of_a_function_that_is_gone_are_pointed_out(project):
    root = project("f", "old")

    async def leave(harness):
        harness.host.store.set_setting("old", "ReservedMem", 0)
        harness.accept({}, "old")

    async def look(harness):
        assert harness.host.idle()

    play(root, leave)
    text = (root / "serverless.yml").read_text()
    (root / "serverless.yml").write_text(text[: text.index("    old:\n")])
    assert "1 events wait for functions that serverless.yml has no more" in play(root, look).log


def test_a_killed_cloud_loses_no_accepted_event(project, start_cloud, tmp_path):
    root, data, gate = project(), tmp_path / "kept", tmp_path / "gate"
    payload = json.dumps({"do": "wait", "for": str(gate)})
    options = ("--project", str(root), "--instances", "2")

    def calls():
        file = tmp_path / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def wait(condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    with start_cloud(*options, data=data) as cloud:
        scf = scf_client(cloud.url)
        ids = [
            call(
                scf, "Invoke", FunctionName="demo-dev-app-f", InvocationType="Event",
                ClientContext=payload,
            ).Result.FunctionRequestId
            for _ in range(5)
        ]  # fmt: skip
        wait(lambda: len(calls()) == 2)
        cloud.process.send_signal(signal.SIGKILL)
        cloud.process.wait(30)
    gate.touch()
    before = len(calls())
    with start_cloud(*options, data=data):
        wait(lambda: {one[1] for one in calls()} == set(ids))
        wait(lambda: len(calls()) >= before + 5)


def test_a_full_disk_delays_an_event_and_loses_none(project, monkeypatch):
    failures = [2]
    keep = FunctionStore.add_invocation

    def fail(store, logged):
        if failures[0]:
            failures[0] -= 1
            raise sqlite3.OperationalError("database or disk is full")
        keep(store, logged)

    monkeypatch.setattr(FunctionStore, "add_invocation", fail)

    async def scenario(harness):
        request_id = harness.accept({})
        for _ in range(4):
            await harness.quiet()
            await harness.advance(60)
        await harness.until(harness.host.idle)
        assert harness.host.store.event(request_id).status == "FINISHED"

    harness = play(project(), scenario)
    assert len({one[1] for one in harness.calls}) == 1
    assert len(harness.calls) == 3
    assert "the data folder cannot be used: database or disk is full" in harness.log


def test_text_that_is_no_utf8_is_kept_all_the_same(project):
    async def scenario(harness):
        request_id = harness.accept({"half": "\ud800"})
        await harness.until(harness.host.idle)
        assert harness.host.store.event(request_id).status == "FINISHED"

    assert play(project(), scenario).calls[0][0] == {"half": "\ud800"}


def test_events_are_taken_until_the_end_and_invokes_refused(project):
    async def scenario(harness):
        await harness.host.stop()
        function = harness.host.project.functions["f"]
        assert (await harness.host.invoke(function, {})).status == 432
        assert harness.accept({})

    async def later(harness):
        await harness.until(lambda: harness.calls)

    root = project()
    assert play(root, scenario).calls == []
    assert len(play(root, later).calls) == 1

"""A backfill from its start to its end: what is processed, what is left alone, what goes on."""

import itertools
import json
import time

import pytest

from shared.events import parse
from tests.functions.backfill.conftest import HALF, small
from tests.functions.conftest import wire


def names(count, prefix="uploads/"):
    return [f"{prefix}{number:03}.jpg" for number in range(count)]


def test_what_is_there_goes_through_the_pipelines_and_a_second_run_does_nothing(stage):
    stage.put([*names(5), "uploads/notes.txt", "else/a.jpg"])
    stage.project.pipelines({"half": HALF}, when="prefix: uploads/, suffix: [.jpg]")
    cursor = stage.start()
    assert (cursor["state"], cursor["error"], cursor["problems"]) == ("done", None, [])
    assert cursor["counts"] == {"objects": 6, "invoked": 5, "unwanted": 1}
    assert cursor["pipelines"]["photos"]["objects"] == 5
    assert stage.keys("out/") == [f"out/{number:03}.jpg/half.jpg" for number in range(5)]
    record = stage.project.record("003.jpg")
    assert (record["outcome"], record["upload"]["key"]) == ("done", "uploads/003.jpg")
    [upload] = parse(stage.events()[0])
    assert upload.event_name == "cos:ObjectCreated:Put"
    assert abs(upload.event_time - time.time()) < 600
    before, sent = stage.etags(), len(stage.sent)
    again = stage.start()
    assert again["counts"]["processed"] == 5
    assert "invoked" not in again["counts"]
    assert (stage.etags(), len(stage.sent)) == (before, sent)


def test_what_its_own_upload_event_has_done_is_not_done_again(stage):
    stage.put(names(3))
    event = stage.project.event("uploads/001.jpg", len(small(1)))
    event["Records"][0]["event"]["eventTime"] = int(time.time())
    stage.run("image", event)
    assert stage.start()["counts"] == {"objects": 3, "invoked": 2, "processed": 1}


def test_the_ledger_knows_an_upload_whose_record_is_gone(stage):
    """The record is one witness, the claim another: it also holds while the upload is at work."""
    stage.put(names(1))
    event = stage.project.event("uploads/000.jpg", len(small(0)))
    event["Records"][0]["event"]["eventTime"] = int(time.time())
    stage.run("image", event)
    stage.client.delete_object(Bucket=stage.bucket, Key="records/000.jpg.json")
    assert stage.start()["counts"]["invoked"] == 1
    [outcome] = stage.outcomes
    assert (outcome["outcome"], outcome["reason"]) == (
        "skipped", "this upload was processed before: done"
    )  # fmt: skip


def test_a_newer_object_under_a_processed_key_is_processed(stage):
    event = stage.project.upload("uploads/a.jpg", small(1))
    event["Records"][0]["event"]["eventTime"] = 1_600_000_000  # long before the object now there
    stage.run("image", event)
    old = stage.etags()
    stage.client.put_object(Bucket=stage.bucket, Key="uploads/a.jpg", Body=small(2))
    assert stage.start()["counts"]["invoked"] == 1
    assert stage.outcomes[0]["outcome"] == "done"
    assert stage.etags() != old


def test_force_processes_all_of_it_once_in_a_run(stage):
    stage.put(names(3))
    stage.start()
    stage.project.pipelines({"half": 'rule: imageMogr2/rotate/90, fileid: "/out/{name}/half.jpg"'})
    before, stage.outcomes = stage.etags(), []
    forced = stage.start(force=True, name="again")
    assert forced["counts"] == {"objects": 3, "invoked": 3}
    assert [each["outcome"] for each in stage.outcomes] == ["done"] * 3
    assert not set(before.values()) & set(stage.etags().values())
    stage.outcomes = []
    for event in stage.events()[-3:]:
        stage.outcomes += stage.run("image", event)["outcomes"]
    assert [each["outcome"] for each in stage.outcomes] == ["skipped"] * 3


def test_only_the_pipelines_of_the_plan_run(stage):
    more = (
        "  others:\n    when: {prefix: uploads/}\n    outputs:\n"
        '      q: {rule: imageMogr2/quality/50, fileid: "/others/{name}"}\n'
        "    record: /records/others/{name}.json\n"
    )
    stage.project.pipelines({"half": HALF}, more=more)
    stage.put(names(2))
    cursor = stage.start(pipelines=["others"])
    assert list(cursor["pipelines"]) == ["others"]
    assert (stage.keys("out/"), len(stage.keys("others/"))) == ([], 2)
    cursor = stage.start(name="rest")
    assert cursor["pipelines"]["others"]["objects"] == 0
    assert cursor["pipelines"]["photos"]["objects"] == 2
    assert len(stage.keys("out/")) == 2


ODD = [
    "猫 1+.jpg",
    "a%2Fb.jpg",
    "x&y=<1>.jpg",
    "two\nlines.jpg",
    "q?z#.jpg",
    "/lead.jpg",
    "~'\"\\.jpg",
]


def test_keys_with_odd_characters(stage):
    keys = [f"uploads/{name}" for name in ODD]
    for number, key in enumerate(keys):
        stage.client.put_object(Bucket=stage.bucket, Key=wire(key), Body=small(number))
    cursor = stage.start()
    assert cursor["counts"] == {"objects": len(keys), "invoked": len(keys)}
    assert {parse(event)[0].key for event in stage.events()} == set(keys)
    assert {each["outcome"] for each in stage.outcomes} == {"done"}
    assert stage.start()["counts"]["processed"] == len(keys)


def test_an_object_that_goes_meanwhile(stage):
    stage.put(names(2))
    stage.start(settle=False)
    stage.client.delete_object(Bucket=stage.bucket, Key="uploads/000.jpg")
    stage.settle()
    assert sorted(each["outcome"] for each in stage.outcomes) == ["done", "skipped"]


def test_an_empty_bucket_and_one_that_is_not_there(stage):
    assert stage.start()["state"] == "done"
    stage.monkeypatch.setenv("STATE_BUCKET", stage.bucket)
    cursor = stage.start(bucket="gone-1250000000", name="gone")
    assert (cursor["state"], cursor["error"]["code"]) == ("failed", "NoSuchBucket")


def test_the_state_and_own_outputs_are_left_alone(stage):
    """Of a whole bucket, with a pipeline that wants everything."""
    output = f'rule: imageMogr2/crop/4x4, fileid: "/mine/{{name}}", bucket: {stage.bucket}'
    stage.project.pipelines({"half": output}, when='prefix: "", suffix: [.jpg]')
    stage.put(["a.jpg"])
    stage.client.put_object(Bucket=stage.bucket, Key="mine/b.jpg", Body=small())
    stage.client.put_object(Bucket=stage.bucket, Key=".pipelines/c.jpg", Body=small())
    counts = stage.start()["counts"]
    assert counts == {"objects": 2, "invoked": 1, "own": 1}
    assert [parse(event)[0].key for event in stage.events()] == ["a.jpg"]


def test_times_of_upload_bound_it(stage):
    stage.put(names(2))
    now = int(time.time())
    assert stage.start(until=now - 3600)["counts"] == {"objects": 2, "outside": 2}
    assert stage.start(since=now + 3600)["counts"] == {"objects": 2, "outside": 2}
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3600))
    assert stage.start(since=since, until=now + 3600)["counts"]["invoked"] == 2


def test_what_only_headers_tell_is_asked_for(stage):
    mark = 'rule: imageMogr2/crop/8x8, blind_watermark: {text: "{meta.user}"}, '
    stage.project.pipelines({"half": mark + 'fileid: "/out/{name}"'},
                            when="prefix: uploads/, content_type: [image/jpeg]")  # fmt: skip
    marked = {"ContentType": "image/jpeg", "Metadata": {"x-cos-meta-user": "u7"}}
    stage.put(["uploads/a"], **marked)
    stage.put(["uploads/b"], ContentType="text/plain")
    assert stage.start(settle=False)["counts"] == {"objects": 2, "invoked": 1, "unwanted": 1}
    [event] = stage.events()
    assert dict(parse(event)[0].meta) == {"user": "u7"}


class KilledError(BaseException):
    """The instance ends here."""


def kill_at(stage, number):
    """Die at the `number`th write of the cursor or invoke, before it is done."""
    steps = itertools.count(1)
    invoke, write = stage.invoke, type(stage.place()).write

    def step():
        if next(steps) == number:
            raise KilledError

    def dying_invoke(scf, *call):
        step()
        return invoke(*call)

    def dying_write(place, document):
        step()
        write(place, document)

    stage.monkeypatch.setattr("shared.scf.Scf.invoke", dying_invoke)
    stage.monkeypatch.setattr("shared.backfills.Place.write", dying_write)


@pytest.mark.parametrize("number", range(1, 12))
def test_a_kill_at_any_step_loses_and_repeats_nothing(stage, number):
    stage.monkeypatch.setattr("backfill_run.PAGE", 2)
    stage.put(names(5))
    plan = {"name": "all", "bucket": stage.bucket, "rate": 500}
    with stage.monkeypatch.context() as patch:
        stage.monkeypatch = patch
        kill_at(stage, number)
        killed = False
        try:
            stage.run("backfill", plan, "start")
        except KilledError:
            killed = True
    if killed:  # SCF invokes again under the same id
        stage.run("backfill", plan, "start")
    assert killed == (number <= 10)
    stage.settle()
    cursor = stage.cursor()
    assert (cursor["state"], cursor["counts"]["objects"]) == ("done", 5)
    assert len(stage.keys("out/")) == 5
    assert sum(each["outcome"] == "done" for each in stage.outcomes) == 5
    assert {each["outcome"] for each in stage.outcomes} <= {"done", "skipped"}


def test_the_sweep_goes_on_with_what_was_killed_for_good(stage):
    from tests.functions.conftest import load_handler

    stage.put(names(3))
    stage.monkeypatch.setenv("COS_BUCKET", stage.bucket)
    stage.monkeypatch.setenv("SWEEP_GRACE", "0")
    with stage.monkeypatch.context() as patch:
        stage.monkeypatch = patch
        kill_at(stage, 3)
        with pytest.raises(KilledError):
            # A lease that is over: the invocation had no time left.
            stage.run("backfill", {"name": "all", "bucket": stage.bucket}, "start", 60)
    claims = stage.keys(".pipelines/claims/")
    body = json.loads(stage.project.get(claims[0]))
    body["lease"] = -1000.0
    stage.client.put_object(Bucket=stage.bucket, Key=claims[0], Body=json.dumps(body))
    stage.handlers["sweep"] = load_handler("sweep")
    stage.run("sweep", {"Type": "Timer"}, "sweep-1")
    assert [function for function, _ in stage.sent][-1] == "backfill"
    stage.settle()
    assert stage.cursor()["state"] == "done"
    assert len(stage.keys("out/")) == 3


def test_hops_go_on_where_the_time_was_up(stage):
    stage.monkeypatch.setattr("backfill_run._CHUNK", 1)
    stage.put(names(4))
    ticks = itertools.count()
    # The time is up at every third look at the clock.
    stage.monkeypatch.setattr(
        "backfill_run.Run.over", property(lambda run: next(ticks) % 3 == 2), raising=True
    )
    cursor = stage.start()
    assert (cursor["state"], cursor["counts"]) == ("done", {"objects": 4, "invoked": 4})
    assert cursor["hops"] > 1
    assert len(stage.events("backfill")) == cursor["hops"] - 1
    assert {each["outcome"] for each in stage.outcomes} == {"done"}
    # A hop whose event comes twice finds that it has been.
    before = len(stage.sent)
    for event in stage.events("backfill"):
        assert stage.run("backfill", event, "late")["state"] == "skipped"
    assert len(stage.sent) == before


def test_two_runs_of_one_name_never_work_at_once(stage):
    stage.put(names(2))
    told = []
    invoke = stage.invoke

    def start_another(scf, *call):
        told.append(stage.run("backfill", {"name": "all", "bucket": stage.bucket}, "other"))
        return invoke(*call)

    stage.monkeypatch.setattr("shared.scf.Scf.invoke", start_another)
    stage.start(settle=False, prefix="uploads/000")
    assert [(each["state"], each["reason"][:36]) for each in told] == [
        ("skipped", "another invocation works on this key")
    ]
    assert stage.cursor()["counts"]["invoked"] == 1


def test_another_plan_needs_another_name_while_it_runs(stage):
    stage.put(names(1))
    stage.monkeypatch.setattr("backfill_run.Run.over", property(lambda run: True))
    stage.start(settle=False)
    told = stage.start(settle=False, prefix="uploads/")
    assert told["state"] == "refused"
    assert "unfinished backfill of this name has another plan" in told["problems"][0]


def test_cancel_ends_it_and_a_start_goes_on(stage):
    stage.monkeypatch.setattr("backfill_run._CHUNK", 1)
    stage.put(names(6))
    invoke = stage.invoke

    def cancel_after_two(scf, *call):
        if len(stage.sent) == 1:
            stage.place().cancel()
        return invoke(*call)

    with stage.monkeypatch.context() as patch:
        patch.setattr("shared.scf.Scf.invoke", cancel_after_two)
        cursor = stage.start(settle=False)
    assert (cursor["state"], cursor["counts"]["invoked"]) == ("cancelled", 2)
    assert stage.events("backfill") == []
    cursor = stage.start()
    assert (cursor["state"], cursor["counts"]) == ("done", {"objects": 6, "invoked": 6})
    assert len(stage.events()) == 6


def test_the_rate_is_kept(stage):
    """By the pace's own clock: nobody waits here."""
    now, slept = [100.0], []

    class Clock:
        monotonic = staticmethod(lambda: now[0])

        @staticmethod
        def sleep(seconds):
            slept.append(seconds)
            now[0] += seconds

    stage.put(names(12))
    stage.monkeypatch.setattr("shared.pace.time", Clock)
    stage.monkeypatch.setattr("backfill_run.THREADS", 1)
    with stage.monkeypatch.context() as patch:
        patch.setattr("backfill_run.Run._must_stop", lambda run: False)
        cursor = stage.start(rate=2, settle=False)
    assert cursor["counts"]["invoked"] == 12
    assert sum(slept) == pytest.approx(5.0, abs=0.3)  # two at once, ten at two a second


def test_when_functions_cannot_be_invoked_it_rests_and_gives_up_in_the_end(stage):
    from shared.errors import CloudError

    stage.put(names(2))
    module = stage.handlers["backfill"].__globals__
    stage.monkeypatch.setitem(module, "_LONGEST_REST", 0.0)

    def refuse(scf, function, event):
        if function == "image":
            raise CloudError("LimitExceeded", "too many", status=429)
        return stage.invoke(function, event)

    with stage.monkeypatch.context() as patch:
        patch.setattr("shared.scf.Scf.invoke", refuse)
        cursor = stage.start()
    assert (cursor["state"], cursor["hops"]) == ("failed", 8)
    assert "LimitExceeded: too many" in cursor["error"]["message"]
    cursor = stage.start()
    assert (cursor["state"], cursor["counts"]["invoked"]) == ("done", 2)


def test_a_function_that_is_not_there_ends_it_at_once(stage):
    from shared.errors import CloudError

    stage.put(names(2))

    def refuse(scf, function, event):
        raise CloudError("ResourceNotFound.Function", "no such function", status=404)

    stage.monkeypatch.setattr("shared.scf.Scf.invoke", refuse)
    cursor = stage.start()
    assert (cursor["state"], cursor["hops"]) == ("failed", 1)
    assert cursor["error"]["advice"].startswith("deploy the function")


def test_no_backfill_goes_around_a_gate(stage):
    """Whatever the plan names and however it is carried out: only the audit gets the object."""
    guard = "  guard:\n    when: {prefix: uploads/}\n    audit: {gate: true}\n"
    stage.put(names(2))
    stage.project.pipelines({"half": HALF}, more=guard)
    for mode in ("invoke", "batch"):
        cursor = stage.start(name=f"photos-{mode}", pipelines=["photos"], mode=mode)
        assert cursor["counts"] == {"objects": 2, "gated": 2}
    assert stage.start(settle=False)["counts"] == {"objects": 2, "invoked": 2}
    assert [name for name, _ in stage.sent] == ["audit", "audit"]
    assert stage.keys("out/") == []


@pytest.mark.parametrize("mode", ["invoke", "batch"])
def test_what_a_gate_has_let_pass_needs_no_second_audit(stage, mode):
    """A variant that is added later; not for what was blocked, nor for what came in its place."""
    guard = "  guard:\n    when: {prefix: uploads/}\n    audit: {gate: true}\n"
    good, bad, other = names(3)
    stage.put(names(3))
    stage.project.pipelines({"half": HALF}, more=guard)
    for key, result, etag in ((good, "pass", ""), (bad, "block", ""), (other, "pass", "0" * 32)):
        stage.judged(key, result, etag)
    cursor = stage.start(name="later", pipelines=["photos"], mode=mode)
    assert cursor["counts"] == {"objects": 3, "invoked": 1, "gated": 2}
    [(_, event)] = stage.sent
    assert event["Records"][0]["cos"]["cosObject"]["key"].endswith(good)
    assert stage.keys("out/") == [f"out/{good.rpartition('/')[2]}/half.jpg"]
    # Where the gate is to judge all anew, its verdict counts.
    cursor = stage.start(name="anew", force=True, settle=False)
    assert [name for name, _ in stage.sent[1:]] == ["audit"] * 3

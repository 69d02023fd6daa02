"""Batch jobs in the place of invocations: which pipelines fit, and that results are the same."""

import itertools

import pytest

from tests.functions.backfill.conftest import HALF, SQUARE, small
from tests.functions.backfill.test_runs import KilledError

MARKS = "owner: {text: ours, fontsize: 10, gravity: south}"
OUTPUTS = {
    "half": HALF,
    "square": SQUARE,
    "web": 'widths: [8], format: auto, fileid: "/out/{name}/web-{width}.{ext}"',
    "marked": 'watermark: owner, fileid: "/out/{dir}/{stem}-{output}.jpg"',
    "beside": 'rule: imageMogr2/format/webp, fileid: "small/{name}.webp"',
    "whole": 'rule: imageMogr2/quality/20, fileid: "/out/{key}"',
}
KEYS = ["uploads/0.jpg", "uploads/deep/1 猫.jpg", "uploads/2+%.JPG", "uploads/deep/er/3&<.jpg"]


def facts(record):
    """What a record says of the outputs, in the pipeline's order."""
    names = ("name", "key", "rule", "format", "width", "height", "size", "quality", "etag")
    return [{name: output[name] for name in names} for output in record["outputs"]]


def made(stage):
    """The ETags of all outputs."""
    found = {**stage.etags(), **stage.etags("uploads/")}
    return {key: etag for key, etag in found.items() if key not in KEYS}


def test_a_batch_makes_what_invocations_make(stage, project):
    stage.project.pipelines(OUTPUTS, when="prefix: uploads/, suffix: [.jpg]", marks=MARKS)
    stage.put(KEYS)
    assert stage.start()["counts"]["invoked"] == len(KEYS)
    by_invoke = made(stage)
    names = [key.rpartition("/")[2] for key in KEYS]
    records = {name: stage.project.record(name) for name in names}
    for key in [*by_invoke, *stage.keys("records/")]:
        stage.client.delete_object(Bucket=stage.bucket, Key=key)
    stage.sent.clear()
    cursor = stage.start(mode="batch", name="batch")
    assert (cursor["state"], cursor["problems"], cursor["error"]) == ("done", [], None)
    assert cursor["counts"] == {"objects": 4, "batched": 4}
    assert cursor["batches"]["jobs"] == len(OUTPUTS) == len(cursor["batches"]["last"])
    assert cursor["batches"]["objects"] == 4
    assert stage.sent == [], "CI did it, no function"
    assert made(stage) == by_invoke
    for name in names:
        record, before = stage.project.record(name), records[name]
        assert facts(record) == facts(before)
        assert record["original"] == before["original"]
        assert (record["outcome"], record["upload"]["etag"]) == ("done", before["upload"]["etag"])
    assert stage.project.tags(KEYS[0])["outcome"] == "done"
    again = stage.start(mode="batch")["counts"]
    assert (again["processed"], again.get("batched")) == (4, None)


UNFIT = [
    ({"fileid": '"/out/{subdir}/{name}"'}, "{subdir}: a batch knows ${InputPath}"),
    ({"fileid": '"/out/{stem}.{ext}"'}, "{ext}: it is the upload's own extension"),
    ({"fileid": '"/out/{date}/{name}"'}, "{date}: a batch does not know the time of upload"),
    ({"fileid": '"/out/{etag}"'}, "{etag}: a batch does not know it"),
    ({"blind_watermark": '{text: "{meta.user}"}'}, "it hides {meta.user}, another text"),
]


@pytest.mark.parametrize(("changes", "why"), UNFIT)
def test_what_does_not_fit_is_refused_or_invoked_with_the_reason(stage, changes, why):
    output = {"rule": "imageMogr2/crop/8x8", "fileid": '"/out/{name}"', **changes}
    text = ", ".join(f"{name}: {value}" for name, value in output.items())
    stage.project.pipelines({"half": text})
    stage.put(["uploads/a.jpg"], Metadata={"x-cos-meta-user": "u7"})
    cursor = stage.start(mode="batch")
    assert cursor["state"] == "refused"
    assert cursor["problems"][0].startswith("mode is batch, and photos: output half: ")
    assert why in cursor["problems"][0]
    cursor = stage.start(mode="auto", settle=False)
    assert (cursor["state"], cursor["counts"]) == ("done", {"objects": 1, "invoked": 1})
    assert why in cursor["pipelines"]["photos"]["why_not"]
    assert cursor["batches"]["jobs"] == 0


def test_a_format_for_each_object_and_another_function_do_not_fit(stage):
    output = 'format: auto, fileid: "/out/{name}"'
    stage.project.pipelines({"half": output}, more="    advanced_compression: true\n")
    assert "its format is chosen for each object" in stage.start(mode="batch")["problems"][0]
    stage.project.pipelines({"half": HALF}, more="    function: probe\n")
    assert "its function is probe" in stage.start(mode="batch")["problems"][0]


def test_in_the_root_folders_have_no_name(stage):
    for text in ('"/out/{dir}/{name}.x"', '"/out/{key}.x"', '"small/{name}.x"'):
        stage.project.pipelines({"half": f"rule: imageMogr2/crop/8x8, fileid: {text}"},
                                when='prefix: "", suffix: [.png]')  # fmt: skip
        problem = stage.start(mode="batch")["problems"][0]
        assert "name a prefix with a folder" in problem
    assert stage.start(mode="batch", prefix="a/")["state"] == "done"


def test_some_pipelines_by_batch_and_some_by_invocation(stage):
    more = (
        "  dated:\n    when: {prefix: uploads/}\n    outputs:\n"
        '      q: {rule: imageMogr2/quality/50, fileid: "/dated/{year}/{name}"}\n'
        "    record: /records/dated/{name}.json\n"
    )
    stage.project.pipelines({"half": HALF}, more=more)
    stage.put(KEYS)
    cursor = stage.start(mode="auto")
    assert cursor["counts"] == {"objects": 4, "batched": 4}
    assert {name: told["way"] for name, told in cursor["pipelines"].items()} == {
        "photos": "batch", "dated": "invoke",
    }  # fmt: skip
    assert [event["pipelines"] for event in stage.events()] == [["dated"]] * 4
    assert len(stage.keys("out/")) == len(stage.keys("dated/")) == 4


def test_what_a_batch_cannot_do_goes_to_the_function(stage):
    stage.put(KEYS[:2])
    stage.client.put_object(Bucket=stage.bucket, Key="uploads/no.jpg", Body=b"no picture")
    cursor = stage.start(mode="batch")
    assert (cursor["counts"], cursor["batches"]["objects"]) == ({"objects": 3, "batched": 3}, 2)
    assert [event["pipelines"] for event in stage.events()] == [["photos"]]
    assert stage.project.record("no.jpg")["outcome"] == "rejected"
    assert stage.start(mode="batch")["counts"]["processed"] == 3


def test_pages_follow_each_other(stage):
    stage.monkeypatch.setattr("backfill_run.BATCH_PAGE", 2)
    stage.put(f"uploads/{number}.jpg" for number in range(5))
    cursor = stage.start(mode="batch")
    assert (cursor["counts"]["batched"], cursor["batches"]["jobs"]) == (5, 3)
    assert len(stage.keys("out/")) == 5


def test_a_killed_hop_finds_its_batch_again(stage):
    stage.put(KEYS)
    write = type(stage.place()).write
    writes = itertools.count(1)

    def dying(place, document):
        if next(writes) == 2:  # the jobs are submitted, and nothing says so yet
            raise KilledError
        write(place, document)

    plan = {"name": "all", "bucket": stage.bucket, "mode": "batch"}
    with stage.monkeypatch.context() as patch:
        patch.setattr("shared.backfills.Place.write", dying)
        with pytest.raises(KilledError):
            stage.run("backfill", plan, "start")
    stage.run("backfill", plan, "start")
    assert stage.cursor()["state"] == "done"
    assert len(stage.keys("out/")) == 4
    listed = stage.client.ci_list_inventory_trigger_jobs(Bucket=stage.bucket, Type="Job")
    assert len(listed["JobsDetail"]) == 1


def test_waiting_goes_on_in_the_next_hop_and_ends_with_a_cancel(stage):
    queue = stage.client.ci_get_media_pic_queue(Bucket=stage.bucket)["QueueList"][0]["QueueId"]

    def set_queue(state):
        stage.client.ci_update_media_pic_queue(
            Bucket=stage.bucket, QueueId=queue,
            Request={"Name": "q", "State": state, "NotifyConfig": {"State": "Off"}},
        )  # fmt: skip

    stage.put(KEYS)
    set_queue("Paused")
    ticks = itertools.count()
    with stage.monkeypatch.context() as patch:
        patch.setattr("backfill_run.Run.over", property(lambda run: next(ticks) > 1))
        cursor = stage.start(mode="batch", settle=False)
    assert (cursor["state"], list(cursor["open"])) == ("running", ["photos"])
    stage.place().cancel()
    stage.settle()
    assert (stage.cursor()["state"], stage.cursor()["open"]) == ("cancelled", {})
    [job] = cursor["open"]["photos"].values()
    answer = stage.client.ci_get_inventory_trigger_jobs(Bucket=stage.bucket, JobID=job)
    assert answer["JobsDetail"][0]["State"] == "Cancel"
    set_queue("Active")
    cursor = stage.start(mode="batch")
    assert (cursor["state"], cursor["batches"]["objects"]) == ("done", 4)
    assert stage.keys("out/") == sorted(f"out/{key.rpartition('/')[2]}/half.jpg" for key in KEYS)


def test_a_batch_job_that_fails_ends_it_or_leaves_it_to_the_functions(stage):
    stage.put(KEYS)
    stage.monkeypatch.setattr(
        "shared.batches.BatchCos.batch_state", lambda *_: ("Failed", "Internal: CI is down")
    )
    stage.monkeypatch.setattr("shared.batches.BatchCos.picture_jobs", lambda *_: iter(()))
    cursor = stage.start(mode="batch")
    assert (cursor["state"], cursor["error"]["code"]) == ("failed", "BatchFailed")
    assert "Internal: CI is down" in cursor["error"]["message"]
    cursor = stage.start(mode="auto", name="auto")
    assert (cursor["state"], len(stage.events())) == ("done", 4)
    assert "what it left is invoked" in cursor["problems"][0]


def test_with_the_state_in_another_bucket(stage):
    state = stage.project.cloud.new_bucket()
    stage.monkeypatch.setenv("STATE_BUCKET", state)
    stage.put(KEYS)
    stage.start(mode="batch")
    own, stage.bucket = stage.bucket, state
    assert stage.cursor()["batches"]["objects"] == 4
    stage.bucket = own
    assert len(stage.keys("out/")) == 4
    assert stage.keys(".pipelines/") == []


def test_an_object_that_was_replaced_is_not_recorded_as_the_old_one(stage):
    """The picture job saw other bytes than the listing."""
    stage.put(KEYS[:1])
    from backfill_batch import Batches

    real = Batches.submit

    def replaced(self, wanted, page):
        stage.client.put_object(Bucket=stage.bucket, Key=KEYS[0], Body=small(77))
        return real(self, wanted, page)

    stage.monkeypatch.setattr("backfill_batch.Batches.submit", replaced)
    cursor = stage.start(mode="batch")
    assert (cursor["batches"]["objects"], len(stage.events())) == (0, 1)

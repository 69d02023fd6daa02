"""The dispatch function: which functions an upload reaches, and what becomes of it if one cannot
be reached."""

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from localcloud.events import cos_event
from shared.cos import Cos
from shared.dead_letters import DeadLetter, DeadLetters
from shared.events import MAX_RECORDS, parse
from shared.invocations import RetryableError
from shared.scf import Scf
from shared.settings import Settings
from tests.functions.dispatch.conftest import PREFIX

ROOT = Path(__file__).parents[3]
SECRET = "q-sign-algorithm=sha1&q-signature=0123456789"


def picture():
    body = io.BytesIO()
    Image.new("RGB", (40, 20), (200, 30, 30)).save(body, "PNG")
    return body.getvalue()


def event_of(stage, *keys, name="cos:ObjectCreated:Put"):
    """An event of several records, with the signature that a real one carries."""
    records = []
    for key in keys:
        [record] = cos_event(
            bucket=stage.bucket, region="ap-guangzhou", key=key, size=7, event_name=name,
            event_time=1795219200, meta={"Content-Type": "image/png", "x-cos-meta-User": "猫"},
            request_id=f"up-{key}",
        )["Records"]  # fmt: skip
        headers = record["event"]["requestParameters"]["requestHeaders"]
        headers["Authorization"] = SECRET
        records.append(record)
    return {"Records": records}


def outcomes(entries):
    return {entry["target"]: entry["outcome"] for entry in entries}


def test_an_upload_wakes_dispatch_and_dispatch_wakes_the_others(stage):
    """In the default bucket, whose trigger feeds dispatch alone."""
    stage.bucket = stage.cloud.bucket
    stage.client.put_object(Bucket=stage.bucket, Key="uploads/猫 1+.png", Body=picture())
    stage.settled()
    image = Image.open(io.BytesIO(stage.read("out/猫 1+.png/half.png")))
    assert image.size == (20, 10)
    assert json.loads(stage.read("records/猫 1+.png.json"))["outcome"] == "done"
    assert stage.seen("uploads/猫 1+.png")["Records"][0]["event"]["eventName"] == (
        "cos:ObjectCreated:Put"
    )
    lines = stage.lines("dispatch", "uploads/猫 1+.png")
    assert {(line["target"], line["outcome"]) for line in lines} == {
        ("image", "submitted"), ("probe", "submitted"),
    }  # fmt: skip
    [done] = stage.lines("image", "uploads/猫 1+.png")
    assert done["outcome"] == "done"
    assert done["upload"] == lines[0]["upload"], "one id leads from the event to the outputs"
    assert done["invocation"] in {line["invoked"] for line in lines}


def test_each_function_is_invoked_once_with_the_uploads_own_event(stage, capsys):
    event = event_of(stage, "up/a b.txt")
    [entry] = stage.handle(event)
    assert entry == json.loads(capsys.readouterr().out)
    assert (entry["target"], entry["pipelines"]) == ("probe", ["seen", "seen-again"])
    assert (entry["function"], entry["invocation"]) == ("dispatch", "inv-1")
    assert (entry["bucket"], entry["key"]) == (stage.bucket, "up/a b.txt")
    assert (entry["upload"], entry["outcome"], entry["error"]) == (
        "up-up/a b.txt", "submitted", None,
    )  # fmt: skip
    assert [call.partition(" ")[0] for call in entry["calls"]] == ["Invoke"]
    assert parse(stage.seen("up/a b.txt")) == parse(event)
    assert len(stage.cloud.log.read_text().split(f"START RequestId: {entry['invoked']}\n")) == 2


def test_no_secret_goes_further(stage, capsys):
    stage.as_user("AKIDprobe")
    stage.handle(event_of(stage, "up/secret.png"))
    told = capsys.readouterr().out
    passed = json.dumps(stage.seen("up/secret.png"))
    kept = json.dumps(stage.letters())
    for text in (told, passed, kept):
        assert "up/secret.png" in text
        for secret in (SECRET, "q-signature", "Authorization", "key-probe", "TC3-HMAC"):
            assert secret not in text


def test_several_records_each_go_their_own_way(stage):
    found = stage.handle(event_of(stage, "up/1.txt", "up/2.png", "elsewhere/3.png"))
    assert [(entry["key"], entry.get("target"), entry["outcome"]) for entry in found] == [
        ("elsewhere/3.png", None, "skipped"),
        ("up/1.txt", "probe", "submitted"),
        ("up/2.png", "image", "submitted"),
        ("up/2.png", "probe", "submitted"),
    ]
    for key in ("up/1.txt", "up/2.png"):
        assert [record["cos"]["cosObject"]["key"] for record in stage.seen(key)["Records"]] == [
            f"/1250000000/{stage.bucket.removesuffix('-1250000000')}/{key}"
        ]
    assert stage.seen("elsewhere/3.png") is None


def test_duplicates_are_harmless(stage):
    stage.client.put_object(Bucket=stage.bucket, Key="up/twice.png", Body=picture())
    for _ in range(2):
        assert set(outcomes(stage.handle(event_of(stage, "up/twice.png"))).values()) == {
            "submitted"
        }
    stage.settled()
    said = [line["outcome"] for line in stage.lines("image", "up/twice.png")]
    assert sorted(said) == ["done", "skipped"]
    assert stage.read("out/twice.png/half.png")


def test_a_function_that_may_not_be_invoked_becomes_a_dead_letter_and_the_other_gets_its_event(
    stage,
):
    stage.as_user("AKIDprobe")
    found = stage.handle(event_of(stage, "up/denied.png"))
    assert outcomes(found) == {"image": "failed", "probe": "submitted"}
    failed = next(entry for entry in found if entry["target"] == "image")
    assert failed["error"]["code"] == "UnauthorizedOperation.CAM"
    assert "scf:InvokeFunction" in failed["error"]["advice"]
    assert failed["error"]["request_id"] in failed["calls"][0]
    assert stage.seen("up/denied.png")
    [letter] = stage.letters()
    assert failed["dead_letter"].endswith(".json")
    assert (letter["function"], letter["pipeline"], letter["retryable"]) == ("image", "", False)
    assert (letter["key"], letter["upload"], letter["invocation"]) == (
        "up/denied.png", "up-up/denied.png", "inv-1",
    )  # fmt: skip
    assert letter["requests"] == [failed["error"]["request_id"]]
    assert letter["error"]["code"] == "UnauthorizedOperation.CAM"


def test_what_a_dead_letter_keeps_is_enough_to_go_on(stage):
    stage.client.put_object(Bucket=stage.bucket, Key="up/later.png", Body=picture())
    stage.as_user("AKIDprobe")
    stage.handle(event_of(stage, "up/later.png"))
    [letter] = stage.letters()
    stage.settled()
    assert stage.read("out/later.png/half.png") is None
    stage.as_user(*(stage.cloud.environment[f"COS_SECRET_{name}"] for name in ("ID", "KEY")))
    settings = Settings.load()
    letters = DeadLetters(Cos(settings, "ap-guangzhou"), stage.bucket, settings.state_prefix)
    scf = Scf(settings, "ap-guangzhou", PREFIX)
    letters.retry(DeadLetter(**letter), scf.invoke)
    stage.settled()
    assert stage.letters() == [], "the function has dropped it"
    assert stage.read("out/later.png/half.png")


def test_a_function_that_is_not_there_is_named_with_its_pipelines(stage):
    [entry] = stage.handle(event_of(stage, "ghosts/a.png"))
    assert (entry["target"], entry["outcome"]) == ("ghost", "failed")
    assert entry["error"]["code"] == "ResourceNotFound.Function"
    assert "pipelines.yml names it in ghosts" in entry["error"]["message"]
    assert "pipelines.yml" in entry["error"]["advice"]
    assert [letter["function"] for letter in stage.letters()] == ["ghost"]


def test_what_passes_is_tried_again_at_once(stage, between):
    between.answers = {"probe": ["RequestLimitExceeded", "InternalError", None]}
    [entry] = stage.handle(event_of(stage, "up/soon.txt"))
    assert entry["outcome"] == "submitted"
    assert len(entry["calls"]) == between.asked["probe"] == 3
    assert stage.seen("up/soon.txt")
    assert stage.letters() == []


@pytest.mark.parametrize(
    "answer",
    ["RequestLimitExceeded", "InternalError.System", "cut", (502, "text/html", b"<h1>no</h1>")],
)
def test_only_what_is_missing_is_left_for_later(stage, between, answer):
    between.answers = {"image": [answer]}
    found = stage.handle(event_of(stage, "up/part.png"))
    assert outcomes(found) == {"image": "failed", "probe": "submitted"}
    assert between.asked == {"image": 3, "probe": 1}
    [letter] = stage.letters()
    assert (letter["function"], letter["retryable"], letter["attempts"]) == ("image", True, 3)


def test_one_record_of_several_that_fails_does_not_bring_back_the_others(stage, between):
    between.answers = {"image": ["InternalError"]}
    found = stage.handle(event_of(stage, "up/1.txt", "up/2.png"))
    assert [(entry["key"], entry["target"]) for entry in found if entry["outcome"] == "failed"] == [
        ("up/2.png", "image")
    ]
    assert [letter["key"] for letter in stage.letters()] == ["up/2.png"]


def test_if_nothing_could_be_handed_over_scf_comes_again(stage, between):
    between.answers = {"image": ["InternalError"], "probe": ["RequestLimitExceeded"]}
    event = event_of(stage, "up/none.png")
    with pytest.raises(RetryableError, match=r"up/none.png \(InternalError\), up/none.png \(Requ"):
        stage.handle(event)
    assert stage.letters() == []
    between.answers = {}
    assert set(outcomes(stage.handle(event)).values()) == {"submitted"}


def test_scf_is_not_reached(stage, closed_port):
    stage.through(f"http://127.0.0.1:{closed_port}")
    with pytest.raises(RetryableError, match=r"up/a.png \(NetworkError\)"):
        stage.handle(event_of(stage, "up/a.png"))


def test_it_ends_before_its_own_time_limit(stage, between):
    between.answers = {"image": ["InternalError"], "probe": ["InternalError"]}
    stage.setenv("COS_ATTEMPTS", "10")
    with pytest.raises(RetryableError):
        stage.handle(event_of(stage, "up/a.png"), seconds=3)
    assert between.asked["image"] < 10


def test_a_letter_that_cannot_be_written_brings_scf_back(stage, capsys):
    stage.as_user("AKIDnoletter")
    with pytest.raises(RetryableError, match=r"up/x.png \(UnauthorizedOperation.CAM\)"):
        stage.handle(event_of(stage, "up/x.png"))
    failed = json.loads(capsys.readouterr().out.splitlines()[0])
    assert "no dead letter could be written: AccessDenied" in failed["reason"]


def test_a_wrong_key_is_no_end(stage, capsys):
    """COS takes no letter with it either, so only SCF's queue still has the event."""
    stage.as_user("AKIDprobe", "wrong")
    with pytest.raises(RetryableError, match=r"AuthFailure"):
        stage.handle(event_of(stage, "up/x.png"))
    assert "check the credentials" in capsys.readouterr().out


def test_without_rights_each_upload_has_its_letter(stage):
    stage.as_user("AKIDnothing")
    assert set(outcomes(stage.handle(event_of(stage, "up/x.png"))).values()) == {"failed"}
    assert {letter["function"] for letter in stage.letters()} == {"image", "probe"}


@pytest.mark.parametrize(
    ("key", "name", "reason"),
    [
        ("up/x", "cos:ObjectRemove:Delete", "cos:ObjectRemove:Delete is no upload"),
        (".pipelines/claims/1/2", "cos:ObjectCreated:Put", "the object belongs to the ledger"),
        ("else/x", "cos:ObjectCreated:Put", "no pipeline wants this upload"),
    ],
)
def test_what_needs_nothing_is_an_outcome_with_a_line(stage, capsys, key, name, reason):
    [entry] = stage.handle(event_of(stage, key, name=name))
    assert json.loads(capsys.readouterr().out) == entry
    assert (entry["outcome"], entry["reason"], entry["function"]) == ("skipped", reason, "dispatch")
    assert (entry["key"], entry["upload"], entry["invocation"]) == (key, f"up-{key}", "inv-1")


def test_a_pipelines_own_output_is_not_sent_back_to_it(stage, tmp_path):
    file = tmp_path / "pipelines.yml"
    file.write_text(
        "version: 1\npipelines:\n  small:\n    function: probe\n"
        "    when: {prefix: photos/}\n"
        '    outputs: {any: {rule: imageMogr2/format/jpg, fileid: "/photos/{name}/s.jpg", '
        f"bucket: {stage.cloud.bucket}}}}}\n"
    )
    stage.setenv("PIPELINES_FILE", str(file))
    [sent] = stage.handle(event_of(stage, "photos/x.png"))
    assert sent["outcome"] == "submitted"
    stage.bucket = stage.cloud.bucket
    [entry] = stage.handle(event_of(stage, "photos/x.png/s.jpg"))
    assert (entry["outcome"], entry["pipeline"]) == ("skipped", "small")
    assert entry["reason"] == "the pipeline wrote this object itself"


@pytest.mark.parametrize(
    "sample", sorted(ROOT.glob("events/malformed-*.json")), ids=lambda p: p.stem
)
def test_malformed_events_are_rejected_and_say_so(stage, between, sample):
    try:
        event = json.loads(sample.read_bytes())
    except ValueError:
        event = sample.read_text()
    found = stage.handle(event)
    rejected = [entry for entry in found if entry["outcome"] == "rejected"]
    assert rejected
    assert {entry["error"]["code"] for entry in rejected} == {"InvalidEvent"}
    assert between.asked == ({"probe": 1} if sample.stem.endswith("second-record") else {})


def test_a_malformed_record_does_not_keep_the_others_back(stage):
    event = event_of(stage, "up/good.txt", "up/bad.txt")
    del event["Records"][1]["cos"]["cosObject"]
    found = stage.handle(event)
    assert [entry["outcome"] for entry in found] == ["rejected", "submitted"]
    assert "Records[1].cos.cosObject is missing" in found[0]["error"]["message"]
    assert stage.seen("up/good.txt")


def test_many_records_are_sent_several_at_a_time_and_too_many_are_not_begun(stage, between):
    keys = [f"up/{number}.txt" for number in range(40)]
    assert {entry["outcome"] for entry in stage.handle(event_of(stage, *keys))} == {"submitted"}
    assert between.asked == {"probe": 40}
    too_many = {"Records": event_of(stage, "up/x.txt")["Records"] * (MAX_RECORDS + 1)}
    [entry] = stage.handle(too_many)
    assert entry["outcome"] == "rejected"
    assert between.asked == {"probe": 40}
    stage.settled()


def test_a_name_that_tells_no_prefix_needs_the_variable(stage):
    stage.setenv("SCF_FUNCTIONNAME", "my-fan-out")
    event = event_of(stage, "up/named.txt")
    with pytest.raises(RetryableError, match="FUNCTION_PREFIX"):
        stage.handle(event)
    stage.setenv("FUNCTION_PREFIX", PREFIX)
    assert outcomes(stage.handle(event)) == {"probe": "submitted"}


def test_the_state_bucket_takes_the_letters(stage):
    own, state = stage.bucket, stage.cloud.new_bucket()
    stage.setenv("STATE_BUCKET", state)
    stage.handle(event_of(stage, "ghosts/a.png"))
    assert stage.letters() == []
    stage.bucket = state
    [letter] = stage.letters()
    assert letter["bucket"] == own
    assert re.fullmatch(r"ap-[a-z]+", letter["event"]["Records"][0]["cos"]["cosBucket"]["region"])

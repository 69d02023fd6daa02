"""The sweep against the real local cloud, whose functions it wakes."""

import json
import time

import pytest

from shared.claims import Step, Version
from shared.cos import Cos
from shared.dead_letters import DeadLetter, DeadLetters
from shared.errors import CloudError
from shared.events import document, parse
from shared.invocations import RetryableError
from shared.ledger import CosStore, Ledger
from shared.settings import Settings
from tests.functions.conftest import load_handler, photo

CONTEXT = {"request_id": "sweep-1", "time_limit_in_ms": 60_000}
TIMER = {"Type": "Timer", "TriggerName": "sweep", "Time": "2026-11-21T00:00:00Z", "Message": ""}
HALF = 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"'


@pytest.fixture(scope="session")
def sweep():
    return load_handler("sweep")


@pytest.fixture
def state(project, monkeypatch):
    """The project's bucket as the sweep's; invokes run the image handler at once."""
    project.pipelines({"half": HALF})
    monkeypatch.setenv("COS_BUCKET", project.bucket)
    return State(project, monkeypatch)


class State:
    def __init__(self, project, monkeypatch):
        self.project, self.sent = project, []
        self.cos = Cos(Settings.load(), "ap-guangzhou", time.monotonic() + 100)
        self.letters = DeadLetters(self.cos, project.bucket, ".pipelines/")
        # SCF is another process's work: what arrives there is what counts here.
        monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: self.invoke(*call))

    def invoke(self, function, event):
        self.sent.append((function, event))
        return f"inv-{len(self.sent)}"

    def claim(self, key, *, lease=-1000.0, attempt=1, submitted=None, function="image"):
        """A claim of an upload whose invocation died; by default long ago."""
        [upload] = parse(self.project.upload(key, photo()))
        ledger = Ledger(CosStore(self.cos, self.project.bucket), ".pipelines/", "inv-0", 0)
        step = Step(upload.bucket, upload.key, function, "photos")
        details = {"event": document(upload), "function": function, "pipeline": "photos"}
        for _ in range(attempt):
            claim = ledger.claim(step, Version.of(upload), lease, details)
        return ledger.submit(claim, lease, submitted) if submitted else claim

    def letter(self, key, *, age=1000.0, retryable=True, retried=0):
        letter = DeadLetter(
            self.project.bucket, key, "image", "photos", {"Records": [key]}, {"code": "X"}, 3,
            time.time() - age, retryable, retried=retried,
        )  # fmt: skip
        self.letters.write(letter)
        return letter


def swept(sweep, state):
    return sweep(TIMER, CONTEXT)["swept"][state.project.bucket]


def test_a_claim_whose_invocation_died_goes_to_its_function_again(state, sweep, handler):
    state.claim("uploads/a.jpg")
    assert swept(sweep, state)["invoked"] == 1
    [(function, event)] = state.sent
    assert function == "image"
    [entry] = handler(event, {"request_id": "inv-1", "time_limit_in_ms": 30_000})["outcomes"]
    assert (entry["outcome"], entry["attempt"]) == ("done", 2)
    counts = swept(sweep, state)
    assert (counts["claims"], "open" in counts) == (2, False)


def test_a_claim_that_scf_may_still_repeat_is_left_to_it(state, sweep):
    state.claim("uploads/a.jpg", lease=60)
    counts = swept(sweep, state)
    assert (counts["open"], state.sent) == (1, [])


def test_a_claim_is_not_begun_again_while_its_invocation_may_wait(state, sweep, monkeypatch):
    """SCF's queue may be longer than the time between two rounds."""
    state.claim("uploads/a.jpg")
    assert [swept(sweep, state).get("invoked") for _ in range(3)] == [1, None, None]
    monkeypatch.setenv("SWEEP_REST", "0")
    assert swept(sweep, state)["invoked"] == 1
    # An attempt that began since and died is another claim.
    monkeypatch.setenv("SWEEP_REST", "300")
    state.claim("uploads/a.jpg", attempt=2)
    assert swept(sweep, state)["invoked"] == 1


def test_one_round_is_at_work_at_a_time(state, sweep):
    """Another would begin the same claims; one that was killed keeps nobody out for long."""
    key, bucket = ".pipelines/sweep/cursor.json", state.project.bucket
    state.claim("uploads/a.jpg")
    for holder, seconds, invoked in (("other", 60, None), ("other", -1, 1)):
        cursor = json.dumps({"at_work": [holder, time.time() + seconds]})
        state.project.client.put_object(Bucket=bucket, Key=key, Body=cursor)
        counts = swept(sweep, state)
        assert (counts.get("invoked"), "skipped" in counts) == (invoked, not invoked)
    # SCF repeats an invocation under its own id.
    state.claim("uploads/b.jpg")
    cursor = json.dumps({"at_work": [CONTEXT["request_id"], time.time() + 60]})
    state.project.client.put_object(Bucket=bucket, Key=key, Body=cursor)
    assert swept(sweep, state)["invoked"] == 2


def test_a_round_that_is_killed_is_gone_on_with(state, sweep, monkeypatch):
    """What it had begun is known, and so is where it was."""
    for number in range(4):
        state.claim(f"uploads/{number}.jpg")
    monkeypatch.setattr("sweep_round._PERIOD", 0.0)
    monkeypatch.setattr("sweep_round._LEASE", 0.0)
    original = state.invoke

    def dying(*call):
        if len(state.sent) == 2:
            raise SystemExit
        return original(*call)

    monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: dying(*call))
    monkeypatch.setattr("sweep_round.Round.finish", lambda self: None)
    with pytest.raises(SystemExit):
        sweep(TIMER, CONTEXT)
    monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: original(*call))
    counts = swept(sweep, state)
    assert (counts["open"], counts["invoked"]) == (2, 2)
    assert len({parse(event)[0].key for _, event in state.sent}) == 4


@pytest.mark.parametrize("kept", [b"[]", b"{", b'{"claims": 7, "begun": {"x": "y", "z": [1]}}'])
def test_a_cursor_that_cannot_be_read_is_begun_anew(state, sweep, kept):
    key = ".pipelines/sweep/cursor.json"
    state.project.client.put_object(Bucket=state.project.bucket, Key=key, Body=kept)
    state.claim("uploads/a.jpg")
    assert [swept(sweep, state).get("invoked") for _ in range(2)] == [1, None]


@pytest.mark.parametrize(("faults", "done"), [(1, 3), (7, 0)])
def test_a_fault_of_the_service_ends_a_round_only_if_it_goes_on(
    state, sweep, monkeypatch, faults, done
):
    """A read that no retry within the call saves; what was done before it is kept."""
    for number in range(4 if faults == 1 else 8):
        state.claim(f"uploads/{number}.jpg")
    original, struck = Cos.read_object, []

    def reading(cos, bucket, key):
        if "/claims/" in key and len(struck) < faults:
            struck.append(key)
            raise CloudError("InternalError", "a fault", status=500)
        return original(cos, bucket, key)

    monkeypatch.setattr(Cos, "read_object", reading)
    if faults == 1:
        counts = swept(sweep, state)
        assert (counts["invoked"], len(counts["problems"]), "error" in counts) == (3, 1, False)
    else:
        with pytest.raises(RetryableError, match="InternalError"):
            sweep(TIMER, CONTEXT)
    assert len(state.sent) == done


def test_after_nine_attempts_that_died_there_is_a_dead_letter(state, sweep):
    state.claim("uploads/a.jpg", attempt=9)
    assert swept(sweep, state)["buried"] == 1
    [id] = state.letters.ids()
    letter = state.letters.read(id)
    assert (letter.error["code"], letter.attempts) == ("AttemptsExhausted", 9)
    assert parse(letter.event)[0].key == "uploads/a.jpg"
    assert state.sent == []
    assert "open" not in swept(sweep, state)


def test_submitted_work_is_asked_for_by_its_finisher(state, sweep):
    claim = state.claim("uploads/a.jpg", lease=600.0, submitted={"finisher": "callback"})
    assert swept(sweep, state)["asked"] == 1
    bucket = state.project.bucket
    assert state.sent == [("callback", {"Claims": [{"bucket": bucket, "key": claim.key}]})]


@pytest.mark.parametrize("late", [{"submitted": {"finisher": "callback"}},
                                  {"function": "audit", "attempt": 9}])  # fmt: skip
def test_what_only_a_finisher_can_act_on_is_its_work_for_a_day(state, sweep, late):
    """Jobs whose time is over, and audits that each attempt died of: both are for review."""
    claim = state.claim("uploads/b.jpg", **late)
    counts = swept(sweep, state)
    assert (counts["asked"], "buried" in counts) == (1, False)
    [(function, event)] = state.sent
    assert (function, event["Claims"][0]["key"]) == ("callback", claim.key)
    state.claim("uploads/c.jpg", lease=-90_000.0, **late)
    assert swept(sweep, state)["buried"] == 1


def test_letters_that_may_succeed_by_now_are_sent_again_and_rest_longer_each_time(state, sweep):
    due = state.letter("due", age=301)
    state.letter("young", age=200)
    state.letter("for-a-person", retryable=False, age=10**6)
    state.letter("twice", age=301, retried=1)
    state.letter("enough", age=10**6, retried=5)
    counts = swept(sweep, state)
    assert (counts["letters"], counts["retried"]) == (5, 1)
    assert state.sent == [("image", {"Records": ["due"], "letter": due.id})]
    assert "retried" not in swept(sweep, state)


def test_a_letter_goes_when_its_upload_succeeds(state, sweep, handler):
    event = state.project.upload("uploads/a.jpg", photo())
    letter = DeadLetter(
        state.project.bucket, "uploads/a.jpg", "image", "", event, {"code": "X"}, 1, 0.0, True
    )
    state.letters.write(letter)
    swept(sweep, state)
    [(_, again)] = state.sent
    handler(again, {"request_id": "inv-1", "time_limit_in_ms": 30_000})
    assert list(state.letters.ids()) == []
    assert state.project.record("a.jpg")["outcome"] == "done"


def test_what_scf_gave_up_becomes_a_letter(state, sweep, project):
    event = project.upload("uploads/图 a.jpg", photo())
    body = {
        "RequestId": "req-9", "ErrorCode": 430, "ErrorMessage": "user code exception caught",
        "Body": {"FunctionName": "image", "RetryNum": 2, "ClientContext": json.dumps(event)},
    }  # fmt: skip
    garbage = [{"CMQ": {"msgBody": text}} for text in ("", "[]", "{}", '{"Body": {}}')]
    records = [{"CMQ": {"type": "topic", "msgBody": json.dumps(body)}}, *garbage, {"CMQ": 1}]
    told = sweep({"Records": records[:-1]}, CONTEXT)
    assert told == {"kept": 1, "problems": []}
    [id] = state.letters.ids()
    letter = state.letters.read(id)
    assert (letter.function, letter.key, letter.attempts) == ("image", "uploads/图 a.jpg", 3)
    assert (letter.error["code"], letter.invocation) == ("430", "req-9")
    assert parse(letter.event) == parse(event)


def test_a_round_stops_at_its_bound_and_the_next_goes_on(state, sweep, monkeypatch):
    monkeypatch.setattr("sweep_claims.MAX_READ", 2)
    monkeypatch.setattr("sweep_letters.MAX_LETTERS", 1)
    for number in range(5):
        state.claim(f"uploads/{number}.jpg")
    for number in range(2):
        state.letter(f"{number}")
    rounds = [swept(sweep, state) for _ in range(3)]
    assert [counts.get("invoked") for counts in rounds] == [2, 2, 1]
    assert [counts.get("retried") for counts in rounds[:2]] == [1, 1]
    keys = {parse(event)[0].key for function, event in state.sent if "letter" not in event}
    assert keys == {f"uploads/{number}.jpg" for number in range(5)}


def test_the_rule_that_lets_claims_go_joins_the_owners_own(state, sweep):
    client, bucket = state.project.client, state.project.bucket
    own = {
        "ID": "mine", "Status": "Enabled",
        "Filter": {"And": {"Prefix": "logs/", "Tag": [{"Key": "a", "Value": "b"}]}},
        "Transition": [{"Days": "30", "StorageClass": "STANDARD_IA"}],
        "Expiration": {"Days": "90"},
    }  # fmt: skip
    client.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rule": [own]})
    assert swept(sweep, state)["lifecycle"] == 1
    mine, *ours = client.get_bucket_lifecycle(Bucket=bucket)["Rule"]
    assert (mine["ID"], mine["Expiration"], mine["Transition"]) == (
        "mine", {"Days": "90"}, [{"Days": "30", "StorageClass": "STANDARD_IA"}]
    )  # fmt: skip
    assert mine["Filter"]["And"]["Prefix"] == "logs/"
    assert [(rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) for rule in ours] == [
        (".pipelines/claims/", "7"), (".pipelines/jobs/", "7")
    ]  # fmt: skip
    assert "lifecycle" not in swept(sweep, state)


def test_one_broken_claim_does_not_stop_the_others(state, sweep):
    state.claim("uploads/a.jpg")
    broken = ".pipelines/claims/0000/999998"
    state.project.client.put_object(Bucket=state.project.bucket, Key=broken, Body=b"{" * 200)
    counts = swept(sweep, state)
    assert counts["invoked"] == 1
    assert broken in counts["problems"][0]


def test_a_bucket_that_is_gone_is_told_and_the_others_are_swept(state, sweep, monkeypatch):
    state.claim("uploads/a.jpg")
    monkeypatch.setenv("COS_BUCKET", f"gone-1250000000, {state.project.bucket}")
    told = sweep(TIMER, CONTEXT)["swept"]
    assert told["gone-1250000000"]["error"]["code"] == "NoSuchBucket"
    assert told[state.project.bucket]["invoked"] == 1
    monkeypatch.setenv("COS_BUCKET", "gone-1250000000")
    with pytest.raises(RetryableError, match="NoSuchBucket"):
        sweep(TIMER, CONTEXT)
    monkeypatch.delenv("COS_BUCKET")
    with pytest.raises(RetryableError, match="COS_BUCKET is not set"):
        sweep(TIMER, CONTEXT)

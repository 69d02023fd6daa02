"""What the door lets in, and what a callback leads to: an invoke of who finishes, or nothing."""

import base64
import json

import pytest

from shared.errors import CloudError
from shared.invocations import RetryableError
from shared.jobs import Job
from tests.functions.callback.conftest import CONTEXT, OLDER, TOKEN, http_event

JOB = "av0123456789"


def told(job=JOB, **more):
    return {"EventName": "ReviewVideo", "JobsDetail": {"JobId": job, "State": "Success", **more}}


def simple(job=JOB, url=None):
    return {"code": 0, "message": "success", "data": {"trace_id": job, "url": url, "result": 0}}


def xml(job=JOB):
    return f"<Response><JobsDetail><JobId>{job}</JobId></JobsDetail></Response>"


def asked(stage, claim):
    return ("callback", {"Claims": [{"bucket": stage.bucket, "key": claim.key}]})


@pytest.mark.parametrize("gateway", [False, True])
@pytest.mark.parametrize("token", [TOKEN, OLDER])
@pytest.mark.parametrize("body", [told(), simple(), xml()])
def test_every_form_by_both_triggers_wakes_who_finishes(stage, body, token, gateway):
    claim = stage.submitted()
    assert stage.post(body, token=token, gateway=gateway) == 200
    assert stage.sent == [asked(stage, claim)]


def test_a_body_in_base64(stage):
    claim = stage.submitted()
    body = base64.b64encode(json.dumps(told()).encode()).decode()
    assert stage.post(body, isBase64Encoded=True) == 200
    assert stage.sent == [asked(stage, claim)]


def test_the_answer_tells_nothing_of_what_is_known(stage):
    stage.submitted()
    bodies = (told(), told("av999999999"), told("../../x"), {"code": 0, "message": "test"})
    answers = [stage.handler(http_event(body), CONTEXT) for body in bodies]
    assert all(answer == answers[0] for answer in answers)
    assert len(stage.sent) == 1


def test_a_job_that_ends_before_it_is_written_down_is_found(stage, callback, monkeypatch):
    """Its callback overtakes whoever has just submitted it."""
    looks, claims = [], []

    def meanwhile(seconds):
        looks.append(seconds)
        if len(looks) == 2 and not claims:
            claims.append(stage.submitted())

    monkeypatch.setitem(callback.__globals__, "_PAUSES", (0.1, 0.2, 0.4))
    monkeypatch.setattr("time.sleep", meanwhile)
    assert stage.post(told()) == 200
    assert (looks, len(stage.sent)) == ([0.1, 0.2], 1)
    # One that is nobody's is looked for no longer than that, one that has ended not at all.
    looks.clear()
    assert stage.post(told("av999999999")) == 200
    assert (looks, len(stage.sent)) == ([0.1, 0.2, 0.4], 1)
    looks.clear()
    stage.ledger.close(claims[0], "done")
    assert stage.post(told()) == 200
    assert (looks, len(stage.sent)) == ([], 1)


@pytest.mark.parametrize(
    "token", ["", "x", TOKEN[:-1], TOKEN + "a", TOKEN.upper(), f"{TOKEN},{OLDER}", "é" * 40]
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_without_the_token_there_is_nothing_here(stage, token, method):
    stage.submitted()
    before = stage.state()
    answer = stage.handler(http_event(told(), token=token, method=method), CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])) == (404, {"code": "NotFound"})
    assert (stage.sent, stage.state()) == ([], before)


def test_without_any_token_set_nobody_gets_in(stage):
    stage.setenv("CALLBACK_TOKEN", "")
    assert [stage.post(told(), token=token) for token in ("", TOKEN)] == [404, 404]


def test_a_short_token_is_no_secret_and_is_not_shown(stage, capsys):
    stage.setenv("CALLBACK_TOKEN", "only-a-few-letters")
    assert stage.post(told(), token="only-a-few-letters") == 503
    log = capsys.readouterr().out
    assert "CALLBACK_TOKEN has 18 characters" in log
    assert "only-a-few" not in log


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods(stage, method):
    stage.submitted()
    answer = stage.handler(http_event(told(), method=method), CONTEXT)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST")
    assert stage.sent == []


@pytest.mark.parametrize(
    "body",
    ["", "garbage", "[]", "{" * 10_000, "<a>" * 10_000, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
)
def test_garbage(stage, body):
    assert stage.post(body) == 400
    assert stage.sent == []


def test_a_body_that_is_too_large(stage):
    assert stage.post("{" + " " * (4 << 20) + "}") == 413


def test_more_callbacks_than_the_rate_allows(stage):
    stage.setenv("CALLBACK_RATE", "0.5")
    claim = stage.submitted()
    assert [stage.post(told()) for _ in range(2)] == [200, 429]
    assert stage.sent == [asked(stage, claim)]
    # Strangers use up nothing of it.
    stage.setenv("CALLBACK_RATE", "0.25")
    assert [stage.post(told(), token="x") for _ in range(5)] == [404] * 5
    assert stage.post(told()) == 200


def test_a_callback_for_another_bucket_changes_nothing(stage):
    stage.submitted()
    other = "other-1250000000"
    url = f"http://{other}.cos.ap-guangzhou.myqcloud.com/a.mp4"
    for body in (told(BucketId=other), simple(url=url)):
        assert stage.post(body) == 200
    assert stage.sent == []
    assert stage.post(told(BucketId=stage.bucket)) == 200
    assert len(stage.sent) == 1


def test_a_job_of_a_bucket_whose_state_lies_elsewhere(stage, project):
    uploads = project.cloud.new_bucket()
    stage.setenv("STATE_BUCKET", stage.bucket)
    stage.setenv("COS_BUCKET", uploads)
    claim = stage.submitted(bucket=uploads)
    assert stage.post(told(BucketId=stage.bucket)) == 200
    assert stage.sent == []
    assert stage.post(told(BucketId=uploads)) == 200
    assert stage.sent == [asked(stage, claim)]


def test_a_replay_after_the_end_changes_nothing(stage):
    claim = stage.submitted()
    stage.ledger.close(claim, "done")
    before = stage.state()
    assert [stage.post(told()) for _ in range(3)] == [200] * 3
    assert (stage.sent, stage.state()) == ([], before)


def test_several_jobs_of_one_claim_wake_its_finisher_once(stage):
    claim = stage.submitted()
    stage.jobs.write(Job("sa0123456789", claim.key, stage.bucket))
    body = {"JobsDetail": [{"JobId": JOB}, {"JobId": "sa0123456789"}]}
    assert stage.post(body) == 200
    assert stage.sent == [asked(stage, claim)]


@pytest.mark.parametrize("entry", [b"{}", b"[]", b"{", b'{"claim": 1}'])
def test_a_damaged_state_is_no_reason_to_come_again(stage, entry):
    stage.cos.put_object(stage.bucket, f".pipelines/jobs/{JOB}", entry, "application/json")
    assert stage.post(told()) == 200
    assert stage.sent == []


def test_a_job_that_points_outside_of_the_ledger_is_not_followed(stage):
    stage.jobs.write(Job(JOB, "uploads/a.mp4", stage.bucket))
    stage.cos.put_object(stage.bucket, "uploads/a.mp4", b"{}", "application/json")
    assert stage.post(told()) == 200
    assert stage.sent == []


def test_when_nobody_can_be_woken_ci_is_to_come_again(stage, monkeypatch):
    stage.submitted()

    def refuse(*_):
        raise CloudError("RequestLimitExceeded", "too many", status=429)

    monkeypatch.setattr("shared.scf.Scf.invoke", refuse)
    assert stage.post(told()) == 503


def test_no_log_holds_the_token_or_the_body(stage, capsys):
    stage.submitted()
    stage.post(told(), token=OLDER)
    stage.post("offending words")
    stage.post(told(), token=TOKEN + "x")
    log = capsys.readouterr().out
    assert len(log.splitlines()) == 3
    assert not any(secret in log for secret in (TOKEN, OLDER, "offending"))


@pytest.mark.parametrize(
    "event",
    [
        None, {}, [], {"Records": []}, {"Claims": "x"}, {"Claims": [1]},
        {"Claims": [{"bucket": "other-1250000000", "key": ".pipelines/claims/" + "0" * 40}]},
        {"Claims": [{}] * 101},
    ],
)  # fmt: skip
def test_events_that_are_not_for_it(stage, event):
    before = stage.state()
    [outcome] = stage.handler(event, CONTEXT)["outcomes"]
    assert outcome["outcome"] == "rejected"
    assert stage.state() == before


def test_settings_that_are_wrong_keep_the_claims(stage):
    stage.setenv("STATE_PREFIX", "no-slash")
    with pytest.raises(RetryableError, match="STATE_PREFIX"):
        stage.handler({"Claims": []}, CONTEXT)

"""Submitted audits: once, for the version that was judged, whatever comes in between."""

import json
import time

import pytest

from shared.claims import Claim, Step, Version, read
from shared.cos import Cos
from shared.events import parse, step_document
from shared.ledger import CosStore, Ledger
from shared.settings import Settings


@pytest.fixture
def submitted(audits):
    """An upload whose job is submitted."""
    event = audits.upload("uploads/good.pdf", b"%PDF-1.4")
    entry = audits.run(event)
    assert (entry["outcome"], entry["record"]) == ("submitted", None)
    return event


def claim_of(audits, key):
    return read(key, audits.get(key))


def test_the_claim_names_the_job_and_the_finisher(audits, submitted):
    claim = claim_of(audits, audits.claims()[0])
    assert isinstance(claim, Claim)
    assert claim.details["finisher"] == "callback"
    assert claim.details["jobs"][0]["kind"] == "document"
    assert claim.lease == 7200 + 900


def test_the_result_is_fetched_and_acted_on_once(audits, submitted):
    entry = audits.finished()
    assert (entry["outcome"], entry["verdict"]) == ("done", "pass")
    assert audits.tags("uploads/good.pdf") == {"audit": "pass"}
    assert audits.audit_record("uploads/good.pdf")["by"] == "callback"
    for key in audits.claims():
        assert audits.finish(key).entry["outcome"] == "skipped"
    assert audits.run(submitted, "invocation-2")["outcome"] == "skipped"


def test_a_repeated_event_submits_no_second_job(audits, submitted):
    again = audits.run(submitted, "invocation-2")
    assert (again["outcome"], again["reason"]) == ("skipped", "its jobs were submitted before")


def test_an_object_that_was_replaced_keeps_its_own_verdict(audits, submitted):
    audits.client.put_object(Bucket=audits.bucket, Key="uploads/good.pdf", Body=b"%PDF-1.7 other")
    entry = audits.finished()
    assert (entry["outcome"], entry["reason"]) == (
        "skipped", "the object was replaced before its verdict came",
    )  # fmt: skip
    assert audits.client.get_object_tagging(Bucket=audits.bucket, Key="uploads/good.pdf")[
        "TagSet"
    ] in (None, {"Tag": []}, {})


def test_an_object_that_was_deleted_is_told_so(audits, submitted):
    audits.client.delete_object(Bucket=audits.bucket, Key="uploads/good.pdf")
    assert audits.finished()["reason"] == "the object was deleted before its verdict came"


def test_a_newer_upload_takes_the_place_of_a_submitted_one(audits, submitted):
    old = audits.claims()[0]
    event = audits.upload("uploads/good.pdf", b"%PDF-1.7 newer")
    event["Records"][0]["event"]["eventTime"] += 10
    assert audits.run(event, "invocation-2")["outcome"] == "submitted"
    ended = audits.finish(old)
    assert ended.entry["reason"] == "a newer upload took its place"
    assert audits.finished()["outcome"] == "done"


def test_what_is_no_claim_changes_nothing(audits, submitted):
    chain = audits.claims()[0].rpartition("/")[0]
    before = audits.get(audits.claims()[0])
    for key in ("uploads/good.pdf", ".pipelines/claims/../../x", f"{chain}/000001", ".pipelines/"):
        assert audits.finish(key).entry["outcome"] == "skipped"
    assert audits.get(audits.claims()[0]) == before


def test_a_claim_that_names_a_job_of_another_object_is_for_review(audits, submitted):
    [key] = audits.claims()
    other = audits.upload("uploads/good-other.pdf", b"%PDF-1.4 other")
    audits.run(other, "invocation-2")
    [other_key] = [each for each in audits.claims() if each != key]
    document = json.loads(audits.get(key))
    document["details"]["jobs"] = json.loads(audits.get(other_key))["details"]["jobs"]
    audits.client.put_object(Bucket=audits.bucket, Key=key, Body=json.dumps(document).encode())
    entry = audits.finish(key).entry
    while entry["outcome"] == "submitted":
        entry = audits.finish(key).entry
    assert audits.verdict("uploads/good.pdf")["reason"] == "the answer is about another object"
    assert audits.verdict("uploads/good.pdf")["result"] == "review"


@pytest.mark.parametrize("job", ["sdffffffffffffffffffffffffffffffff", None])
def test_a_job_that_never_ends_is_for_review(audits, submitted, job):
    """Long after it was submitted, whether CI knows it or not."""
    [key] = audits.claims()
    document = json.loads(audits.get(key))
    document["details"]["asked_at"] -= 8000
    if job:
        document["details"]["jobs"][0]["id"] = job
    else:
        document["details"]["jobs"] = []
    audits.client.put_object(Bucket=audits.bucket, Key=key, Body=json.dumps(document).encode())
    assert audits.finish(key).entry["outcome"] == "done"
    assert audits.verdict("uploads/good.pdf")["result"] == "review"


def test_a_finisher_at_work_keeps_others_out(audits, submitted, monkeypatch):
    """The second comes while the first has taken over and not yet acted."""
    seen = []
    original = Cos.add_tags

    def meanwhile(self, *arguments):
        if not seen:
            seen.append(None)
            seen[0] = [audits.finish(key, "finisher-2").entry["reason"] for key in audits.claims()]
        return original(self, *arguments)

    monkeypatch.setattr(Cos, "add_tags", meanwhile)
    assert audits.finished()["outcome"] == "done"
    assert set(seen[0]) == {"another invocation finishes it"}


def dead_claim(audits, key, attempts):
    """The claim of an audit each of whose attempts was killed, long ago."""
    [upload] = parse(audits.upload(key, b"some words", ACL="public-read"))
    cos = Cos(Settings.load(), "ap-guangzhou", time.monotonic() + 60)
    ledger = Ledger(CosStore(cos, audits.bucket), ".pipelines/", "killed", 0)
    details = {"event": step_document(upload, "check"), "function": "audit", "pipeline": "check"}
    step = Step(upload.bucket, upload.key, "audit", "check")
    for _ in range(attempts):
        claim = ledger.claim(step, Version.of(upload), -1000.0, details)
    return claim.key


def test_what_killed_every_attempt_at_it_is_for_review(audits):
    key = dead_claim(audits, "uploads/good.txt", 9)
    entry = audits.finish(key).entry
    assert (entry["outcome"], entry["verdict"]) == ("failed", "review")
    assert entry["error"]["code"] == "AttemptsExhausted"
    assert audits.get(entry["dead_letter"])
    assert audits.acl("uploads/good.txt") == "private"
    assert audits.tags("uploads/good.txt") == {"audit": "review"}
    assert audits.finish(key, id="finisher-2").entry["reason"] == "it was finished before"


def test_what_the_next_attempt_may_judge_is_left_to_it(audits):
    key = dead_claim(audits, "uploads/good.txt", 8)
    assert audits.finish(key).entry["reason"] == "nothing was submitted yet"
    assert audits.acl("uploads/good.txt") == "public-read"

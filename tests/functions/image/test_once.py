"""Each version of an upload is processed once, whatever happens to its events and its worker."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

import shared.session
from shared.claims import CLOSED_SIZE
from shared.runtime import RetryableError
from tests.functions.conftest import photo

HALF = 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"'
STATE = ".pipelines/"


def context(request_id="inv-1", milliseconds=30_000):
    return {"request_id": request_id, "time_limit_in_ms": milliseconds}


@pytest.fixture
def photos(project):
    project.pipelines({"half": HALF})
    return project


def claims(project):
    """The claims of the bucket: key -> text."""
    listed = project.client.list_objects(Bucket=project.bucket, Prefix=f"{STATE}claims/")
    return {row["Key"]: project.get(row["Key"]).decode() for row in listed.get("Contents", [])}


def letters(project):
    listed = project.client.list_objects(Bucket=project.bucket, Prefix=f"{STATE}dead/")
    return [json.loads(project.get(row["Key"])) for row in listed.get("Contents", [])]


def at(event, seconds):
    event["Records"][0]["event"]["eventTime"] = 1795219200 + seconds
    return event


def outcomes(handler, event, request_id="inv-1"):
    entries = handler(event, context(request_id))["outcomes"]
    return [(entry["outcome"], entry["reason"]) for entry in entries]


def test_an_event_that_comes_twice_is_processed_once(photos, handler):
    event = photos.upload("uploads/a.jpg", photo())
    assert outcomes(handler, event) == [("done", "")]
    first = photos.record("a.jpg")
    again = outcomes(handler, event, "inv-2")
    assert again == [("skipped", "this upload was processed before: done")]
    assert photos.record("a.jpg") == first
    [text] = claims(photos).values()
    assert text.startswith("closed done     001 001795219200 ")
    assert len(text) == CLOSED_SIZE


def test_of_concurrent_duplicates_one_works_and_the_others_wait_for_it(photos, handler):
    event = photos.upload("uploads/a.jpg", photo(1500, 1000))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: outcomes(handler, event, f"inv-{n}")[0], range(4)))
    assert sorted(status for status, _ in found) == ["done", "skipped", "skipped", "skipped"]
    assert len(claims(photos)) == 1


def test_a_new_version_of_the_key_is_processed(photos, handler):
    outcomes(handler, at(photos.upload("uploads/a.jpg", photo(60, 40)), 0))
    assert outcomes(handler, at(photos.upload("uploads/a.jpg", photo(80, 40)), 5), "inv-2") == [
        ("done", "")
    ]
    assert photos.image("out/a.jpg/half.jpg").size == (40, 20)
    assert photos.record("a.jpg")["upload"]["request_id"] == "up-2"


def test_an_older_event_that_comes_late_changes_nothing(photos, handler):
    old = at(photos.upload("uploads/a.jpg", photo(60, 40)), 0)
    new = at(photos.upload("uploads/a.jpg", photo(80, 40)), 5)
    outcomes(handler, new)
    assert outcomes(handler, old, "inv-2") == [
        ("skipped", "a newer upload of this key is processed in its place")
    ]
    assert photos.record("a.jpg")["upload"]["request_id"] == "up-2"


def test_two_pipelines_claim_the_same_upload_each_for_itself(photos, handler):
    photos.pipelines(
        {"half": HALF},
        more='  more:\n    when: {prefix: uploads/}\n    outputs:\n      png: {rule: '
        'imageMogr2/format/png, fileid: "/more/{stem}.png"}\n',
    )  # fmt: skip
    event = photos.upload("uploads/a.jpg", photo())
    assert [status for status, _ in outcomes(handler, event)] == ["done", "done"]
    assert len(claims(photos)) == 2


class Killed(BaseException):
    """The instance dies: no `except` of the code under test sees it."""


class Executioner:
    """Kills the handler before or after the call with a number, counted from 0."""

    def __init__(self, monkeypatch):
        self.count, self.victim, self.after = 0, None, False
        send = shared.session.Session.send

        def sending(session, request, **options):
            number, self.count = self.count, self.count + 1
            if number == self.victim and not self.after:
                raise Killed
            response = send(session, request, **options)
            if number == self.victim:
                raise Killed
            return response

        monkeypatch.setattr(shared.session.Session, "send", sending)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("repeated", [True, False], ids=["same-invocation", "another"])
def test_a_handler_that_is_killed_at_any_call_is_finished_by_the_next(
    photos, handler, monkeypatch, after, repeated
):
    """SCF comes again under the same id; another invocation, when the lease is over."""
    handler(photos.upload("uploads/warm.jpg", photo()), context())
    killer = Executioner(monkeypatch)
    handler(photos.upload("uploads/calm.jpg", photo()), context())
    calls, record = killer.count, photos.record("calm.jpg")
    for number in range(calls):
        event = photos.upload(f"uploads/{number}.jpg", photo())
        killer.count, killer.victim, killer.after = 0, number, after
        # A lease that is over as soon as it is taken: half a second of it, less its margin.
        monkeypatch.setattr("shared.attempts._LEASE_MARGIN", 5.0 if repeated else -31.0)
        with pytest.raises(Killed):
            handler(event, context())
        killer.victim = None
        [(status, _)] = outcomes(handler, event, "inv-1" if repeated else "inv-2")
        assert status in ("done", "skipped"), number
        found = photos.record(f"{number}.jpg")
        assert [output["etag"] for output in found["outputs"]] == [
            output["etag"] for output in record["outputs"]
        ]
        assert photos.image(f"out/{number}.jpg/half.jpg").size == (30, 20)
        assert photos.tags(f"uploads/{number}.jpg")["outcome"] == "done"
        assert outcomes(handler, event, "inv-3")[0][0] == "skipped"
    assert letters(photos) == []
    newest = {}
    for key, text in sorted(claims(photos).items(), reverse=True):
        newest[key.rpartition("/")[0]] = text
    assert len(newest) == calls + 2
    assert all(text.startswith("closed done") for text in newest.values())


def test_what_was_recorded_before_the_crash_is_not_paid_for_again(photos, handler, monkeypatch):
    handler(photos.upload("uploads/warm.jpg", photo()), context())
    killer = Executioner(monkeypatch)
    handler(photos.upload("uploads/calm.jpg", photo()), context())
    event = photos.upload("uploads/a.jpg", photo())
    killer.victim, killer.count = killer.count - 1, 0  # the last call closes the claim
    with pytest.raises(Killed):
        handler(event, context())
    killer.victim = None
    [entry] = handler(event, context())["outcomes"]
    assert (entry["outcome"], entry["reason"]) == ("done", "an earlier attempt had finished it")
    assert not [call for call in entry["calls"] if call.startswith("ImageProcess")]


def id_of(project):
    [key] = [key for key in project.listing() if key.startswith(f"{STATE}dead/")]
    return key.rpartition("/")[2].removesuffix(".json")


def test_the_third_failure_leaves_a_dead_letter_that_can_be_tried_again(
    photos, handler, monkeypatch
):
    event = photos.upload("uploads/a.jpg", photo())
    event["Records"][0]["event"]["requestParameters"] = {
        "requestSourceIP": "10.0.0.9", "requestHeaders": {"Authorization": "q-signature=secret"}
    }  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setenv("COS_ATTEMPTS", "1")
        send = shared.session.Session.send

        def sending(session, request, **options):
            if "image_process" in request.url:
                raise requests.ConnectionError("the line is cut")
            return send(session, request, **options)

        patch.setattr(shared.session.Session, "send", sending)
        for _ in range(2):
            with pytest.raises(RetryableError, match="NetworkError"):
                handler(event, context())
        [entry] = handler(event, context())["outcomes"]
    assert (entry["outcome"], entry["attempt"]) == ("failed", 3)
    [letter] = letters(photos)
    assert letter["error"]["code"] == "NetworkError"
    assert (letter["function"], letter["pipeline"]) == ("image", "photos")
    assert (letter["attempts"], letter["retryable"], letter["upload"]) == (3, True, "up-1")
    assert photos.record("a.jpg")["outcome"] == "failed"
    assert "secret" not in json.dumps(letter) + json.dumps(claims(photos))
    # A late duplicate of the event is no reason to begin again,
    [entry] = handler(event, context("inv-8"))["outcomes"]
    assert entry["reason"] == "this upload was given up: its dead letter brings it again"
    # what the letter brings does the work, and takes the letter away.
    brought = {**letter["event"], "letter": id_of(photos)}
    [entry] = handler(brought, context("inv-9"))["outcomes"]
    assert (entry["outcome"], entry["attempt"]) == ("done", 4)
    assert letters(photos) == []
    assert photos.record("a.jpg")["outcome"] == "done"


def test_a_letter_that_fails_again_is_still_there(photos, handler):
    photos.pipelines({"half": 'rule: style/none, fileid: "/out/{name}"'})
    handler(photos.upload("uploads/a.jpg", photo()), context())
    [letter] = letters(photos)
    brought = {**letter["event"], "letter": id_of(photos)}
    [entry] = handler(brought, context("inv-9"))["outcomes"]
    assert (entry["outcome"], entry["attempt"]) == ("failed", 2)
    [letter] = letters(photos)
    assert (letter["attempts"], letter["invocation"]) == (2, "inv-9")


def test_what_no_retry_can_cure_is_a_dead_letter_at_once(photos, handler):
    photos.pipelines({"half": 'rule: style/none, fileid: "/out/{name}"'})
    event = photos.upload("uploads/a.jpg", photo())
    [entry] = handler(event, context())["outcomes"]
    [letter] = letters(photos)
    assert entry["outcome"] == "failed"
    assert (letter["error"]["code"], letter["retryable"]) == ("NoSuchStyle", False)
    assert letter["error"]["advice"]


def test_a_rejected_file_is_no_dead_letter(photos, handler):
    [entry] = handler(photos.upload("uploads/a.jpg", b"no picture"), context())["outcomes"]
    assert entry["outcome"] == "rejected"
    assert letters(photos) == []
    [text] = claims(photos).values()
    assert text.startswith("closed rejected 001 ")


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_bucket_with_versions_needs_another_for_the_state(photos, handler, monkeypatch, status):
    photos.client.put_bucket_versioning(Bucket=photos.bucket, Status="Enabled")
    photos.client.put_bucket_versioning(Bucket=photos.bucket, Status=status)
    event = photos.upload("uploads/a.jpg", photo())
    with pytest.raises(RetryableError, match="VersionedStateBucket"):
        handler(event, context())
    state = photos.cloud.new_bucket()
    monkeypatch.setenv("STATE_BUCKET", state)
    assert outcomes(handler, event) == [("done", "")]
    assert outcomes(handler, event, "inv-2")[0][0] == "skipped"
    assert not [key for key in photos.listing() if key.startswith(STATE)]
    assert photos.client.list_objects(Bucket=state, Prefix=STATE)["Contents"]


def test_a_claim_that_somebody_scribbled_on_is_named(photos, handler):
    event = photos.upload("uploads/a.jpg", photo())
    handler(event, context())
    [key] = claims(photos)
    photos.client.put_object(Bucket=photos.bucket, Key=key, Body=b"[" * 3000)
    with pytest.raises(RetryableError, match="InvalidState"):
        handler(event, context("inv-2"))
    photos.client.delete_object(Bucket=photos.bucket, Key=key)
    assert outcomes(handler, event, "inv-3") == [("done", "")]


def test_the_ledgers_own_objects_are_no_uploads(photos, handler):
    photos.pipelines(
        {"half": 'rule: imageMogr2/format/png, fileid: "/out/{stem}.png"'}, when="suffix: .jpg"
    )
    assert outcomes(handler, photos.event(".pipelines/dead/x.jpg")) == [
        ("skipped", "the object belongs to the ledger")
    ]


def test_the_log_line_tells_the_whole_way(photos, handler, capsys):
    handler(photos.upload("uploads/a.jpg", photo()), context())
    entry = json.loads(capsys.readouterr().out)
    assert (entry["upload"], entry["attempt"], entry["bytes"]) == ("up-1", 1, len(photo()))
    operations = [call.partition(" ")[0] for call in entry["calls"]]
    assert operations == [
        "GetBucketVersioning", "PutObject", "ImageProcess", "GetObjectTagging",
        "PutObjectTagging", "PutObject", "PutObject",
    ]  # fmt: skip
    assert all(call.partition(" ")[2] for call in entry["calls"])
    assert entry["call_count"] == 7
    assert set(entry["phases"]) == {"claim", "work", "record"}
    assert sum(entry["phases"].values()) <= entry["milliseconds"]

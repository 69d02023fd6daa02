"""Uploads that are deleted, replaced, repeated or judged by a service that fails, on the way."""

import json

import pytest

from tests.functions.audit_served.conftest import at_once, wait
from tests.functions.conftest import photo
from tests.localcloud.detectors import samples

AD = samples.encoded(samples.page("free gift card"))


def job_of(served, key, body=b"film", number=1, **more):
    """The newest job of an upload of which nobody has told yet, once it has ended."""
    served.upload(key, body, **more)
    jobs = wait(lambda: len(found := served.jobs(key)) == number and found)
    job = jobs[-1][0]
    wait(lambda: served.detail("video", job)["State"] in ("Success", "Failed"))
    served.settled()
    return job


def told(job):
    return {"JobsDetail": {"JobId": job, "State": "Success", "Result": 0}}


def endings(served, key, function):
    return [(line["outcome"], line["reason"]) for line in served.lines(function, key=key)]


def decided(result):
    """A tag that the policy file knows, of the object that it comes with."""
    return {"x-cos-tagging": f"decide={result}"}


def test_deleted_before_it_was_asked_about(served):
    key = "uploads/ads/gone.jpg"
    with served.faults(f"PutObject=event-delay:300ms,prefix={key}"):
        served.upload(key, photo())
        served.client.delete_object(Bucket=served.bucket, Key=key)
        wait(lambda: served.lines("audit", key=key))
    served.settled()
    assert endings(served, key, "audit") == [
        ("skipped", "the object was deleted before it was judged")
    ]
    assert not served.has_record(key)


def test_deleted_while_its_job_was_at_work(served):
    key = "uploads/unheard/good-gone.mp4"
    job = job_of(served, key)
    served.client.delete_object(Bucket=served.bucket, Key=key)
    assert served.post(told(job)) == 200
    wait(lambda: served.lines("callback", key=key))
    served.settled()
    assert endings(served, key, "callback") == [
        ("skipped", "the object was deleted before its verdict came")
    ]
    assert not served.has_record(key)
    assert not served.exists(f"out/{key}.jpg")


@pytest.mark.parametrize("event", ["in time", "lost"])
@pytest.mark.parametrize(("old", "new"), [("pass", "block"), ("block", "pass")])
def test_the_verdict_on_what_was_replaced_is_not_for_what_replaced_it(served, old, new, event):
    """Also when COS never tells of the newer upload, so that no claim of it stands in the way."""
    key = f"uploads/unheard/tagged-{old}-{event.replace(' ', '-')}.mp4"
    first, second = photo(40, 40), photo(44, 44)
    first_job = job_of(served, key, first, Metadata=decided(old))
    if event == "lost":
        with served.faults(f"PutObject=event-lost,prefix={key}"):
            served.upload(key, second, Metadata=decided(new))
            served.settled()
    else:
        second_job = job_of(served, key, second, 2, Metadata=decided(new))
    assert at_once(*[lambda: served.post(told(first_job))] * 2) == [200, 200]
    served.settled()
    assert not served.has_record(key)
    assert served.read(key) == second
    assert "audit" not in served.tags(key)
    assert not served.exists(f"out/{key}.jpg")
    assert served.manifest(key) is None
    if event == "in time":
        assert served.post(told(second_job)) == 200
        assert served.record(key)["audit"]["verdict"]["result"] == new
        assert served.exists(key) == (new == "pass")
        assert served.exists(f"out/{key}.jpg") == (new == "pass")


def test_an_event_that_comes_twice_is_one_audit(served):
    key = "uploads/ads/twice.png"
    with served.faults(f"PutObject=event-twice,prefix={key}"):
        audit = served.judged(key, AD)
        wait(lambda: len(served.lines("audit", key=key)) == 2)
    assert audit["verdict"]["result"] == "block"
    served.settled()
    found = sorted(outcome for outcome, _ in endings(served, key, "audit"))
    assert found == ["done", "skipped"]
    assert served.manifest(key)["id"] == audit["actions"][0]["id"]


BODIES = {"png": AD, "txt": b"free gift card", "mp4": b"film", "zip": b"PK\3\4"}
DOWN = "error:InternalError/500"


@pytest.mark.parametrize(
    ("name", "operation", "fault", "code"),
    [
        ("a.png", "GetObjectSensitiveContentRecognition", DOWN, "InternalError"),
        ("a.txt", "CreateAuditingTextJob", DOWN, "InternalError"),
        ("a.mp4", "CreateAuditingVideoJob", DOWN, "InternalError"),
        ("a.zip", "CreateAuditingVirusJob", DOWN, "InternalError"),
        ("b.png", "GetObjectSensitiveContentRecognition", "error:AccessDenied/403", "AccessDenied"),
        ("b.mp4", "CreateAuditingVideoJob", "cut", "NetworkError"),
    ],
)
def test_while_ci_is_down_nothing_passes(served, name, operation, fault, code):
    key = f"uploads/ads/down-{name}"
    with served.faults(f"{operation}={fault}"):
        served.upload(key, BODIES[name[2:]], ACL="public-read")
        record = served.record(key)
    assert record["outcome"] == "failed"
    assert record["audit"]["verdict"]["result"] == "review"
    assert record["error"]["code"] == code
    assert served.acl(key) == "private"
    assert served.tags(key) == {"audit": "review"}


def test_while_ci_does_not_tell_the_result_nothing_passes(served):
    """And when it tells again, the upload is finished."""
    key = "uploads/unheard/good-mute.mp4"
    job = job_of(served, key)
    with served.faults("DescribeAuditingVideoJob=error:InternalError/500"):
        assert served.post(told(job)) == 200
        wait(lambda: served.lines("callback", key=key, outcome="failed"))
        served.settled()
        assert not served.has_record(key)
        assert not served.exists(f"out/{key}.jpg")
    served.sweep()
    assert served.record(key)["audit"]["verdict"]["result"] == "pass"


def test_a_wrong_secret_lets_nothing_pass(served):
    """Of the callback: it is as if it had not come."""
    key = "uploads/unheard/bad-secret.mp4"
    job = job_of(served, key)
    for token in ("x" * 40, "", "t0ken-" + "f" * 32):
        assert served.post(told(job), token=token) == 404
    served.settled()
    assert not served.lines("callback", key=key)
    assert not served.has_record(key)
    served.sweep()
    assert served.record(key)["audit"]["verdict"]["result"] == "block"


def test_a_claim_that_somebody_wrote_into_the_bucket_passes_nothing(served):
    """Whoever can write there can do much; a lie about verdicts is still not believed alone."""
    key = "uploads/unheard/bad-claim.mp4"
    job = job_of(served, key)
    [name] = served.keys(served.chain(key))
    document = json.loads(served.read(name))
    document["details"]["jobs"] = []
    document["details"]["verdicts"] = []
    served.client.put_object(Bucket=served.bucket, Key=name, Body=json.dumps(document).encode())
    assert served.post(told(job)) == 200
    assert served.record(key)["audit"]["verdict"]["result"] == "review"
    assert not served.exists(f"out/{key}.jpg")

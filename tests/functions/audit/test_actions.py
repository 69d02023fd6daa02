"""What each verdict does to an upload, end to end on the local cloud."""

import hashlib
import hmac
import json

import pytest

from shared.cos import Cos
from shared.errors import CloudError
from shared.invocations import RetryableError
from tests.functions.conftest import photo
from tests.localcloud.ci.conftest import Bucket


def test_a_picture_that_passes_is_tagged_and_stays(audits):
    entry = audits.audit("uploads/good.jpg", photo(), ACL="public-read")
    assert entry["outcome"] == "done"
    assert audits.tags("uploads/good.jpg") == {"audit": "pass"}
    assert audits.acl("uploads/good.jpg") == "public-read"
    record = audits.audit_record("uploads/good.jpg")
    assert record["verdict"]["result"] == "pass"
    assert {label["scene"] for label in record["verdict"]["labels"]} == {"Porn", "Ads"}
    assert record["verdict"]["job_id"].startswith("si")
    assert record["verdict"]["request_id"]
    assert len(record["verdict"]["policy"]["version"]) == 16
    assert record["asked"][0]["kind"] == "image"
    assert record["actions"][0]["by"] == "audit"


def test_a_doubtful_picture_is_made_private(audits):
    audits.audit("uploads/doubt.jpg", photo(), ACL="public-read")
    assert audits.acl("uploads/doubt.jpg") == "private"
    assert audits.tags("uploads/doubt.jpg") == {"audit": "review"}
    [private, _tag, _ask] = audits.audit_record("uploads/doubt.jpg")["actions"]
    assert private["before"] == "public-read"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("bad.jpg", photo()),
        ("bad.txt", b"words that a person wrote"),
        ("bad.mp3", b"sound"),
        ("bad.mp4", b"film"),
        ("bad.pdf", b"%PDF-1.4"),
        ("bad.zip", b"PK"),
    ],
)
def test_what_is_blocked_is_put_away_whatever_its_kind(audits, name, body):
    # The small text is sent itself, so that no rule about its key can speak of it.
    audits.section("freeze: {Porn: 100}" if name.endswith("txt") else "")
    entry = audits.audit(f"uploads/{name}", body)
    assert entry["outcome"] == "done"
    assert not audits.exists(f"uploads/{name}")
    [content, manifest] = audits.under("quarantine/")
    assert audits.get(content) == body
    assert audits.acl(content) == audits.acl(manifest) == "private"
    assert audits.verdict(f"uploads/{name}")["result"] == "block"


def test_no_word_of_what_was_found_is_kept(audits, capsys):
    audits.audit("uploads/bad.jpg", photo())
    kept = [audits.get(key) for key in audits.listing() if not key.endswith("content")]
    assert not any(b"secretword" in body for body in kept)
    assert "secretword" not in capsys.readouterr().out


def test_real_engines_judge_a_text_and_a_virus(audits):
    eicar = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    audits.audit("uploads/words.txt", b"The meeting is on Monday at ten.")
    assert audits.tags("uploads/words.txt") == {"audit": "pass"}
    audits.audit("uploads/tool.zip", eicar)
    assert not audits.exists("uploads/tool.zip")
    assert audits.verdict("uploads/tool.zip")["labels"][0]["sub_label"].startswith("EICAR")


def test_a_webpage_is_judged_by_an_address_of_its_own(audits):
    entry = audits.audit("uploads/good.html", b"<p>The meeting is on Monday.</p>")
    assert entry["outcome"] == "done"
    assert audits.verdict("uploads/good.html")["result"] == "pass"
    assert "sign" not in json.dumps(audits.audit_record("uploads/good.html"))


def test_thresholds_move_the_verdict(audits):
    audits.section('thresholds: {"*": {review: 50, block: 70}}')
    audits.audit("uploads/doubt.jpg", photo())
    assert audits.verdict("uploads/doubt.jpg")["result"] == "block"
    audits.section('thresholds: {"*": {review: 98, block: 99}}')
    audits.audit("uploads/bad.jpg", photo())
    assert audits.verdict("uploads/bad.jpg")["result"] == "pass"


def test_a_threshold_is_of_its_label_alone(audits):
    audits.section("thresholds: {Ads: {review: 98, block: 99}}")
    audits.audit("uploads/bad.jpg", photo())
    labels = audits.verdict("uploads/bad.jpg")["labels"]
    assert {label["scene"]: label["result"] for label in labels} == {"Porn": "block", "Ads": "pass"}


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("uploads/thing.xyz", b"no audit takes this"),
        ("uploads/good.jpg", b""),
        ("uploads/broken.jpg", b"half a picture"),
        ("uploads/broken.pdf", b"half a document"),
        ("uploads/program.txt", bytes(range(256)) * 2),
        ("uploads/text.jpg", b"this is no picture"),
    ],
)
def test_what_cannot_be_judged_is_for_review(audits, key, body):
    audits.audit(key, body)
    assert audits.verdict(key)["result"] == "review"
    assert audits.verdict(key)["reason"]
    assert audits.acl(key) == "private"


def test_a_scene_without_an_engine_never_passes(audits):
    audits.section('scenes: [Politics], thresholds: {"*": {review: 99, block: 100}}')
    audits.audit("uploads/landscape.jpg", photo(300, 300))
    assert audits.verdict("uploads/landscape.jpg")["result"] == "review"


def test_a_file_above_what_ci_takes_is_not_sent(audits):
    audits.section("kinds: [text]")
    entry = audits.audit("uploads/good.txt", b"word " * 220_000)
    assert audits.verdict("uploads/good.txt")["result"] == "review"
    assert not any("Audit" in call for call in entry["calls"])


def test_several_kinds_of_one_upload_count_together(audits):
    audits.section("kinds: [image, virus]")
    audits.audit("uploads/good.jpg", photo())
    assert audits.verdict("uploads/good.jpg")["kind"] == "image,virus"
    assert audits.verdict("uploads/good.jpg")["result"] == "pass"
    audits.audit("uploads/doubt.jpg", photo())
    assert audits.verdict("uploads/doubt.jpg")["result"] == "review"


def test_metadata_is_written_and_its_own_event_is_no_new_upload(audits):
    audits.section("on: {pass: [metadata]}")
    audits.audit(
        "uploads/good.jpg", photo(), ContentType="image/jpeg", Metadata={"x-cos-meta-user": "ann"}
    )
    head = audits.client.head_object(Bucket=audits.bucket, Key="uploads/good.jpg")
    assert (head["x-cos-meta-audit"], head["x-cos-meta-user"]) == ("pass", "ann")
    assert head["Content-Type"] == "image/jpeg"
    [action] = audits.audit_record("uploads/good.jpg")["actions"]
    event = audits.event("uploads/good.jpg", request_id=action["request_id"])
    event["Records"][0]["event"] |= {"eventName": "cos:ObjectCreated:Copy", "eventTime": 1795219300}
    entry = audits.run(event, "invocation-2")
    assert (entry["outcome"], entry["reason"]) == (
        "skipped", "the audit itself wrote the object's metadata",
    )  # fmt: skip


def test_the_service_freezes_and_its_freeze_is_kept(audits):
    audits.section("freeze: {Porn: 90}, on: {block: [private, tag]}")
    audits.audit("uploads/bad.jpg", photo())
    record = audits.audit_record("uploads/bad.jpg")
    assert record["verdict"]["frozen"]
    assert record["actions"][0]["note"] == "frozen by the service"
    with pytest.raises(Exception, match="frozen"):
        audits.get("uploads/bad.jpg")


def test_a_webhook_is_told_with_a_signature_and_again_until_it_takes_it(audits, hook):
    hook.statuses = [500, 503]
    audits.section(f'on: {{block: [notify]}}, notify: "{hook.url}"')
    audits.audit("uploads/bad.jpg", photo())
    calls = [hook.calls.get(timeout=5) for _ in range(3)]
    assert len({call.headers["X-Event-Id"] for call in calls}) == 1
    last = calls[-1]
    signed = last.headers["X-Timestamp"].encode() + b"." + last.body
    expected = hmac.new(b"s" * 40, signed, hashlib.sha256).hexdigest()
    assert last.headers["X-Signature"] == f"sha256={expected}"
    document = json.loads(last.body)
    assert (document["key"], document["verdict"]["result"]) == ("uploads/bad.jpg", "block")
    assert b"secretword" not in last.body


def test_a_webhook_that_refuses_is_a_dead_letter_and_the_rest_is_done(audits, hook):
    hook.statuses = [302]
    audits.section(f'on: {{block: [quarantine, notify]}}, notify: "{hook.url}"')
    entry = audits.audit("uploads/bad.jpg", photo())
    assert entry["outcome"] == "failed"
    assert entry["error"]["code"] == "WebhookRefused"
    assert entry["dead_letter"]
    assert not audits.exists("uploads/bad.jpg")


def test_nothing_is_sent_unsigned(audits, monkeypatch, hook):
    monkeypatch.delenv("NOTIFY_SECRET")
    audits.section(f'on: {{block: [notify]}}, notify: "{hook.url}"')
    entry = audits.audit("uploads/bad.jpg", photo())
    assert "NOTIFY_SECRET" in entry["error"]["message"]
    assert hook.calls.empty()


def test_of_a_small_object_quarantine_comes_first_and_is_all(audits):
    audits.audit("uploads/bad.jpg", photo())
    actions = audits.audit_record("uploads/bad.jpg")["actions"]
    assert [(each["action"], each["done"]) for each in actions] == [("quarantine", True)]


def test_a_large_object_is_private_while_it_is_copied(audits, monkeypatch):
    monkeypatch.setattr("shared.audit_actions._QUICK", 0)
    audits.audit("uploads/bad.jpg", photo(), ACL="public-read")
    actions = audits.audit_record("uploads/bad.jpg")["actions"]
    assert [each["action"] for each in actions] == ["private", "tag", "quarantine"]
    [content, manifest] = audits.under("quarantine/")
    assert json.loads(audits.get(manifest))["acl"] == "public-read"
    assert audits.acl(content) == "private"


def test_what_cannot_be_put_away_is_made_private_all_the_same(audits):
    audits.section("quarantine: {bucket: missing-1250000000}")
    entry = audits.audit("uploads/bad.jpg", photo(), ACL="public-read")
    assert (entry["outcome"], entry["error"]["code"]) == ("failed", "NoSuchBucket")
    assert entry["dead_letter"]
    assert audits.acl("uploads/bad.jpg") == "private"
    assert audits.tags("uploads/bad.jpg") == {"audit": "block"}


def test_where_ci_is_not_bound_an_upload_is_for_review_and_a_dead_letter(audits):
    """The surroundings are at fault, not the file."""
    bucket = Bucket(audits.cloud)
    bucket.pic("PUT", {"unbind": ""})
    audits.bucket = bucket.name
    entry = audits.audit("uploads/good.jpg", photo(), ACL="public-read")
    assert (entry["outcome"], bool(entry["dead_letter"])) == ("failed", True)
    assert audits.acl("uploads/good.jpg") == "private"
    assert audits.verdict("uploads/good.jpg")["result"] == "review"


def test_while_ci_fails_it_is_tried_again_and_then_for_review(audits, monkeypatch):
    monkeypatch.setenv("COS_ATTEMPTS", "1")
    original = Cos._attempt

    def failing(self, operation, *arguments):
        if operation == "AuditImage":
            raise CloudError("ServiceUnavailable", "not now", status=503)
        return original(self, operation, *arguments)

    monkeypatch.setattr(Cos, "_attempt", failing)
    event = audits.upload("uploads/good.jpg", photo(), ACL="public-read")
    for _ in range(2):
        with pytest.raises(RetryableError, match="ServiceUnavailable"):
            audits.run(event)
        assert audits.acl("uploads/good.jpg") == "public-read"
    entry = audits.run(event)
    assert (entry["outcome"], bool(entry["dead_letter"])) == ("failed", True)
    assert audits.acl("uploads/good.jpg") == "private"
    assert audits.verdict("uploads/good.jpg")["result"] == "review"
    # The dead letter brings it again: while CI is away, and when it is back.
    event["letter"] = entry["dead_letter"].rpartition("/")[2].removesuffix(".json")
    for _ in range(2):
        with pytest.raises(RetryableError, match="ServiceUnavailable"):
            audits.run(event, "invocation-2")
    assert audits.run(event, "invocation-2")["dead_letter"] == entry["dead_letter"]
    assert audits.acl("uploads/good.jpg") == "private"
    monkeypatch.setattr(Cos, "_attempt", original)
    assert audits.run(event, "invocation-3")["outcome"] == "done"
    assert audits.verdict("uploads/good.jpg")["result"] == "pass"
    assert audits.acl("uploads/good.jpg") == "public-read"
    assert audits.under(".pipelines/dead/") == []


def test_what_its_owner_made_private_stays_so(audits):
    """A tag of the same name is no word of ours; nor is an audit of another content."""
    event = audits.upload("uploads/good.jpg", photo(), ACL="private")
    tags = {"TagSet": {"Tag": [{"Key": "audit", "Value": "review"}]}}
    audits.client.put_object_tagging(Bucket=audits.bucket, Key="uploads/good.jpg", Tagging=tags)
    assert audits.run(event)["verdict"] == "pass"
    assert audits.acl("uploads/good.jpg") == "private"


def test_an_object_that_is_replaced_while_it_is_judged_keeps_no_old_verdict(audits, monkeypatch):
    original = Cos._attempt

    def replaced(self, operation, *arguments):
        result = original(self, operation, *arguments)
        if operation == "AuditImage":
            audits.client.put_object(
                Bucket=audits.bucket, Key="uploads/good.jpg", Body=photo(90, 90)
            )
        return result

    monkeypatch.setattr(Cos, "_attempt", replaced)
    entry = audits.audit("uploads/good.jpg", photo())
    assert (entry["outcome"], entry["record"]) == ("skipped", None)
    assert "replaced or deleted while it was judged" in entry["reason"]


def test_an_object_that_is_gone_is_told_so(audits):
    event = audits.upload("uploads/good.jpg", photo())
    audits.client.delete_object(Bucket=audits.bucket, Key="uploads/good.jpg")
    assert audits.run(event)["reason"] == "the object was deleted before it was judged"


def test_the_same_event_twice_is_one_audit(audits):
    event = audits.upload("uploads/good.jpg", photo())
    assert audits.run(event)["outcome"] == "done"
    again = audits.run(event, "invocation-2")
    assert (again["outcome"], again["reason"]) == (
        "skipped", "this upload was processed before: done",
    )  # fmt: skip


def test_an_object_that_was_away_while_it_was_judged_was_not_judged(audits, monkeypatch):
    """A harmless one in its place for as long as CI looked."""
    original, body = Cos._attempt, photo()

    def modified():
        return audits.client.head_object(Bucket=audits.bucket, Key="uploads/good.jpg")[
            "Last-Modified"
        ]

    def replaced(self, operation, *arguments):
        result = original(self, operation, *arguments)
        if operation == "AuditImage":
            before = modified()
            while modified() == before:  # it has whole seconds
                audits.client.put_object(
                    Bucket=audits.bucket, Key="uploads/good.jpg", Body=photo(90, 90)
                )
                audits.client.put_object(Bucket=audits.bucket, Key="uploads/good.jpg", Body=body)
        return result

    monkeypatch.setattr(Cos, "_attempt", replaced)
    entry = audits.audit("uploads/good.jpg", body)
    assert (entry["outcome"], entry["record"]) == ("skipped", None)


@pytest.mark.parametrize("name", ["notes.txt", "page.html", "x.zip", "program.bin"])
def test_a_picture_under_another_name_is_judged_as_a_picture(audits, name):
    audits.audit(f"uploads/bad-{name}", photo(format="PNG"))
    [manifest] = [key for key in audits.under("quarantine/") if key.endswith("/manifest.json")]
    assert json.loads(audits.get(manifest))["verdict"]["kind"] == "image"


def test_a_content_that_is_no_text_is_for_review(audits):
    audits.audit("uploads/good.txt", b"words\0and more")
    verdict = audits.verdict("uploads/good.txt")
    assert (verdict["result"], verdict["reason"]) == ("review", "what is there is no text")

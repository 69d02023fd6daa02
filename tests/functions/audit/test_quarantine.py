"""Putting away, and bringing back: with the command, the record checked."""

import json

import pytest
from qcloud_cos import CosServiceError

from localcloud import cli
from shared.cos import Cos
from tests.functions.conftest import photo

BODY = photo()


@pytest.fixture
def command(audits, monkeypatch, capsys):
    """`command(words)` -> (exit code, what it printed)."""
    monkeypatch.setenv("COS_BUCKET", audits.bucket)

    def run(words):
        capsys.readouterr()
        code = cli.main(["quarantine", *words.split()])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def put_away(audits):
    """A public picture with a tag and a header, blocked; the folder that it is in."""
    audits.section()
    audits.audit(
        "uploads/bad.jpg", BODY, ACL="public-read", ContentType="image/jpeg",
        Metadata={"x-cos-meta-user": "ann", "x-cos-tagging": "team=a"},
    )  # fmt: skip
    assert not audits.exists("uploads/bad.jpg")
    [content, _] = audits.under("quarantine/")
    return content.rpartition("/")[0]


def copied(audits, id="restored"):
    """The event that the restoring copy brings."""
    event = audits.event("uploads/bad.jpg", len(BODY), request_id=id)
    event["Records"][0]["event"] |= {"eventName": "cos:ObjectCreated:Copy", "eventTime": 1795219900}
    return event


def test_the_manifest_says_what_it_was_and_why_it_is_here(audits, put_away):
    manifest = json.loads(audits.get(f"{put_away}/manifest.json"))
    assert manifest["source"]["key"] == "uploads/bad.jpg"
    assert manifest["acl"] == "public-read"
    assert manifest["tags"] == {"team": "a"}
    assert manifest["verdict"]["result"] == "block"
    assert "secretword" not in json.dumps(manifest)


def test_the_command_lists_and_restores_as_it_was(audits, put_away, command):
    code, said = command("list")
    assert (code, "uploads/bad.jpg" in said, "Porn 97" in said) == (0, True, True)
    id = said.split()[0]
    assert command(f"restore {id} --by carol")[0] == 0
    assert audits.get("uploads/bad.jpg") == BODY
    assert audits.acl("uploads/bad.jpg") == "public-read"
    assert audits.tags("uploads/bad.jpg") == {"team": "a"}
    head = audits.client.head_object(Bucket=audits.bucket, Key="uploads/bad.jpg")
    assert (head["x-cos-meta-user"], head["Content-Type"]) == ("ann", "image/jpeg")
    assert audits.under("quarantine/") == []
    assert command("list")[1] == "nothing is in quarantine\n"


def test_what_a_person_restored_is_not_put_away_again(audits, put_away, command):
    command(f"restore {put_away.rpartition('/')[2]} --by carol")
    entry = audits.run(copied(audits), "invocation-2")
    assert entry["outcome"] == "done"
    verdict = audits.verdict("uploads/bad.jpg")
    assert (verdict["result"], verdict["provider"]) == ("pass", "person")
    assert verdict["reason"] == "let pass by carol"
    assert audits.exists("uploads/bad.jpg")


def test_the_decision_lies_where_the_state_is(audits, put_away, command, monkeypatch):
    """What an uploader could write into his own bucket is no decision."""
    command(f"restore {put_away.rpartition('/')[2]} --by carol")
    [forged] = audits.under(".pipelines/decisions/")
    state = audits.cloud.new_bucket()
    monkeypatch.setenv("STATE_BUCKET", state)
    assert audits.run(copied(audits), "invocation-2")["verdict"] == "block"
    [id] = [key.split("/")[1] for key in audits.under("quarantine/") if key.endswith(".json")]
    audits.client.delete_object(Bucket=audits.bucket, Key=forged)
    assert command(f"restore {id} --by dave")[0] == 0
    assert audits.under(".pipelines/decisions/") == []
    assert audits.run(copied(audits, "again"), "invocation-3")["verdict"] == "pass"


def test_the_decision_is_about_that_content_alone(audits, put_away, command):
    command(f"restore {put_away.rpartition('/')[2]}")
    other = photo(80, 80)
    audits.client.put_object(Bucket=audits.bucket, Key="uploads/bad.jpg", Body=other)
    assert audits.run(copied(audits), "invocation-2")["outcome"] == "done"
    assert not audits.exists("uploads/bad.jpg")


def test_a_damaged_copy_is_not_restored(audits, put_away, command):
    audits.client.put_object(Bucket=audits.bucket, Key=f"{put_away}/content", Body=b"another")
    code, said = command(f"restore {put_away.rpartition('/')[2]}")
    assert (code, "DamagedCopy" in said) == (1, True)
    assert not audits.exists("uploads/bad.jpg")


def test_nothing_is_restored_over_a_newer_object(audits, put_away, command):
    audits.client.put_object(Bucket=audits.bucket, Key="uploads/bad.jpg", Body=b"newer")
    id = put_away.rpartition("/")[2]
    code, said = command(f"restore {id}")
    assert (code, "FileAlreadyExists" in said) == (1, True)
    assert audits.get("uploads/bad.jpg") == b"newer"
    assert command(f"restore {id} --to restored/bad.jpg")[0] == 0
    assert audits.get("restored/bad.jpg") == BODY


@pytest.mark.parametrize(
    "text", ['{"id": "x"}', "no json", '{"source": {}}', '["a list"]'],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(audits, put_away, command, text):
    audits.client.put_object(
        Bucket=audits.bucket, Key=f"{put_away}/manifest.json", Body=text.encode()
    )
    code, said = command(f"restore {put_away.rpartition('/')[2]}")
    assert (code, "InvalidState" in said) == (1, True)


def test_drop_deletes_for_good(audits, put_away, command):
    assert command(f"drop {put_away.rpartition('/')[2]}")[0] == 0
    assert audits.under("quarantine/") == []


def test_another_bucket_can_be_the_quarantine(audits):
    other = audits.cloud.new_bucket()
    audits.section(f"quarantine: {{bucket: {other}, prefix: kept/}}")
    audits.audit("uploads/bad.jpg", BODY)
    assert not audits.exists("uploads/bad.jpg")
    listed = audits.client.list_objects(Bucket=other, Prefix="kept/")["Contents"]
    assert len(listed) == 2


def test_a_newer_upload_is_never_deleted(audits, monkeypatch):
    """It comes between the copy and the delete."""
    original = Cos.put_object

    def replaced_meanwhile(cos, bucket, key, *arguments, **options):
        if key.endswith("/manifest.json"):
            audits.client.put_object(Bucket=audits.bucket, Key="uploads/bad.jpg", Body=b"newer")
        return original(cos, bucket, key, *arguments, **options)

    monkeypatch.setattr(Cos, "put_object", replaced_meanwhile)
    entry = audits.audit("uploads/bad.jpg", BODY)
    assert entry["outcome"] == "skipped"
    assert audits.get("uploads/bad.jpg") == b"newer"


def test_of_a_versioned_bucket_the_judged_version_goes(audits, monkeypatch):
    state = audits.cloud.new_bucket()
    monkeypatch.setenv("STATE_BUCKET", state)
    audits.client.put_bucket_versioning(Bucket=audits.bucket, Status="Enabled")
    put = audits.client.put_object(Bucket=audits.bucket, Key="uploads/bad.jpg", Body=BODY)
    event = audits.event("uploads/bad.jpg", len(BODY))
    event["Records"][0]["cos"]["cosObject"]["vid"] = put["x-cos-version-id"]
    assert audits.run(event)["outcome"] == "done"
    with pytest.raises(CosServiceError):
        audits.client.head_object(
            Bucket=audits.bucket, Key="uploads/bad.jpg", VersionId=put["x-cos-version-id"]
        )

"""What is for review waits in a list until a person decides."""

import json

import pytest

from localcloud import cli
from localcloud.commands.deployed import Deployed
from shared.errors import CloudError
from tests.functions.audit.test_gate import OTHERS
from tests.functions.conftest import photo


@pytest.fixture
def command(audits, monkeypatch, capsys):
    """`command(words)` -> (exit code, what it printed, the events that functions would get)."""
    sent = []

    def invoke(self, function, event):
        sent.append((function, event))
        return "req-1"

    monkeypatch.setenv("COS_BUCKET", audits.bucket)
    # SCF is another process's work: what arrives there is what counts here.
    monkeypatch.setattr(Deployed, "invoke", invoke)
    monkeypatch.setattr(Deployed, "name", lambda self, function: function)

    def run(words):
        sent.clear()
        capsys.readouterr()
        code = cli.main(["reviews", *words.split()])
        said = capsys.readouterr()
        return code, said.out + said.err, list(sent)

    return run


@pytest.fixture
def doubtful(audits):
    """A public picture that is for review; its id."""
    audits.audit("uploads/doubt.jpg", photo(), ACL="public-read")
    [key] = audits.under(".pipelines/reviews/")
    return key.rpartition("/")[2].removesuffix(".json")


def test_what_is_for_review_is_listed_with_its_reason(audits, doubtful, command):
    code, said, _ = command("list")
    assert code == 0
    assert said.startswith(doubtful[:12])
    assert f"{audits.bucket}/uploads/doubt.jpg" in said
    assert "Porn 75" in said
    [shown] = [json.loads(line) for line in command("list --json")[1].splitlines()]
    assert (shown["pipeline"], shown["verdict"]["result"]) == ("check", "review")
    assert json.loads(command(f"show {doubtful[:6]}")[1]) == shown
    action = audits.audit_record("uploads/doubt.jpg")["actions"][-1]
    assert (action["action"], action["id"]) == ("ask", doubtful)


def test_a_person_lets_it_pass(audits, doubtful, command):
    code, said, [(function, event)] = command(f"pass {doubtful[:8]} --by carol")
    assert (code, function, "request req-1" in said) == (0, "audit", True)
    entry = audits.run(event, "invocation-2")
    assert (entry["outcome"], entry["verdict"]) == ("done", "pass")
    verdict = audits.audit_record("uploads/doubt.jpg")["verdict"]
    assert (verdict["provider"], verdict["reason"]) == ("person", "let pass by carol")
    # What the machine had found is kept.
    assert (verdict["before"]["result"], verdict["before"]["provider"]) == ("review", "ci")
    assert verdict["before"]["labels"][0]["score"] == 75
    assert entry["upload"].endswith("-up-1")
    assert audits.acl("uploads/doubt.jpg") == "public-read"
    assert audits.tags("uploads/doubt.jpg") == {"audit": "pass"}
    assert command("list")[1] == "nothing waits for a review\n"


def test_a_person_blocks_it(audits, doubtful, command):
    _, _, [(_, event)] = command(f"block {doubtful} --by dave")
    assert audits.run(event, "invocation-2")["verdict"] == "block"
    assert not audits.exists("uploads/doubt.jpg")
    [manifest] = [key for key in audits.under("quarantine/") if key.endswith(".json")]
    verdict = json.loads(audits.get(manifest))["verdict"]
    assert verdict["reason"] == "blocked by dave"
    assert verdict["before"]["result"] == "review"


def test_what_a_person_lets_pass_goes_through_the_gate(audits, command, monkeypatch):
    sent = []
    monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: sent.append(call) or "id")
    audits.section("gate: true", more=OTHERS)
    assert "let_on" not in audits.audit("uploads/doubt.jpg", photo())
    [key] = audits.under(".pipelines/reviews/")
    _, _, [(_, event)] = command(f"pass {key.rpartition('/')[2].removesuffix('.json')}")
    assert audits.run(event, "invocation-2")["let_on"] == "id"
    [(function, event)] = sent
    assert (function, event["Records"][0]["passed"]["pipelines"]) == ("dispatch", ["check"])


def test_what_cannot_be_acted_on_is_not_decided(audits, doubtful, command, monkeypatch):
    def fail(self, function, event):
        raise CloudError("ResourceNotFound.Function", "no such function", status=404)

    monkeypatch.setattr(Deployed, "invoke", fail)
    code, said, _ = command(f"pass {doubtful}")
    assert (code, "ResourceNotFound" in said) == (1, True)
    monkeypatch.undo()
    for name, value in audits.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COS_BUCKET", audits.bucket)
    code, said, _ = command(f"pass {doubtful} --project /nowhere")
    assert (code, "serverless.yml" in said) == (1, True)
    assert audits.under(".pipelines/decisions/") == []
    assert len(audits.under(".pipelines/reviews/")) == 1


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_nobody_decides_about_another_object(audits, doubtful, command, change):
    if change == "replaced":
        audits.client.put_object(Bucket=audits.bucket, Key="uploads/doubt.jpg", Body=b"another")
    else:
        audits.client.delete_object(Bucket=audits.bucket, Key="uploads/doubt.jpg")
    code, said, sent = command(f"pass {doubtful}")
    assert (code, "ObjectChanged" in said, sent) == (1, True, [])
    assert audits.under(".pipelines/decisions/") == []
    assert command("list")[1] == "nothing waits for a review\n"
    assert audits.under(".pipelines/reviews/") == []


def test_what_passed_since_needs_nobody(audits, doubtful, command):
    """A dead letter's retry, for instance."""
    record = json.loads(audits.get("records/check/uploads/doubt.jpg.json"))
    record["audit"]["verdict"]["result"] = "pass"
    audits.client.put_object(
        Bucket=audits.bucket, Key="records/check/uploads/doubt.jpg.json", Body=json.dumps(record)
    )
    assert command("list")[1] == "nothing waits for a review\n"


def test_metadata_of_ours_is_no_other_object(audits, command):
    audits.section("on: {review: [metadata, tag], pass: [metadata, tag]}")
    audits.audit("uploads/doubt.jpg", photo())
    [key] = audits.under(".pipelines/reviews/")
    _, _, [(_, event)] = command(f"pass {key.rpartition('/')[2].removesuffix('.json')}")
    assert audits.run(event, "invocation-2")["verdict"] == "pass"
    head = audits.client.head_object(Bucket=audits.bucket, Key="uploads/doubt.jpg")
    assert head["x-cos-meta-audit"] == "pass"


def test_what_is_put_away_needs_no_review(audits):
    audits.section("on: {review: [quarantine]}")
    audits.audit("uploads/doubt.jpg", photo())
    assert audits.under(".pipelines/reviews/") == []


@pytest.mark.parametrize("text", ["{", "[]", '{"id": "x"}', "null"])
def test_a_review_that_is_none_is_refused(audits, doubtful, command, text):
    audits.client.put_object(
        Bucket=audits.bucket, Key=f".pipelines/reviews/{doubtful}.json", Body=text.encode()
    )
    code, said, sent = command(f"pass {doubtful}")
    assert (code, "InvalidState" in said, sent) == (1, True, [])


@pytest.mark.parametrize("words", ["pass", "pass zz", "show zzzz"])
def test_wrong_use_is_told(doubtful, command, words):
    code, said, sent = command(words)
    assert code in (1, 2)
    assert "Traceback" not in said
    assert sent == []

"""A gate: nobody else gets an upload before its audit has let it pass."""

import io
import time

import pytest

from localcloud import admin_client
from localcloud.config import Config
from shared.cos import Cos
from tests.conftest import running_cloud
from tests.functions.audit.conftest import POLICY
from tests.functions.conftest import ROOT, photo
from tests.localcloud.scf.conftest import shipped

SERVERLESS = shipped("dispatch", "image", "audit", wakes="dispatch")
PIPELINES = """\
version: 1
pipelines:
  photos:
    when: {prefix: uploads/, suffix: .jpg}
    outputs: {half: {rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"}}
    record: /records/{name}.json
  check:
    when: {prefix: uploads/}
    audit: {gate: true}
  another:
    when: {prefix: uploads/good-both}
    audit: {gate: true, scenes: [Porn]}
  second:
    when: {prefix: uploads/good-two}
    audit: {gate: true, scenes: [Porn], thresholds: {Porn: {review: 0, block: 100}}}
"""

OTHERS = """\
  photos:
    when: {prefix: uploads/, suffix: .jpg}
    outputs: {half: {rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"}}
"""


@pytest.fixture(scope="module")
def gated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    (folder / "functions").mkdir()
    for name in ("dispatch", "image", "audit"):
        (folder / "functions" / name).symlink_to(ROOT / "functions" / name)
    (folder / "shared").symlink_to(ROOT / "shared")
    (folder / "serverless.yml").write_text(SERVERLESS)
    (folder / "pipelines.yml").write_text(PIPELINES)
    (folder / "policy.yml").write_text(POLICY)
    options = ("--project", str(folder), "--audit-policy", str(folder / "policy.yml"))
    with running_cloud(folder, *options, "--retry-seconds", "0.1") as cloud:
        yield Gated(cloud)


class Gated:
    def __init__(self, cloud):
        self.cloud, self.client, self.bucket = cloud, cloud.client(), cloud.bucket

    def upload(self, key, body):
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)
        deadline = time.monotonic() + 30
        while not admin_client.call(Config(), self.cloud.port, "GET", "status")["idle"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def exists(self, key):
        return self.client.object_exists(Bucket=self.bucket, Key=key)

    def lines(self, function, key):
        said = self.cloud.log.read_text("utf-8").splitlines()
        return [line for line in said if f'"function": "{function}"' in line and f'"{key}"' in line]


def test_what_passes_gets_its_variants_after_one_audit(gated):
    from PIL import Image

    gated.upload("uploads/good.jpg", photo(40, 20))
    answer = gated.client.get_object(Bucket=gated.bucket, Key="out/good.jpg/half.jpg")
    body = answer["Body"].get_raw_stream().read()
    assert Image.open(io.BytesIO(body)).size == (20, 10)
    assert len(gated.lines("audit", "uploads/good.jpg")) == 1
    # dispatch: to audit, and then to image.
    targets = [
        line.split('"target": "')[1].split('"')[0]
        for line in gated.lines("dispatch", "uploads/good.jpg")
        if '"target"' in line
    ]
    assert targets == ["audit", "image"]


@pytest.mark.parametrize("name", ["bad.jpg", "doubt.jpg", "broken.jpg"])
def test_what_does_not_pass_never_gets_variants(gated, name):
    gated.upload(f"uploads/{name}", photo())
    assert gated.exists(f"records/check/uploads/{name}.json")
    assert not gated.exists(f"out/{name}/half.jpg")
    assert gated.lines("image", f"uploads/{name}") == []


def test_all_gates_of_an_upload_must_let_it_pass(gated):
    """The second one's threshold makes everything at least a review."""
    gated.upload("uploads/good-two.jpg", photo())
    assert gated.exists("records/check/uploads/good-two.jpg.json")
    assert gated.exists("records/second/uploads/good-two.jpg.json")
    assert not gated.exists("out/good-two.jpg/half.jpg")


def test_an_upload_goes_on_when_the_last_of_its_gates_lets_it_pass(gated):
    gated.upload("uploads/good-both.jpg", photo())
    assert gated.exists("out/good-both.jpg/half.jpg")
    ends = [line.split('"outcome": "')[1].split('"')[0]
            for line in gated.lines("image", "uploads/good-both.jpg")]  # fmt: skip
    # Both may have been the last; the ledger lets one of them be processed.
    assert ends.count("done") == 1


def test_a_pass_is_of_the_content_that_was_judged(project, handler):
    project.pipelines({"half": 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"'})
    event = project.upload("uploads/photo.jpg", photo())
    event["Records"][0]["passed"] = {"pipelines": ["check"], "etag": "0" * 32}
    context = {"request_id": "inv-1", "time_limit_in_ms": 60_000}
    [entry] = handler(event, context)["outcomes"]
    assert entry["outcome"] == "skipped"
    assert entry["reason"] == "the object is another one than the gate let through"
    assert not any(key.startswith("out/") for key in project.listing())


@pytest.mark.parametrize("limit", [{}, {"pipelines": ["photos"]}])
def test_an_upload_that_comes_by_another_way_waits_all_the_same(project, handler, limit):
    """A trigger of the function's own, or an event that names the pipeline alone."""
    half = {"half": 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"'}
    gate = "  check:\n    when: {prefix: uploads/}\n    audit: {gate: true}\n"
    project.pipelines(half, more=gate)
    event = {**project.upload("uploads/photo.jpg", photo()), **limit}
    [entry] = handler(event, {"request_id": "inv-1", "time_limit_in_ms": 60_000})["outcomes"]
    assert (entry["outcome"], entry["pipeline"]) == ("skipped", "photos")
    assert entry["reason"] == "it waits for check to let it pass"
    assert not any(key.startswith("out/") for key in project.listing())


def test_a_repeated_event_lets_on_what_was_left_behind(audits, monkeypatch):
    """The instance died between its record and the invoke of dispatch."""
    sent = []
    audits.section("gate: true", more=OTHERS)
    monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: sent.append(call) or "id")
    event = audits.upload("uploads/good.jpg", photo())
    assert audits.run(event)["let_on"] == "id"
    assert audits.run(event, "invocation-2")["outcome"] == "skipped"
    etag = audits.client.head_object(Bucket=audits.bucket, Key="uploads/good.jpg")["ETag"]
    for function, document in sent:
        assert function == "dispatch"
        assert document["Records"][0]["passed"] == {
            "pipelines": ["check"], "etag": etag.strip('"'),
        }  # fmt: skip
    assert len(sent) == 2
    audits.client.put_object(Bucket=audits.bucket, Key="uploads/good.jpg", Body=photo(90, 90))
    audits.run(event, "invocation-3")
    assert len(sent) == 2


def test_what_is_put_back_within_a_second_does_not_get_through(audits, monkeypatch):
    """A harmless one is there while CI looks, and the times of objects have whole seconds."""
    audits.section("gate: true", more=OTHERS)
    monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: "id")
    original, body = Cos._attempt, photo()

    def swapping(self, operation, *arguments):
        if operation != "AuditImage":
            return original(self, operation, *arguments)
        audits.client.put_object(Bucket=audits.bucket, Key="uploads/good.jpg", Body=photo(90, 90))
        result = original(self, operation, *arguments)
        audits.client.put_object(Bucket=audits.bucket, Key="uploads/good.jpg", Body=body)
        return result

    monkeypatch.setattr(Cos, "_attempt", swapping)
    entry = audits.run(audits.upload("uploads/good.jpg", body))
    assert (entry["outcome"], "let_on" in entry) == ("skipped", False)


def test_a_webhook_that_does_not_answer_holds_nothing_back(audits, hook, monkeypatch):
    sent = []
    monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: sent.append(call) or "id")
    monkeypatch.setattr("shared.retries.BACKOFF", 0.0)
    audits.section(f"gate: true, notify: '{hook.url}', on: {{pass: [tag, notify]}}", more=OTHERS)
    hook.statuses = [404]
    entry = audits.run(audits.upload("uploads/good.jpg", photo()))
    assert (entry["outcome"], entry["verdict"], entry["let_on"]) == ("failed", "pass", "id")
    assert entry["dead_letter"]

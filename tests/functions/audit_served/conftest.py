"""A served cloud with the real engines and all functions that an audit takes part in.

An upload wakes `dispatch`, CI's callback reaches `callback` over HTTP, and verdicts are the
engines' own; the policy file decides for keys that say so alone.
"""

import http.client
import json
import threading
import time
from contextlib import contextmanager

import pytest
from qcloud_cos import CosServiceError

from localcloud import admin_client, cli
from localcloud.config import Config
from shared.claims import Step
from shared.pipelines import load
from tests.conftest import running_cloud
from tests.functions.conftest import ROOT, wire
from tests.localcloud.scf.conftest import CALLBACK_URL, call, scf_client, shipped

FUNCTIONS = ("dispatch", "image", "audit", "callback", "sweep")
TOKEN = "t0ken-" + "e" * 32
INPUTS = """\
timeout: 60
environments:
  - {key: COS_BUCKET, value: "${env:COS_BUCKET}"}
  - {key: CALLBACK_URL, value: "${env:CALLBACK_URL}"}
  - {key: CALLBACK_TOKEN, value: "${env:CALLBACK_TOKEN}"}
  - {key: CALLBACK_RATE, value: 1000}
  - {key: SWEEP_GRACE, value: 0}
"""
SERVERLESS = shipped(*FUNCTIONS, wakes="dispatch", inputs=INPUTS, triggers=CALLBACK_URL)
PIPELINES = {
    "plain": "{snapshots: {count: 4}}",
    "ads": "{scenes: [Ads], snapshots: {count: 4}}",
    "small": "{scenes: [Ads], large_image: false}",
    "frames": "{scenes: [Ads], interval: 1, max_frames: 20}",
    "told": "{gate: true, kinds: [image], scenes: [Ads]}",
    "unheard": "{gate: true, callback: false, snapshots: {count: 4}}",
    "odd": "{kinds: [document]}",
    "odd-now": "{}",
    "brief": "{scenes: [Ads], snapshots: {mode: Average, count: 5}}",
    "both": "{kinds: [image, virus], scenes: [Ads]}",
    "turned": "{kinds: [virus, image], scenes: [Ads]}",
    "lenient": '{scenes: [Ads], thresholds: {"*": {review: 80, block: 99}}}',
    "batch": "{scenes: [Ads], user: {TokenId: a}}",
}
GATED = ("told", "unheard")
POLICY = """\
rules:
  - key: "uploads/*/bad*"
    verdict: {"*": {result: block, score: 97}, Virus: {result: block, label: Policy}}
  - key: "uploads/*/good*"
    verdict: {"*": pass, Virus: pass}
  - tags: {decide: pass}
    verdict: pass
  - tags: {decide: block}
    verdict: block
"""


class Served:
    """The cloud, and what a user can see of it. Keys of uploads are `uploads/<pipeline>/<name>`."""

    def __init__(self, cloud):
        self.cloud, self.client, self.bucket = cloud, cloud.client(), cloud.bucket

    def upload(self, key, body, **more):
        return self.client.put_object(Bucket=self.bucket, Key=wire(key), Body=body, **more)

    def judged(self, key, body, **more):
        """Upload, and what the record says of the audit, once all is quiet."""
        self.upload(key, body, **more)
        return self.record(key)["audit"]

    def record(self, key, seconds=30.0):
        name = f"records/{key.split('/')[1]}/{key}.json"
        swept = time.monotonic()

        def look():
            nonlocal swept
            if time.monotonic() > swept + 2:
                # As the timer would: a callback may come before its job is noted.
                self.sweep()
                swept = time.monotonic()
            return self.read(name)

        found = wait(look, seconds)
        self.settled()
        return json.loads(found)

    def has_record(self, key):
        return self.exists(f"records/{key.split('/')[1]}/{key}.json")

    def read(self, key):
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=wire(key))
        except CosServiceError as error:
            if error.get_status_code() != 404:
                raise
            return None
        return answer["Body"].get_raw_stream().read()

    def exists(self, key):
        return self.client.object_exists(Bucket=self.bucket, Key=wire(key))

    def tags(self, key):
        answer = self.client.get_object_tagging(Bucket=self.bucket, Key=wire(key))
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]["Tag"]}

    def acl(self, key):
        return self.client.get_object_acl(Bucket=self.bucket, Key=wire(key))["CannedACL"]

    def keys(self, prefix):
        listed = self.client.list_objects(Bucket=self.bucket, Prefix=prefix, MaxKeys=1000)
        return [one["Key"] for one in listed.get("Contents", [])]

    def manifest(self, key):
        """The manifest of what was put away from `key`; None if nothing was."""
        record = self.read(f"records/{key.split('/')[1]}/{key}.json")
        actions = json.loads(record)["audit"]["actions"] if record else []
        named = [f"quarantine/{each['id']}/manifest.json" for each in actions if "id" in each]
        for name in named or self.keys("quarantine/"):
            if name.endswith("/manifest.json"):
                found = json.loads(self.read(name))
                if found["source"]["key"] == key:
                    return found
        return None

    def settled(self):
        """No function is at work, and no event waits for one."""

        def idle():
            return admin_client.call(Config(), self.cloud.port, "GET", "status")["idle"]

        wait(idle)

    def chain(self, key):
        """Where the claims of an upload lie."""
        step = Step(self.bucket, key, "audit", key.split("/")[1])
        return f".pipelines/claims/{step.digest}/"

    def jobs(self, key):
        """The ids of the jobs of an upload, each with its claim, the oldest claim first."""
        chain, found = self.chain(key), []
        for name in self.keys(".pipelines/jobs/"):
            claim = json.loads(self.read(name) or b'{"claim": ""}')["claim"]
            if claim.startswith(chain):
                found.append((name.rpartition("/")[2], claim))
        return sorted(found, key=lambda job: job[1], reverse=True)

    def detail(self, kind, job):
        """What CI says of a job."""
        if kind == "virus":
            answer = self.client.ci_auditing_virus_query(Bucket=self.bucket, JobID=job)
        else:
            answer = self.client.ci_auditing_query_common(Bucket=self.bucket, Type=kind, JobID=job)
        found = answer["JobsDetail"]
        return found[0] if isinstance(found, list) else found

    def ended(self, kind, key):
        """The only job of an upload, once CI has finished it."""
        [(job, _)] = wait(lambda: self.jobs(key))
        wait(lambda: self.detail(kind, job)["State"] in ("Success", "Failed"))
        return job

    def post(self, body, token=TOKEN):
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=30)
        try:
            connection.request("POST", f"/_scf/callback/{token}", json.dumps(body))
            return connection.getresponse().status
        finally:
            connection.close()

    def lines(self, function=None, **wanted):
        """The log lines of functions that have all of these fields, in their order."""
        wanted |= {"function": function} if function else {}
        found = [
            json.loads(line)
            for line in self.cloud.log.read_text("utf-8").splitlines()
            if line.startswith('{"function"')
        ]
        return [one for one in found if wanted.items() <= one.items()]

    def sweep(self):
        call(scf_client(self.cloud.url), "Invoke", FunctionName="demo-dev-app-sweep",
             ClientContext="{}")  # fmt: skip

    @contextmanager
    def faults(self, *texts):
        """The cloud misbehaves so within the block."""
        port = self.cloud.port
        admin_client.call(Config(), port, "PUT", "faults", {"seed": 0, "faults": list(texts)})
        try:
            yield
        finally:
            admin_client.call(Config(), port, "DELETE", "faults")


def wait(check, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def at_once(*works):
    """Call all of them at the same time; their answers."""
    answers = [None] * len(works)

    def run(index):
        answers[index] = works[index]()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.fixture(scope="session")
def audit_cloud(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit-served")
    (folder / "functions").mkdir()
    for name in FUNCTIONS:
        (folder / "functions" / name).symlink_to(ROOT / "functions" / name)
    (folder / "shared").symlink_to(ROOT / "shared")
    (folder / "serverless.yml").write_text(SERVERLESS)
    text = "version: 1\npipelines:\n"
    for name, audit in PIPELINES.items():
        text += f"  {name}:\n    when: {{prefix: uploads/{name}/}}\n    audit: {audit}\n"
    for name in GATED:
        text += (
            f"  variants-{name}:\n    when: {{prefix: uploads/{name}/}}\n    outputs: {{half: "
            '{rule: imageMogr2/thumbnail/!50p, fileid: "/out/{key}.jpg"}}\n'
        )
    (folder / "pipelines.yml").write_text(text, "utf-8")
    load(folder / "pipelines.yml")  # a mistake in it would show as silence alone
    (folder / "policy.yml").write_text(POLICY)
    options = ("--project", str(folder), "--audit-policy", str(folder / "policy.yml"))
    # The token alone is set, so that tests know it; the address is the local cloud's own.
    with running_cloud(
        folder, *options, "--retry-seconds", "0.2", environment={"CALLBACK_TOKEN": TOKEN}
    ) as cloud:
        yield cloud


@pytest.fixture
def served(audit_cloud):
    return Served(audit_cloud)


@pytest.fixture
def restore(served, monkeypatch, capsys):
    """`restore(id)` by the command; its exit code and what it said."""
    for name, value in served.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COS_BUCKET", served.bucket)
    monkeypatch.setenv("PIPELINES_FILE", str(served.cloud.data.parent / "pipelines.yml"))

    def run(id):
        capsys.readouterr()
        code = cli.main(["quarantine", "restore", id, "--by", "carol"])
        return code, capsys.readouterr()

    return run

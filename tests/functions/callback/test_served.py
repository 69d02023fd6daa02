"""The whole way on a served cloud: an upload, its audit as a job, CI's callback, the verdict.

The functions run as SCF would run them; where callbacks go is what the local cloud knows itself.
"""

import http.client
import json
import threading
import time
from pathlib import Path

import pytest
from qcloud_cos import CosServiceError

from localcloud import admin_client
from localcloud.config import Config
from shared.claims import Step
from tests.conftest import running_cloud
from tests.functions.callback.conftest import TOKEN
from tests.localcloud.scf.conftest import CALLBACK_URL, scf_client, shipped

ROOT = Path(__file__).parents[3]
INPUTS = """\
timeout: 30
environments:
  - {key: COS_BUCKET, value: "${env:COS_BUCKET}"}
  - {key: CALLBACK_URL, value: "${env:CALLBACK_URL}"}
  - {key: CALLBACK_TOKEN, value: "${env:CALLBACK_TOKEN}"}
  - {key: SWEEP_GRACE, value: 0}
"""
SERVERLESS = shipped(
    "audit", "callback", "sweep", wakes="audit", inputs=INPUTS, triggers=CALLBACK_URL
)
PIPELINES = """\
version: 1
pipelines:
  told:
    function: audit
    when: {prefix: uploads/told/}
    audit: {kinds: [video]}
    record: /records/{name}.json
  unheard:
    function: audit
    when: {prefix: uploads/unheard/}
    audit: {kinds: [video], callback: false}
    record: /records/{name}.json
"""
POLICY = """\
engines: none
seconds: {auditing: 0.6}
rules:
  - key: "uploads/*/bad*"
    verdict: {Porn: {result: block, score: 97}, Ads: pass}
  - key: "uploads/*/fine*"
    verdict: pass
"""


class Served:
    def __init__(self, cloud):
        self.cloud, self.client, self.bucket = cloud, cloud.client(), cloud.bucket

    def upload(self, key, body=b"video"):
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def read(self, key):
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
        except CosServiceError as error:
            if error.get_status_code() != 404:
                raise
            return None
        return answer["Body"].get_raw_stream().read()

    def record(self, name):
        """What the audit wrote, once it has."""
        found = wait(lambda: self.read(f"records/{name}.json"))
        return json.loads(found)

    def settled(self):
        def idle():
            return admin_client.call(Config(), self.cloud.port, "GET", "status")["idle"]

        wait(idle)

    def keys(self, prefix):
        listed = self.client.list_objects(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [one["Key"] for one in listed]

    def put_away(self, name):
        """How many objects of this name lie in quarantine."""
        manifests = [key for key in self.keys("quarantine/") if key.endswith("manifest.json")]
        return sum(name.encode() in (self.read(key) or b"") for key in manifests)

    def jobs(self, key):
        """The jobs of an upload and their claims, the oldest first."""
        step = Step(self.bucket, key, "audit", key.split("/")[1])
        found = []
        for name in self.keys(".pipelines/jobs/"):
            claim = json.loads(self.read(name))["claim"]
            if claim.startswith(f".pipelines/claims/{step.digest}/"):
                found.append((claim, name.rpartition("/")[2]))
        return [(job, claim) for claim, job in sorted(found, reverse=True)]

    def ended(self, job):
        """Whether CI says that a job of a video has ended."""
        answer = self.client.ci_auditing_query_common(Bucket=self.bucket, Type="video", JobID=job)
        return answer["JobsDetail"]["State"] == "Success"

    def post(self, body, token=TOKEN, path="/_scf/callback"):
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.port, timeout=30)
        try:
            connection.request("POST", f"{path}/{token}", body)
            return connection.getresponse().status
        finally:
            connection.close()

    def lines(self, **wanted):
        """The log lines of functions that have all of these fields."""
        found = [
            json.loads(line)
            for line in self.cloud.log.read_text("utf-8").splitlines()
            if line.startswith('{"function"')
        ]
        return [one for one in found if wanted.items() <= one.items()]

    def sweep(self):
        scf_client(self.cloud.url).Invoke(
            request(FunctionName="demo-dev-app-sweep", ClientContext="{}")
        )
        self.settled()


def request(**fields):
    from tencentcloud.scf.v20180416 import models

    made = models.InvokeRequest()
    made._deserialize(fields)
    return made


def wait(check, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("callback")
    (folder / "functions").mkdir()
    for name in ("audit", "callback", "sweep"):
        (folder / "functions" / name).symlink_to(ROOT / "functions" / name)
    (folder / "shared").symlink_to(ROOT / "shared")
    (folder / "serverless.yml").write_text(SERVERLESS)
    (folder / "pipelines.yml").write_text(PIPELINES)
    (folder / "policy.yml").write_text(POLICY)
    options = ("--project", str(folder), "--audit-policy", str(folder / "policy.yml"))
    # The token alone is set, so that tests know it; the address is the local cloud's own.
    environment = {"CALLBACK_TOKEN": TOKEN}
    with running_cloud(
        folder, *options, "--retry-seconds", "0.2", environment=environment
    ) as cloud:
        yield cloud


@pytest.fixture
def served(running):
    return Served(running)


def test_a_bad_upload_is_out_of_sight_after_the_callback(served):
    served.upload("uploads/told/bad-1.mp4")
    record = served.record("bad-1.mp4")
    assert (record["outcome"], record["audit"]["verdict"]["result"]) == ("done", "block")
    served.settled()
    assert served.read("uploads/told/bad-1.mp4") is None
    assert served.put_away("bad-1") == 1
    [(job, claim)] = served.jobs("uploads/told/bad-1.mp4")
    [woken] = served.lines(function="callback", outcome="submitted", claims=[claim])
    assert woken["invoked"]
    # The same callback again, and others like it: nothing is left to do.
    before = served.read("records/bad-1.mp4.json"), served.keys("")
    body = json.dumps({"EventName": "ReviewVideo", "JobsDetail": {"JobId": job, "Result": 0}})
    assert [served.post(body) for _ in range(3)] == [200] * 3
    served.settled()
    assert (served.read("records/bad-1.mp4.json"), served.keys("")) == before


def test_forged_callbacks_change_nothing_and_an_early_one_neither(served):
    served.upload("uploads/told/bad-2.mp4")
    [(job, _)] = wait(lambda: served.jobs("uploads/told/bad-2.mp4"))
    # Early: the job is at work. And a lie: it says that the file is fine.
    lie = {"code": 0, "message": "success", "data": {"trace_id": job, "result": 0, "url": None}}
    assert served.post(json.dumps(lie), token="x" * 40) == 404
    assert served.post(json.dumps(lie)) == 200
    assert served.post("<a>" * 1000) == 400
    assert served.record("bad-2.mp4")["audit"]["verdict"]["result"] == "block"
    served.settled()
    assert served.read("uploads/told/bad-2.mp4") is None


def test_many_callbacks_at_once_are_acted_on_once(served):
    served.upload("uploads/told/bad-3.mp4")
    served.record("bad-3.mp4")
    served.settled()
    [(job, _)] = served.jobs("uploads/told/bad-3.mp4")
    body = json.dumps({"JobsDetail": {"JobId": job}})
    threads = [threading.Thread(target=served.post, args=(body,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served.settled()
    assert served.put_away("bad-3") == 1


def test_a_verdict_that_comes_late_is_not_for_the_newer_upload(served):
    served.upload("uploads/unheard/fine-4.mp4", b"old")
    [(job, _)] = wait(lambda: served.jobs("uploads/unheard/fine-4.mp4"))
    served.settled()
    # Another version under the same key, judged by its own job; the old one's callback comes last.
    served.upload("uploads/unheard/fine-4.mp4", b"new")
    wait(lambda: len(served.jobs("uploads/unheard/fine-4.mp4")) == 2)
    wait(lambda: served.ended(job))
    served.settled()
    assert served.post(json.dumps({"JobsDetail": {"JobId": job}})) == 200
    served.settled()
    assert served.read("records/fine-4.mp4.json") is None
    assert served.read("uploads/unheard/fine-4.mp4") == b"new"


def test_where_no_callback_comes_the_sweep_asks(served):
    served.upload("uploads/unheard/bad-5.mp4")
    wait(lambda: any("bad-5" in str(line.get("key")) for line in served.lines(function="audit")))
    served.settled()
    assert served.read("records/bad-5.mp4.json") is None

    def swept():
        served.sweep()
        return served.read("records/bad-5.mp4.json")

    assert json.loads(wait(swept))["audit"]["verdict"]["result"] == "block"
    assert served.read("uploads/unheard/bad-5.mp4") is None


def test_no_log_of_the_cloud_shows_the_token(served):
    assert served.post("garbage") == 400
    served.settled()
    assert TOKEN not in served.cloud.log.read_text("utf-8")

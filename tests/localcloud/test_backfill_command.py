"""`localcloud backfill` on a served cloud with the real functions: 300 objects, end to end."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from qcloud_cos import CosServiceError

from localcloud import admin_client
from localcloud.config import Config
from tests.conftest import ROOT, running_cloud
from tests.functions.backfill.conftest import small
from tests.functions.backfill.test_inventories import inventory

COUNT = 300
SERVERLESS = """\
component: multi-scf
name: p
app: a
stage: dev
inputs:
  src: {src: ./}
  region: ap-guangzhou
  runtime: Python3.10
  timeout: 20
  functions:
    image: {src: ./functions/image, handler: index.main_handler}
    backfill: {src: ./functions/backfill, handler: index.main_handler, timeout: 8}
"""
PIPELINES = """\
version: 1
pipelines:
  tiny:
    when: {prefix: uploads/, suffix: [.jpg]}
    outputs: {half: {rule: imageMogr2/thumbnail/!50p, fileid: "/tiny/{name}"}}
    record: /records/tiny/{name}.json
    tags: false
  crops:
    when: {prefix: uploads/, suffix: [.jpg]}
    outputs: {crop: {rule: imageMogr2/crop/4x4, fileid: "/crops/{name}"}}
    record: /records/crops/{name}.json
    tags: false
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A cloud with the functions, and 300 photos in its bucket that no event told of."""
    folder = tmp_path_factory.mktemp("backfill")
    (folder / "functions").mkdir()
    for name in ("image", "backfill"):
        (folder / "functions" / name).symlink_to(ROOT / "functions" / name)
    (folder / "serverless.yml").write_text(SERVERLESS)
    (folder / "pipelines.yml").write_text(PIPELINES)
    (folder / "shared").symlink_to(ROOT / "shared")
    with running_cloud(folder, "--project", str(folder), "--retry-seconds", "0.5") as cloud:
        cloud.folder = folder
        bodies = [small(number, size=(8, 8)) for number in range(10)]

        def put(number):
            key = f"uploads/{number // 50}/{number:03}.jpg"
            client.put_object(Bucket=cloud.bucket, Key=key, Body=bodies[number % 10])

        client = cloud.client()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(COUNT)))
        yield Served(cloud)


class Served:
    def __init__(self, cloud):
        self.cloud, self.bucket, self.client = cloud, cloud.bucket, cloud.client()

    def run(self, *arguments, code=0, **changes):
        kept = {name: value for name, value in os.environ.items() if "TENCENT" not in name}
        done = subprocess.run(
            [sys.executable, "-m", "localcloud", "backfill", *arguments,
             "--project", str(self.cloud.folder)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=100,
            env={**kept, **self.cloud.environment, "COS_BUCKET": self.bucket, **changes},
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def keys(self, prefix):
        listed = self.client.list_objects(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]

    def settled(self):
        deadline = time.monotonic() + 60
        while not admin_client.call(Config(), self.cloud.port, "GET", "status")["idle"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_list_of_300_objects_over_several_invocations(served):
    dry = json.loads(served.run("start", "dry", "--pipeline", "tiny", "--dry-run", "--json"))
    assert dry["estimate"]["pipelines"]["tiny"]["objects"] == COUNT
    shown = served.run("show", "dry")
    assert "dry: dry run of examplebucket-1250000000/ is done" in shown
    assert "estimate in CNY" in shown
    assert served.keys("tiny/") == []
    cursor = json.loads(
        served.run("start", "by-list", "--pipeline", "tiny", "--rate", "45", "--json")
    )
    counts = cursor["counts"]
    # A machine that is busy may cut a step short: what was begun then is found processed.
    assert (cursor["state"], counts["objects"]) == ("done", COUNT)
    assert counts["invoked"] + counts.get("processed", 0) == COUNT
    assert counts["invoked"] >= COUNT - 2 * 32
    assert cursor["hops"] >= 2, "at this rate it takes longer than one invocation may"
    served.settled()
    assert len(served.keys("tiny/")) == COUNT
    assert len(served.keys("records/tiny/")) == COUNT
    assert served.keys("crops/") == []
    again = json.loads(served.run("start", "by-list", "--pipeline", "tiny", "--json"))
    assert again["counts"] == {"objects": COUNT, "processed": COUNT}


def test_an_inventory_of_300_objects_by_batch_jobs(served):
    stage = type("Stage", (), {"client": served.client, "bucket": served.bucket,
                               "keys": lambda _, prefix: served.keys(prefix)})()  # fmt: skip
    manifest = inventory(stage, ["Size", "LastModifiedDate", "ETag"])
    plan = ("--pipeline", "crops", "--source", "inventory", "--manifest", manifest)
    said = served.run("start", "by-inventory", "--mode", "batch", *plan)
    assert f"made {COUNT}\n" in said
    assert len(served.keys("crops/")) == COUNT
    assert len(served.keys("records/crops/")) == COUNT


def test_cancel_and_go_on(served):
    plan = ("start", "slow", "--pipeline", "tiny", "--force", "--rate", "1", "--prefix",
            "uploads/0/")  # fmt: skip
    served.run(*plan, "--no-wait")
    deadline = time.monotonic() + 30
    while "invoked" not in shown(served):
        assert time.monotonic() < deadline
    assert "is unfinished and has another plan" in served.run("start", "slow", code=1)
    assert "slow: asked to end" in served.run("cancel", "slow")
    while "is cancelled" not in shown(served):
        assert time.monotonic() < deadline
    assert "slow has ended: it is cancelled" in served.run("cancel", "slow", code=1)
    stopped = json.loads(served.run("show", "slow", "--json", code=1))
    assert 0 < stopped["counts"]["objects"] < 50


def shown(served):
    try:
        answer = served.client.get_object(Bucket=served.bucket, Key=".pipelines/backfill/slow.json")
    except CosServiceError:
        return ""
    cursor = json.loads(answer["Body"].get_raw_stream().read())
    return f"is {cursor['state']} {' '.join(cursor['counts'])}"


def test_wrong_use_and_trouble_are_told(served, closed_port):
    assert "there is no backfill none in" in served.run("show", "none", code=1)
    assert "rate is 0.0: a number from 0.1 to 500" in served.run(
        "start", "x", "--rate", "0", code=2
    )
    assert "since is 'soon'" in served.run("start", "x", "--since", "soon", code=2)
    assert "the name is '../x'" in served.run("show", "../x", code=1)
    assert "no bucket" in served.run("show", "x", code=2, COS_BUCKET="")
    said = served.run("start", "x", code=2, STATE_BUCKET="state-1250000000")
    assert "with STATE_BUCKET, --bucket says which bucket to go through" in said
    assert "COS_SECRET_KEY is not set" in served.run("show", "x", code=1, COS_SECRET_KEY="")
    refused = served.run("start", "y", "--pipeline", "ghosts", code=1)
    assert "y: backfill of examplebucket-1250000000/ is refused" in refused
    assert "pipelines names 'ghosts', which pipelines.yml has not" in refused
    nowhere = f"http://127.0.0.1:{closed_port}"
    assert "NetworkError" in served.run("show", "x", code=1, HTTP_PROXY=nowhere, http_proxy=nowhere)

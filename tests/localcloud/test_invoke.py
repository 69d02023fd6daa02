"""`localcloud invoke`: what it prints, its exit codes, and functions that call the cloud."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVERLESS = """\
component: multi-scf
app: app
name: demo
inputs:
  runtime: Python3.10
  functions:
    f: {src: ./f, handler: index.main_handler, timeout: 20}
"""
ECHO = """\
import time

def main_handler(event, context):
    print("seen", event.get("do"))
    if event.get("do") == "fail":
        raise ValueError("as asked")
    if event.get("do") == "sleep":
        time.sleep(30)
    return {"echo": event, "memory": context["memory_limit_in_mb"], "文": "字"}
"""
HEAD_OBJECT = """\
import os
from qcloud_cos import CosConfig, CosS3Client
from shared.events import parse

def main_handler(event, context):
    upload = parse(event)[0]
    config = CosConfig(
        Region=upload.region, SecretId=os.environ["TENCENTCLOUD_SECRETID"],
        SecretKey=os.environ["TENCENTCLOUD_SECRETKEY"],
        Token=os.environ.get("TENCENTCLOUD_SESSIONTOKEN"), Scheme=os.environ["COS_SCHEME"],
    )
    answer = CosS3Client(config, retry=0).head_object(upload.bucket, upload.key)
    return [answer["Content-Length"], answer["Content-Type"]]
"""
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def project(tmp_path):
    def make(source):
        (tmp_path / "f").mkdir()
        (tmp_path / "f" / "index.py").write_text(source)
        (tmp_path / "serverless.yml").write_text(SERVERLESS)
        return tmp_path

    return make


def run(*arguments, cwd, stdin=None):
    return subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        cwd=cwd, input=stdin, capture_output=True, text=True, check=False, timeout=100,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_the_value_goes_to_stdout_and_the_log_to_stderr(project):
    event = {"do": "show", "名": "😀"}
    done = run("invoke", "f", "-", "--endpoint", NOWHERE, cwd=project(ECHO),
               stdin=json.dumps(event))  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"echo": event, "memory": 128, "文": "字"}
    assert "字" in done.stdout, "JSON that a person can read"
    lines = done.stderr.splitlines()
    request_id = re.fullmatch(r"START RequestId: ([0-9a-f-]{36})", lines[0])[1]
    assert "seen show" in lines
    assert lines[-2] == f"END RequestId: {request_id}"
    assert re.fullmatch(
        rf"REPORT RequestId: {request_id} Duration: \d+ ms Billed Duration: \d+ ms "
        r"Memory Size: 128 MB Max Memory Used: \d+ MB",
        lines[-1],
    )


@pytest.mark.parametrize(
    ("do", "options", "status"), [("fail", [], 430), ("sleep", ["--timeout", "1"], 433)]
)
def test_a_failure_is_exit_code_1_and_scfs_error(project, do, options, status):
    done = run("invoke", "f", "--endpoint", NOWHERE, *options, cwd=project(ECHO),
               stdin=json.dumps({"do": do}))  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["statusCode"] == status


def test_limits_can_be_changed_and_the_log_left_out(project):
    done = run("invoke", "f", "--endpoint", NOWHERE, "--memory", "256", "--quiet",
               cwd=project(ECHO), stdin="{}")  # fmt: skip
    assert (json.loads(done.stdout)["memory"], done.stderr) == (256, "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["g"], "{}", "no function 'g' in serverless.yml: one of f"),
        (["f"], "{", "standard input:1:2: not JSON"),
        (["f"], "", "standard input:1:1: not JSON"),
        (["f", "--memory", "63"], "{}", "--memory is 63: 64 to 3072 is expected"),
        (["f", "--file", "no.jpg", "--endpoint", NOWHERE], "{}", "--file no.jpg: no such file"),
        (["f", "--file", "serverless.yml", "--endpoint", NOWHERE], "{}", "--file needs an event"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(project, arguments, stdin, said):
    done = run("invoke", *arguments, cwd=project(ECHO), stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("localcloud: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_cloud_at_the_endpoint_is_one_line(project):
    root = project(ECHO)
    sample = run("event", "cos", "put", cwd=root).stdout
    done = run("invoke", "f", "--endpoint", NOWHERE, "--file", "f/index.py", cwd=root, stdin=sample)
    assert done.returncode == 1
    assert done.stderr.startswith(f"localcloud: no local cloud answers at {NOWHERE}")
    assert done.stderr.count("\n") == 1


def test_a_cloud_of_its_own_holds_the_sample_of_the_events_name(project):
    root = project(HEAD_OBJECT)
    (root / "events" / "objects").mkdir(parents=True)
    (root / "events" / "objects" / "图 1.jpg").write_bytes(b"0123456789")
    sample = run("event", "cos", "put", "--key", "uploads/图 1.jpg", "--bucket",
                 "mine-1251111111", "--region", "ap-tokyo", cwd=root).stdout  # fmt: skip
    done = run("invoke", "f", cwd=root, stdin=sample)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["10", "image/jpeg"]
    assert "a temporary cloud is used and thrown away" in done.stderr


def test_a_file_is_uploaded_first_into_a_running_cloud(project, cloud):
    root, bucket = project(HEAD_OBJECT), cloud.new_bucket()
    (root / "any.bin").write_bytes(b"abc")
    sample = run("event", "cos", "put", "--bucket", bucket, "--key", "x.jpg", cwd=root).stdout
    done = run("invoke", "f", "--endpoint", cloud.url, "--file", "any.bin", cwd=root, stdin=sample)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["3", "image/jpeg"]


@pytest.mark.parametrize("name", ["cos-put", "cos-chinese-key"])
def test_the_newcomers_first_try(name):
    """`localcloud invoke image events/cos-put.json`: the real handler, the real pipelines."""
    done = run("invoke", "image", f"events/{name}.json", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    [outcome] = json.loads(done.stdout)["outcomes"]
    assert outcome["outcome"] == "done", done.stderr
    assert outcome["outputs"]


INVOKES = """\
from shared.scf import Scf
from shared.settings import Settings

def main_handler(event, context):
    return Scf(Settings.load(), "ap-guangzhou", "demo-dev-app-").invoke("g", event)
"""
INVOKED = """\
import time

def main_handler(event, context):
    time.sleep(0.3)
    print("g was told", event)
"""


def test_the_functions_that_it_invokes_run_and_are_waited_for(project):
    folder = project(INVOKES)
    (folder / "g").mkdir()
    (folder / "g" / "index.py").write_text(INVOKED)
    trigger = (
        "    g: {src: ./g, handler: index.main_handler, timeout: 20}\n  triggers:\n"
        "    - {type: timer, function: g, parameters: {name: each, enable: true, "
        "cronExpression: '* * * * * * *'}}\n"
    )
    (folder / "serverless.yml").write_text(SERVERLESS + trigger)
    done = run("invoke", "f", "-", cwd=folder, stdin='{"do": "it"}')
    assert done.returncode == 0, done.stderr
    request_id = json.loads(done.stdout)
    assert f"START RequestId: {request_id}\n" in done.stderr
    assert done.stderr.count("g was told {'do': 'it'}") == 1
    assert done.stderr.count("g was told") == 1, "no trigger wakes it beside"

"""`localcloud deadletters` on a real cloud with a function that answers."""

import json
import os
import subprocess
import sys
import time

import pytest

from shared.cos import Cos
from shared.dead_letters import DeadLetter, DeadLetters
from shared.settings import Settings
from tests.conftest import ROOT

SERVERLESS = """\
component: multi-scf
name: p
app: a
stage: dev
inputs:
  src: {src: ./}
  region: ap-guangzhou
  runtime: Python3.10
  functions:
    image: {src: ./functions/image, handler: index.main_handler}
"""
ECHO = """\
import json

def main_handler(event, context):
    print(json.dumps({"upload": "up-9", "got": event}))
    return {}
"""


@pytest.fixture
def served(tmp_path, start_cloud):
    """A cloud with one function; the variables of a developer who looks at its bucket."""
    folder = tmp_path / "project"
    (folder / "functions" / "image").mkdir(parents=True)
    (folder / "functions" / "image" / "index.py").write_text(ECHO)
    (folder / "serverless.yml").write_text(SERVERLESS)
    (folder / "pipelines.yml").write_bytes((ROOT / "pipelines.yml").read_bytes())
    (folder / "shared").symlink_to(ROOT / "shared")
    with start_cloud("--project", str(folder)) as cloud:
        cloud.folder = folder
        yield cloud


@pytest.fixture
def letters(served, monkeypatch):
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    cos = Cos(Settings.load(), served.region, time.monotonic() + 60)
    return DeadLetters(cos, served.bucket, ".pipelines/")


def write(letters, key="uploads/a\x1b[2J.jpg"):
    letter = DeadLetter(
        letters.bucket, key, "image", "photos", {"Records": [key]},
        {"code": "NetworkError", "message": "no answer"}, 3, 1795219200.0, True,
    )  # fmt: skip
    letters.write(letter)
    return letter


def run(served, *arguments, code=0, **changes):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENCENT")}
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "deadletters", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={**kept, **served.environment, "COS_BUCKET": served.bucket, **changes},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_they_are_listed_shown_and_dropped(served, letters):
    assert run(served) == "no dead letters\n"
    letter = write(letters)
    line = run(served, "list")
    assert line.startswith(letter.id[:12])
    assert "image/photos" in line
    assert "NetworkError: no answer" in line
    assert "\x1b" not in line
    assert json.loads(run(served, "--json"))["key"] == letter.key
    assert json.loads(run(served, "show", letter.id[:8]))["event"] == letter.event
    assert "dropped" in run(served, "drop", letter.id[:8])
    assert run(served) == "no dead letters\n"


def test_a_retry_invokes_the_function_and_keeps_the_letter(served, letters):
    letter = write(letters)
    write(letters, "uploads/b.jpg")
    told = run(served, "retry", "--all", "--project", str(served.folder))
    assert told.count("invoked image, request ") == 2
    request = next(line for line in told.splitlines() if line.startswith(letter.id))
    request = request.rpartition(" ")[2]
    deadline = time.monotonic() + 30
    while letter.id not in (logged := log_of(served, request)):
        assert time.monotonic() < deadline, logged
    assert letters.read(letter.id).retried == 1


def log_of(served, request):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "logs", "--request", request, "--data",
         str(served.data)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retry",), "retry: give the ids, or --all"),
        (("drop", "abc", "--all"), "drop: give the ids, or --all"),
        (("show", "abc"), "'abc' names none of the 0 letters"),
    ],
)
def test_wrong_use_is_told(served, arguments, said):
    assert said in run(served, *arguments, code=2 if "give the ids" in said else 1)


def test_without_keys_bucket_or_cloud(served, closed_port):
    assert "COS_SECRET_KEY is not set" in run(served, code=1, COS_SECRET_KEY="")
    assert "no bucket" in run(served, code=2, COS_BUCKET="")
    assert "NoSuchBucket" in run(served, "--bucket", "none-1250000000", code=1)
    nowhere = f"http://127.0.0.1:{closed_port}"
    assert f"nothing answers at {nowhere}" in run(
        served, code=1, HTTP_PROXY=nowhere, http_proxy=nowhere
    )

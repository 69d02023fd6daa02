"""`localcloud audit`: the table, the JSON and the exit code; `serve --audit-policy` refuses."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.localcloud.ci.audit.conftest import POLICY


@pytest.fixture
def audit(tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text(POLICY.replace("bad/*", "bad*").replace("clean/*", "clean*"))

    def run(name, *options, content=b"content", command="audit"):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        return subprocess.run(
            [sys.executable, "-m", "localcloud", command, str(path), "--audit-policy", str(policy),
             *options],
            check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    ("name", "word", "code"),
    [("clean.txt", "pass", 0), ("bad.jpg", "block", 3), ("other.mp4", "review", 4)],
)
def test_the_verdict_is_printed_and_is_the_exit_code(audit, name, word, code):
    done = audit(name)
    assert done.returncode == code, done.stderr
    assert done.stdout.rstrip().endswith(f": {word}")
    assert "Porn" in done.stdout


def test_what_nothing_judged_says_so(audit):
    done = audit("other.pdf")
    assert "no local engine" in " ".join(done.stdout.split())
    assert done.returncode == 4


def test_json_is_what_ci_answers(audit):
    done = audit("bad.jpg", "--json", "--scenes", "Porn,Illegal")
    found = json.loads(done.stdout)
    assert (found["Result"], found["Label"], found["Score"]) == (1, "Porn", 97)
    assert {name for name in found if name.endswith("Info")} == {"PornInfo", "IllegalInfo"}
    assert done.returncode == 3


def test_strategies_and_kinds_can_be_chosen(audit):
    done = audit("bad.bin", "--kind", "text", "--biz-type", "lenient", "--json")
    assert [name for name in json.loads(done.stdout) if name.endswith("Info")] == ["AdsInfo"]


def test_a_virus_scan(audit):
    assert audit("bad.bin", "--kind", "virus").returncode == 3
    assert audit("other.bin", "--kind", "virus").returncode == 1  # no rule, no engine: not judged
    done = audit("clean.bin", "--kind", "virus")
    assert (done.returncode, done.stdout.rstrip()[-6:]) == (0, ": pass")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("a.bin",), 2, "--kind"),
        (("a.jpg", "--scenes", "Cats"), 2, "Cats"),
        (("a.jpg", "--biz-type", "unknown"), 2, "unknown"),
        (("empty.jpg",), 1, "-65007"),
    ],
)
def test_what_cannot_be_judged_is_said_in_a_line(audit, arguments, code, said):
    content = b"" if arguments[0].startswith("empty") else b"x"
    done = audit(*arguments, content=content)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_file_that_is_not_there(audit):
    done = audit("gone.jpg", content=None)
    assert (done.returncode, "no such file" in done.stderr) == (1, True)


def test_serve_refuses_a_policy_file_that_is_wrong(tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text("rules:\n  - verdict: maybe\n")
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "serve", "--port", "0", "--data",
         str(tmp_path / "data"), "--audit-policy", str(policy)],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "policy.yml:2: rules[0].verdict is 'maybe'" in done.stderr
    assert "Traceback" not in done.stderr

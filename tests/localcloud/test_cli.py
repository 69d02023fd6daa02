"""The console script as a user meets it: help, wrong use, `event`, and its speed to start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.cli import COMMANDS, main
from localcloud.sample_events import COS_KINDS
from shared.events import EventError, parse

ROOT = Path(__file__).parents[2]


def run(*arguments, stdin=""):
    return subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        cwd=ROOT, input=stdin, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def event(capsys, *arguments):
    assert main(["event", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"\n    {name}" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_own_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"localcloud {name}" in capsys.readouterr().out


def test_help_imports_no_server_and_no_image_library():
    code = (
        "import sys\nfrom localcloud.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'aiohttp', 'PIL', 'yaml', 'qcloud_cos'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["dance"], "invalid choice: 'dance'"),
        (["event", "cos", "dance"], "no sample 'dance' of cos: one of put, post, multipart"),
        (["event", "no-such.json"], "no-such.json: No such file or directory"),
        (["event", "nothing"], "samples: localcloud event cos put"),
        (["event", "events/cos-put.json", "put"], "has no kinds"),
        (["event", "events/malformed-not-json.json"], "malformed-not-json.json:2:1: not JSON"),
        (["event", "cos", "put", "--size", "big"], "invalid int value: 'big'"),
        (["event", "cos", "put", "--bucket", "plain"], "--bucket is 'plain': a name with its"),
        (["invoke", "image", "no-such.json"], "no-such.json: No such file or directory"),
        (["invoke", "dance", "events/cos-put.json"], "no function 'dance' in serverless.yml"),
        (["invoke", "image", "README.md"], "README.md:1:1: not JSON"),
        (["invoke", "image", "events/cos-put.json", "--timeout", "0"], "--timeout is 0: 1 to 900"),
        (["invoke", "image", "events/cos-put.json", "--project", "docs"], "serverless.yml:1:"),
        (["package", "--project", "docs"], "serverless.yml:1: cannot be read"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("kind", [kind for kind in COS_KINDS if kind != "malformed"])
def test_samples_are_events_that_are_understood(capsys, kind):
    uploads = parse(event(capsys, "cos", kind, "--key", "图/a b+%.jpg", "--size", "5",
                          "--bucket", "mine-1251111111", "--region", "ap-tokyo",
                          "--event-time", "1700000000"))  # fmt: skip
    assert uploads[0].key == "图/a b+%.jpg"
    assert {upload.event_name for upload in uploads} == set(COS_KINDS[kind].event_names)
    for upload in uploads:
        assert (upload.bucket, upload.region) == ("mine-1251111111", "ap-tokyo")
        assert (upload.size, upload.event_time) == (5, 1700000000)
    assert len({upload.key for upload in uploads}) == len(uploads)


def test_a_malformed_sample_is_malformed(capsys):
    with pytest.raises(EventError):
        parse(event(capsys, "cos", "malformed"))


def test_the_same_request_gives_the_same_sample(capsys):
    assert event(capsys, "cos") == event(capsys, "cos", "put")


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("cos-*.json")), ids=lambda p: p.stem)
def test_a_file_is_printed_as_it_is_or_with_changes(capsys, path):
    assert event(capsys, str(path)) == json.loads(path.read_text("utf-8"))
    changes = ["--key", "x/y.jpg", "--bucket", "b-125", "--size", "7", "--region", "ap-tokyo"]
    changes += ["--event-name", "cos:ObjectCreated:Post"]
    uploads = parse(event(capsys, str(path), *changes))
    keys = ["x/y.jpg", "x/y-2.jpg", "x/y-3.jpg"]
    assert [upload.key for upload in uploads] == keys[: len(uploads)]
    for upload in uploads:
        assert (upload.bucket, upload.region, upload.size) == ("b-125", "ap-tokyo", 7)
        assert upload.event_name == "cos:ObjectCreated:Post"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "events").glob("malformed-*.json")), ids=lambda p: p.stem
)
def test_malformed_files_can_be_printed_too(path):
    if path.stem != "malformed-not-json":
        assert run("event", str(path), "--key", "a").returncode == 0


def test_a_reader_that_leaves_early_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "localcloud", "event", "cos", "put"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == ""

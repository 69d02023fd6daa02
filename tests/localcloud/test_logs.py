"""`localcloud logs` and `localcloud messages`, beside a running cloud and without one."""

import json
import subprocess
import sys
import time

import pytest

from tests.conftest import running_cloud
from tests.localcloud.scf.conftest import call, scf_client, write_project

HANDLER = """\
import json

def main_handler(event, context):
    for upload, outcome in event["uploads"]:
        print(json.dumps({"upload": upload, "key": "uploads/a.jpg", "outcome": outcome}))
    print("no structure here")
    if event.get("fail"):
        raise ValueError("as asked")
"""


def localcloud(*arguments):
    """The command's output; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A cloud in which three invocations ran; one failed for good and has a dead letter."""
    folder = tmp_path_factory.mktemp("logged")
    dead = "deadLetter: {type: topic, name: dead}\ntimeout: 20\n"
    write_project(folder, {"f": HANDLER, "g": HANDLER}, fields=dead)
    options = ("--project", str(folder), "--retry-seconds", "0.02")
    with running_cloud(folder, *options) as cloud:
        cloud.scf = scf_client(cloud.url)
        cloud.first = invoke(cloud, "f", [["up-1", "done"], ["up-2", "failed"]])
        cloud.second = invoke(cloud, "g", [["up-1", "done"]])
        cloud.dead = invoke(cloud, "f", [["up-3", "failed"]], fail=1, kind="Event")
        deadline = time.monotonic() + 30
        while "dead" not in localcloud("messages", "--port", str(cloud.port)):
            assert time.monotonic() < deadline
        yield cloud


def invoke(cloud, key, uploads, kind="RequestResponse", **more):
    event = json.dumps({"uploads": uploads, **more})
    fields = {"FunctionName": f"demo-dev-app-{key}", "InvocationType": kind, "ClientContext": event}
    return call(cloud.scf, "Invoke", **fields).Result.FunctionRequestId


@pytest.fixture(params=["port", "data"])
def logs(served, request):
    """Run `localcloud logs`, once by the cloud's port and once by its folder."""
    where = {"port": ("--port", str(served.port)), "data": ("--data", str(served.data))}

    def run(*arguments):
        return localcloud("logs", *where[request.param], *arguments)

    return run


def documents(text):
    return [json.loads(line) for line in text.splitlines()]


def test_all_invocations_are_shown_with_their_logs(served, logs):
    text = logs()
    assert text.index(served.first) < text.index(served.second) < text.index(served.dead)
    assert f" f {served.first}: ok, " in text
    assert f" f {served.dead}: failed (430), retry 2, " in text
    assert f"  START RequestId: {served.second}\n" in text
    assert "  no structure here\n" in text


def test_an_upload_is_followed_through_all_functions(served, logs):
    found = documents(logs("--upload", "up-1", "--json"))
    assert [(one["function"], one["request"]) for one in found] == [
        ("f", served.first), ("g", served.second),
    ]  # fmt: skip
    assert all(
        [line["upload"] for line in one["lines"]] == ["up-1"] and one["code"] == 200
        for one in found
    )
    assert logs("--upload", "up") == "", "an id is matched whole"
    assert logs("--upload", "猫") == ""


def test_filters_narrow_each_other(served, logs):
    assert [one["function"] for one in documents(logs("--function", "g", "--json"))] == ["g"]
    tries = documents(logs("--request", served.dead, "--json"))
    assert [(one["retry"], one["code"]) for one in tries] == [(0, 430), (1, 430), (2, 430)]
    assert documents(logs("--function", "g", "--request", served.dead, "--json")) == []
    assert len(documents(logs("--last", "2", "--json"))) == 2


def test_errors_are_failed_invocations_and_failed_uploads(served, logs):
    found = documents(logs("--errors", "--json"))
    assert [one["request"] for one in found] == [served.first, *[served.dead] * 3]
    assert [line["upload"] for line in found[0]["lines"]] == ["up-2"]
    assert "ValueError: as asked" in logs("--errors", "--request", served.dead)


def test_follow_shows_what_comes(served):
    command = [sys.executable, "-m", "localcloud", "logs", "--follow", "--json", "--upload", "new",
               "--port", str(served.port)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        try:
            request_id = invoke(served, "g", [["new", "done"]])
            assert json.loads(following.stdout.readline())["request"] == request_id
            request_id = invoke(served, "g", [["new", "done"]])
            assert json.loads(following.stdout.readline())["request"] == request_id
        finally:
            following.terminate()


def test_dead_letters_are_shown(served):
    text = localcloud("messages", "--port", str(served.port))
    assert f"topic dead: demo-dev-app-f {served.dead}: 430 ValueError: as asked" in text
    [message] = documents(localcloud("messages", "dead", "--json", "--data", str(served.data)))
    assert json.loads(message["body"]["Body"]["ClientContext"])["uploads"] == [["up-3", "failed"]]
    assert localcloud("messages", "other", "--data", str(served.data)) == "no messages in other\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("logs", "--last", "0"), "--last is 0: 1 to 10000 are allowed"),
        (("logs", "--data", "no/such/folder"), "--data no/such/folder: no such folder"),
        (("messages", "--data", "no/such/folder"), "no such folder"),
    ],
)
def test_what_is_refused(arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_cloud_and_a_folder_it_says_so(tmp_path, closed_port):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "logs", "--port", str(closed_port)],
        capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no local cloud answers" in done.stderr
    assert "there is no folder .localcloud" in done.stderr


def test_a_folder_without_functions_has_no_logs(tmp_path):
    assert localcloud("logs", "--data", str(tmp_path)) == ""
    assert localcloud("messages", "--data", str(tmp_path)) == "no messages\n"

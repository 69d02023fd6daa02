"""Functions in their own process: environment, context, limits, errors, logs, warm instances."""

import asyncio
import re
import time
from pathlib import Path

import pytest

from localcloud.scf.layer import link_layer
from localcloud.scf.runner import Runner
from localcloud.scf.serverless import load
from shared.settings import Credentials

FIELDS = """\
memorySize: 128
timeout: 1
environments:
  - {key: GREETING, value: hello}
"""
HANDLER = """\
import os, subprocess, sys, time
loaded = []
print("loading")

def main_handler(event, context):
    return globals()[event["do"]](event, context)

def show(event, context):
    print("shown", event)
    loaded.append(1)
    return {"environment": dict(os.environ), "context": context, "cwd": os.getcwd(),
            "path": sys.path, "calls": len(loaded), "pid": os.getpid()}

def fail(event, context):
    raise ValueError("no {such} thing")

def sleep(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid)
    time.sleep(60)

def hoard(event, context):
    kept = bytearray(400 * 1024 * 1024)
    time.sleep(30)

def hoard_at_once(event, context):
    return len(bytearray(3000 * 1024 * 1024))

def leave(event, context):
    print("leaving")
    os._exit(7)

def system_exit(event, context):
    sys.exit(4)

def chatter(event, context):
    for _ in range(60):
        print("x" * 50000)

def too_much(event, context):
    return "x" * 7_000_000

def no_json(event, context):
    return object()

def import_pillow(event, context):
    import PIL
"""


@pytest.fixture
def run(make_project):
    """Invoke events one after another on one runner; returns the invocations."""

    def invoke(*events, source=HANDLER, fields=FIELDS, credentials=None, between=None):
        root = make_project({"f": source}, fields=fields)
        keys = iter(credentials or [])
        permanent = Credentials("AKIDpermanent", "key", "token")

        async def main():
            runner = Runner(
                root,
                link_layer(root),
                appid="1250000000",
                credentials=lambda: next(keys, permanent),
                route={"HTTP_PROXY": "http://127.0.0.1:1", "COS_SCHEME": "http",
                       "COS_SECRET_KEY": "not for functions"},
            )  # fmt: skip
            function = load(root, {}).functions["f"]
            try:
                done = []
                for event in events:
                    done.append(await runner.invoke(function, event))
                    if between:
                        between(root)
                return done
            finally:
                await runner.stop()

        return asyncio.run(main())

    return invoke


def test_the_environment_is_that_of_scf_and_nothing_of_the_developers(run, monkeypatch):
    monkeypatch.setenv("MY_PRIVATE_TOKEN", "secret")
    [done] = run({"do": "show"})
    found = done.result["environment"]
    assert "MY_PRIVATE_TOKEN" not in found
    assert "COS_SECRET_KEY" not in found
    assert found["HOME"] != str(Path.home())
    assert (
        found.items()
        >= {
            "TENCENTCLOUD_SECRETID": "AKIDpermanent",
            "TENCENTCLOUD_SECRETKEY": "key",
            "TENCENTCLOUD_SESSIONTOKEN": "token",
            "TENCENTCLOUD_REGION": "ap-guangzhou",
            "TENCENTCLOUD_APPID": "1250000000",
            "TENCENTCLOUD_RUNENV": "SCF",
            "SCF_FUNCTIONNAME": "demo-dev-app-f",
            "SCF_FUNCTIONVERSION": "$LATEST",
            "SCF_NAMESPACE": "default",
            "GREETING": "hello",
            "HTTP_PROXY": "http://127.0.0.1:1",
            "COS_SCHEME": "http",
        }.items()
    )


def test_the_context_is_that_of_scf(run):
    [done] = run({"do": "show"})
    context = done.result["context"]
    assert (
        context.items()
        >= {
            "request_id": done.request_id,
            "memory_limit_in_mb": 128,
            "time_limit_in_ms": 1000,
            "function_name": "demo-dev-app-f",
            "function_version": "$LATEST",
            "namespace": "default",
            "tencentcloud_region": "ap-guangzhou",
            "tencentcloud_appid": "1250000000",
        }.items()
    )


def test_code_then_layer_then_python_are_on_the_path(run, tmp_path):
    [done] = run({"do": "show"})
    code, layer, *rest = done.result["path"]
    assert (done.result["cwd"], code) == (str(tmp_path / "functions" / "f"),) * 2
    assert (Path(layer) / "shared").exists()
    assert not any("site-packages" in entry for entry in rest)


def test_an_instance_is_kept_warm_and_gets_new_credentials(run):
    first, second = run(
        *[{"do": "show"}] * 2,
        credentials=[Credentials("AKIDstart", "k", "t"), Credentials("AKIDone", "k1", "t1"),
                     Credentials("AKIDtwo", "k2", "t2")],
    )  # fmt: skip
    assert first.result["pid"] == second.result["pid"]
    assert [done.result["calls"] for done in (first, second)] == [1, 2]
    assert (first.cold is None, second.cold is None) == (False, True)
    assert first.result["environment"]["TENCENTCLOUD_SECRETID"] == "AKIDone"
    assert second.result["environment"]["TENCENTCLOUD_SESSIONTOKEN"] == "t2"
    assert (first.log.count("loading"), second.log.count("loading")) == (1, 0)


def test_changed_code_is_loaded_anew(run):
    def change(root):
        (root / "functions" / "f" / "index.py").write_text(
            "def main_handler(event, context):\n    return 'new code'\n"
        )

    first, second = run({"do": "show"}, {"do": "show"}, between=change)
    assert first.result["calls"] == 1
    assert second.result == "new code"


@pytest.mark.parametrize(
    ("do", "status", "message"),
    [
        ("fail", 430, "user code exception caught"),
        ("sleep", 433, "Invoking task timed out after 1 seconds"),
        ("hoard", 434, "Memory limit exceeded: the function has 128 MB"),
        ("hoard_at_once", 434, "Memory limit exceeded: the function has 128 MB"),
        ("leave", 439, "User process exit when running (code 7)"),
        ("system_exit", 439, "User process exit when running (code 4)"),
        ("too_much", 407, "The size of response exceeds the upper limit (6MB)"),
        ("no_json", 430, "user code exception caught"),
        ("import_pillow", 430, "user code exception caught"),
    ],
)
def test_failures_are_reported_as_scf_reports_them(run, do, status, message):
    failed, after = run({"do": do}, {"do": "show"})
    assert failed.result is None
    assert (failed.error["statusCode"], failed.error["errorMessage"]) == (status, message)
    assert failed.error["requestId"] == failed.request_id
    assert after.ok, "the next invocation gets a sound instance"


def test_a_stack_trace_shows_the_functions_frames_only(run):
    [done] = run({"do": "fail"})
    trace = done.error["stackTrace"]
    assert trace.endswith("ValueError: no {such} thing\n")
    assert "in fail" in trace
    assert "worker.py" not in trace
    assert trace in done.report() + "\n"


def test_a_timeout_ends_what_the_function_started(run):
    started = time.monotonic()
    [done] = run({"do": "sleep"})
    assert time.monotonic() - started < 10
    child = int(re.search(r"^\d+$", done.log, re.MULTILINE)[0])
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(child)


def is_running(pid):
    """Whether a process runs; a zombie that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("import nothing_like_this", 443, "No module named 'nothing_like_this'"),
        ("raise RuntimeError('at import')", 443, "RuntimeError: at import"),
        ("def other(event, context): pass", 437, "index.py has no function main_handler"),
        ("main_handler = 1", 437, "index.py has no function main_handler"),
        ("import sys; sys.exit(3)", 439, "User process exit when running (code 3)"),
        ("def broken(:", 443, "SyntaxError"),
    ],
)
def test_code_that_cannot_be_loaded(run, source, status, message):
    [done] = run({}, source=f"print('before')\n{source}\n")
    assert done.error["statusCode"] == status
    assert message in done.error["errorMessage"] + done.error.get("stackTrace", "")
    assert "before" in done.log or "SyntaxError" in message


def test_slow_loading_has_its_own_limit(run):
    [done] = run({}, source="import time; time.sleep(60)", fields="initTimeout: 3\n")
    assert done.error["errorMessage"] == "Container start timed out after 3 seconds"


def test_the_log_has_scfs_form_and_what_the_function_printed(run):
    [done] = run({"do": "show", "name": "猫"})
    lines = done.report().splitlines()
    assert lines[0] == f"START RequestId: {done.request_id}"
    assert "shown {'do': 'show', 'name': '猫'}" in lines
    assert lines[-2] == f"END RequestId: {done.request_id}"
    report = re.fullmatch(
        rf"REPORT RequestId: {done.request_id} Duration: \d+ ms Billed Duration: (\d+) ms "
        r"Memory Size: 128 MB Max Memory Used: (\d+) MB",
        lines[-1],
    )
    assert report
    assert int(report[1]) >= 1
    assert 5 <= int(report[2]) <= 128


def test_a_log_without_end_is_cut_and_says_so(run):
    [done] = run({"do": "chatter"})
    assert len(done.log) < 1_100_000
    assert re.search(r"\[\d+ more bytes of log were dropped: 1048576 are kept\]", done.log)


def test_an_event_that_is_too_large_is_refused_before_the_function_runs(run):
    [done] = run({"do": "show", "padding": "x" * 6 * 1024 * 1024})
    assert done.error["statusCode"] == 406
    assert done.log == ""


def test_nothing_is_written_into_the_functions_folder(run, tmp_path):
    run({"do": "show"})
    assert [path.name for path in (tmp_path / "functions" / "f").iterdir()] == ["index.py"]

"""A cloud whose policy file decides verdicts, a bucket, and `audit` in this process."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from types import SimpleNamespace

import pytest

from shared.audit_finish import finish
from shared.settings import Settings
from tests.conftest import running_cloud
from tests.functions.conftest import Project, load_handler

POLICY = """
rules:
  - key: "uploads/broken*"
    fail: -65007
  - kinds: [virus]
    key: "uploads/bad*"
    verdict: {Virus: {result: block, label: Eicar-Test-Signature}}
  - key: "uploads/bad*"
    verdict: {"*": {result: block, score: 97, label: Sub, keywords: [secretword]}}
  - key: "uploads/doubt*"
    verdict: {"*": {result: review, score: 75}, Virus: pass}
  - key: "uploads/good*"
    verdict: {"*": pass, Virus: pass}
  - url: "*/uploads/good*"
    verdict: pass
"""
CONTEXT = {"request_id": "invocation-1", "time_limit_in_ms": 60_000}


@pytest.fixture(scope="session")
def policy_cloud(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audits")
    (folder / "policy.yml").write_text(POLICY)
    with running_cloud(
        folder, "--no-functions", "--audit-policy", str(folder / "policy.yml")
    ) as running:
        yield running


@pytest.fixture(scope="session")
def audit_handler():
    return load_handler("audit")


@pytest.fixture
def audits(policy_cloud, audit_handler, monkeypatch, tmp_path):
    for name, value in policy_cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("shared.cos._paces", {})
    monkeypatch.setenv("CI_INSTANCES", "1")
    monkeypatch.setenv("CI_RATE", "10000")
    project = Audits(policy_cloud, monkeypatch, tmp_path)
    project.handler = audit_handler
    project.section()
    return project


class Audits(Project):
    """A project whose pipeline `check` audits what lies under uploads/."""

    def section(self, text="", more=""):
        self.file.write_text(
            "version: 1\npipelines:\n  check:\n    when: {prefix: uploads/}\n"
            f"    audit: {{{text}}}\n{more}",
            encoding="utf-8",
        )
        self.monkeypatch.setenv("PIPELINES_FILE", str(self.file))

    def run(self, event, id="invocation-1"):
        answer = self.handler(event, {**CONTEXT, "request_id": id})
        [entry] = answer["outcomes"]
        return entry

    def audit(self, key, body=b"some words", **kwargs):
        """Upload, audit, and finish what was submitted; the last log line."""
        event = self.upload(key, body, **kwargs)
        entry = self.run(event)
        return self.finished() if entry["outcome"] == "submitted" else entry

    def claims(self):
        listed = self.client.list_objects(Bucket=self.bucket, Prefix=".pipelines/claims/")
        return [item["Key"] for item in listed.get("Contents", [])]

    def finish(self, key=None, id="finisher-1"):
        deadline = time.monotonic() + 30
        return finish(self.bucket, key or self.claims()[0], Settings.load(), id, deadline)

    def finished(self, seconds=20):
        """The log line of the finisher once the jobs are done."""
        end = time.monotonic() + seconds
        waiting = self.claims()
        while time.monotonic() < end:
            for claim in list(waiting):
                entry = self.finish(claim).entry
                if entry["outcome"] == "done" or entry.get("attempt"):
                    return entry
                if entry["outcome"] != "submitted":
                    waiting.remove(claim)
            time.sleep(0.05)
        return pytest.fail("the jobs did not end")

    def verdict(self, key):
        return self.audit_record(key)["verdict"]

    def audit_record(self, key):
        return json.loads(self.get(f"records/check/{key}.json"))["audit"]

    def acl(self, key):
        return self.client.get_object_acl(Bucket=self.bucket, Key=key)["CannedACL"]

    def exists(self, key):
        return self.client.object_exists(Bucket=self.bucket, Key=key)

    def under(self, prefix):
        return [key for key in self.listing() if key.startswith(prefix)]


class Hook:
    """A webhook on loopback; answers `statuses` one after the other, then 200."""

    def __init__(self):
        self.calls, self.statuses = Queue(), []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.calls.put(SimpleNamespace(headers=dict(self.headers), body=body))
                self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@contextmanager
def _hook():
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()
        thread.join(10)


@pytest.fixture
def hook(monkeypatch):
    monkeypatch.setenv("NOTIFY_SECRET", "s" * 40)
    with _hook() as running:
        yield running

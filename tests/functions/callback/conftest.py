"""The callback function in this process, a bucket with its state, and events of both triggers."""

import json
import time

import pytest

from shared.claims import Step, Version
from shared.cos import Cos
from shared.events import document, parse
from shared.jobs import Job, Jobs
from shared.ledger import CosStore, Ledger
from shared.settings import Settings
from tests.functions.conftest import load_handler

TOKEN = "t0ken-" + "a" * 32
OLDER = "0lder-" + "b" * 32
CONTEXT = {"request_id": "inv-1", "time_limit_in_ms": 30_000}


def http_event(body, *, token=TOKEN, method="POST", gateway=False, **more):
    """An event as the triggers make it."""
    text = body if isinstance(body, str) else json.dumps(body)
    event = {
        "body": text,
        "headers": {"content-type": "application/json"},
        "httpMethod": method,
        "path": f"/callback/{token}" if gateway else f"/{token}",
        "queryString": {},
    }
    if gateway:
        event |= {"isBase64Encoded": False, "requestContext": {"stage": "release"}}
    return {**event, **more}


class Stage:
    def __init__(self, project, handler, monkeypatch):
        self.bucket, self.project, self.setenv = project.bucket, project, monkeypatch.setenv
        self.handler, self.sent = handler, []
        self.cos = Cos(Settings.load(), "ap-guangzhou", time.monotonic() + 100)
        self.jobs = Jobs(self.cos, project.bucket, ".pipelines/")
        self.ledger = Ledger(CosStore(self.cos, project.bucket), ".pipelines/", "inv-0", 0)

    def claim(self, key="uploads/a.mp4", request_id="up-1", time=0, **details):
        """A claim of an upload, running."""
        event = self.project.event(key, request_id=request_id)
        event["Records"][0]["event"]["eventTime"] += time
        [upload] = parse(event)
        step = Step(upload.bucket, upload.key, "audit", "judged")
        known = {"event": document(upload), "function": "audit", "pipeline": "judged", **details}
        return self.ledger.claim(step, Version.of(upload), 60, known)

    def submitted(self, job="av0123456789", bucket=None, **more):
        """The same once its job is submitted, and the job's own object."""
        claim = self.claim(**more)
        self.jobs.write(Job(job, claim.key, bucket or self.bucket))
        return self.ledger.submit(claim, 600, {"finisher": "callback"})

    def post(self, body, **more):
        """The answer's status; what was invoked is in `sent`."""
        return self.handler(http_event(body, **more), CONTEXT)["statusCode"]

    def state(self):
        """Every object of the state and its bytes."""
        found, _ = self.cos.list_objects(self.bucket, ".pipelines/")
        return {one.key: self.cos.read_object(self.bucket, one.key).body for one in found}


@pytest.fixture(scope="session")
def callback():
    return load_handler("callback")


@pytest.fixture
def stage(project, callback, monkeypatch):
    monkeypatch.setenv("COS_BUCKET", project.bucket)
    monkeypatch.setenv("CALLBACK_TOKEN", f"{TOKEN},{OLDER}")
    monkeypatch.setattr("callback_door._limits", {})
    # Nobody writes a job down late here, but for the test that does.
    monkeypatch.setitem(callback.__globals__, "_PAUSES", ())
    found = Stage(project, callback, monkeypatch)

    def invoke(_, function, event):
        found.sent.append((function, event))
        return f"run-{len(found.sent)}"

    # SCF is another process's work: what arrives there is what counts here.
    monkeypatch.setattr("shared.scf.Scf.invoke", invoke)
    return found

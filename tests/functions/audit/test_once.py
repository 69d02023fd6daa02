"""The function and the finisher are killed before and after each of their calls, and repeated."""

import itertools
import json

import pytest

from shared.cos import Cos
from tests.functions.conftest import photo


class Killed(BaseException):
    """The instance is gone: nothing catches this."""


@pytest.fixture
def kill(monkeypatch):
    """`kill(number, after)` dies at that call to the cloud; the list of calls made so far."""
    original = Cos._attempt

    def at(number, *, after):
        made = []

        def attempt(self, operation, *arguments):
            made.append(operation)
            if len(made) == number and not after:
                raise Killed
            result = original(self, operation, *arguments)
            if len(made) == number:
                raise Killed
            return result

        monkeypatch.setattr(Cos, "_attempt", attempt)
        return made

    yield at
    monkeypatch.setattr(Cos, "_attempt", original)


def killed_everywhere(audits, kill, hook, work, begin):
    """Run `work` after `begin`, killed at each call in turn, then once more to its end."""
    ends = set()
    for number in itertools.count(1):
        for after in (False, True):
            key = f"uploads/bad-{number}-{after}{work.suffix}"
            begun = begin(key)
            kill(number, after=after)
            died = True
            try:
                work(begun)
                died = False
            except Killed:
                kill(0, after=False)
                work(begun)
            assert not audits.exists(key), (number, after)
            assert audits.verdict(key)["result"] == "block"
            told = [hook.calls.get(timeout=5)]
            while not hook.calls.empty():
                told.append(hook.calls.get())
            ends.add(len({call.headers["X-Event-Id"] for call in told}))
            if not died:
                contents = [k for k in audits.under("quarantine/") if k.endswith("content")]
                assert len(contents) == 2 * number - (not after)
                return ends
    return None


def test_the_function_takes_each_action_once(audits, kill, hook):
    audits.section(f'on: {{block: [private, tag, quarantine, notify]}}, notify: "{hook.url}"')

    def work(event):
        audits.run(event)

    work.suffix = ".jpg"
    ends = killed_everywhere(audits, kill, hook, work, lambda key: audits.upload(key, photo()))
    assert ends == {1}


def test_the_finisher_takes_each_action_once(audits, kill, hook):
    audits.section(f'on: {{block: [private, tag, quarantine, notify]}}, notify: "{hook.url}"')

    def begin(key):
        before = set(audits.claims())
        audits.run(audits.upload(key, b"%PDF-1.4"))
        [claim] = set(audits.claims()) - before
        return claim

    def work(claim):
        entry = audits.finish(claim).entry
        while entry["outcome"] == "submitted":
            entry = audits.finish(claim).entry

    work.suffix = ".pdf"

    # The job's end is waited for first, so that the calls of each run are the same.
    def ready(key):
        claim = begin(key)
        job = json.loads(audits.get(claim))["details"]["jobs"][0]["id"]
        while True:
            found = audits.client.ci_auditing_document_query(Bucket=audits.bucket, JobID=job)
            if found["JobsDetail"]["State"] == "Success":
                return claim

    assert killed_everywhere(audits, kill, hook, work, ready) == {1}

"""Loaded by the pytest that runs the SDK's suite: what the suite needs to run here, unedited.

The SDK's own package is the installed one. Its only change is the default scheme, http for https.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from qcloud_cos import cos_client

OUTCOMES = "CONFORMANCE_OUTCOMES"  # variable: the file that outcomes are written to
_SHORT = 0.05

_original = cos_client.CosConfig.__init__


def _init(self, *args, **options):
    if len(args) < 6:  # Scheme is the sixth
        options.setdefault("Scheme", "http")
    _original(self, *args, **options)


cos_client.CosConfig.__init__ = _init


class _Time:
    """The module `time`, but for sleeps: a change is seen here at once."""

    def __getattr__(self, name):
        return getattr(time, name)

    @staticmethod
    def sleep(seconds):
        time.sleep(min(seconds, _SHORT))


@pytest.fixture(scope="module", autouse=True)
def _module_set_up(request):
    # The suite was written for nose, which calls this function.
    request.module.time = _Time()
    request.module.setUp()


@pytest.fixture(autouse=True)
def _failing_bucket(request, monkeypatch):
    # This test knows the server of failures as a bucket: for it that server is the proxy.
    if request.node.name == "test_cos_client_retry_2":
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://{os.environ['ERR_HOST']}")


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome == "failed":
        lines = str(report.longrepr or "").strip().splitlines()
        entry = {
            "name": report.nodeid.rpartition("::")[2].removeprefix("test_"),
            "outcome": report.outcome,
            "seconds": round(report.duration, 2),
            "reason": lines[-1][:300] if lines else "",
        }
        with Path(os.environ[OUTCOMES]).open("a") as file:
            file.write(json.dumps(entry) + "\n")

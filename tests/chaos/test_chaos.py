"""The short form of the chaos run; bench/chaos.py runs it in full."""

import sys

import pytest

from tests.chaos import harness

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="instances are found in /proc")


@pytest.mark.timeout(280)
def test_every_upload_ends_once_whatever_happens(tmp_path):
    calm = harness.run(tmp_path, 40, seed=1, chaos=False, patience=60)
    wild = harness.run(tmp_path, 40, seed=1, chaos=True, patience=200)
    assert wild.outcomes == calm.outcomes
    assert wild.outputs == calm.outputs
    assert wild.records == calm.records
    assert wild.open == calm.open == []
    hopeless = sorted(key for key, end in calm.outcomes.items() if end == "dead")
    assert wild.letters == calm.letters == hopeless
    assert wild.killed > 0

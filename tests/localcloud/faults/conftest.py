"""A cloud inside of the test's process, and the admin call that makes it misbehave."""

import pytest

from localcloud import admin_client
from localcloud.config import Config
from tests.conftest import sdk_client


@pytest.fixture
def misbehave(inside):
    """Replace the cloud's faults through the admin call; what it answers."""
    port = int(inside.url.rpartition(":")[2])

    def change(*texts, seed=0):
        document = {"faults": list(texts), "seed": seed}
        return admin_client.call(Config(), port, "PUT", "faults", document)

    return change


@pytest.fixture
def counts(inside):
    """What each rule has seen and struck until now."""
    port = int(inside.url.rpartition(":")[2])
    return lambda: admin_client.call(Config(), port, "GET", "faults")["faults"]


@pytest.fixture
def client(inside):
    return sdk_client(inside.url)

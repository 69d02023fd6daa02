"""Clouds that speak HTTPS: one in its own process, one inside of the test's."""

import ssl

import pytest

from localcloud.addressing import plays
from localcloud.tls.authority import open_authority
from localcloud.tls.contexts import Contexts
from tests.conftest import running_cloud
from tests.localcloud.conftest import open_cloud


@pytest.fixture(scope="session")
def secure(tmp_path_factory):
    """A served cloud with --tls; `bundle` and `authority` are the files that clients trust."""
    with running_cloud(tmp_path_factory.mktemp("secure"), "--no-functions", "--tls") as running:
        running.bundle = running.data / "tls" / "bundle.pem"
        running.authority = running.data / "tls" / "ca.pem"
        yield running


@pytest.fixture
def authority(tmp_path):
    return open_authority(tmp_path / "tls", pytest.fail)


@pytest.fixture
def contexts(authority, tmp_path):
    return Contexts(authority, plays, tmp_path / "tls")


@pytest.fixture
def inside_secure(contexts, tmp_path):
    with open_cloud(tmp_path / "data", contexts) as running:
        yield running


@pytest.fixture
def handshake(authority):
    """The host's certificate as a client that trusts the authority gets it, without a network."""

    def shake(server_context, host):
        client_context = ssl.create_default_context(cadata=authority.certificate.decode())
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
        server = server_context.wrap_bio(to_server, to_client, server_side=True)
        for _ in range(4):
            for side in (client, server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        return client.getpeercert()

    return shake

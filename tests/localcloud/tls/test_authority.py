"""The authority's file, and what its certificates are good for."""

import datetime
import ssl
import subprocess
import sys

import certifi
import pytest

from localcloud.tls import AuthorityError
from localcloud.tls import authority as module
from localcloud.tls.authority import open_authority
from localcloud.tls.contexts import MAX_CONTEXTS, Contexts
from localcloud.tls.trust import publish

HOST = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com"
OPEN = (
    "import sys; from pathlib import Path; from localcloud.tls.authority import open_authority;"
    "sys.stdin.readline();"
    "print(open_authority(Path(sys.argv[1]), print).certificate.decode())"
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "tls"


@pytest.fixture
def told():
    return []


def test_it_is_made_once_and_its_owner_alone_reads_the_key(folder):
    first = open_authority(folder, pytest.fail)
    again = open_authority(folder, pytest.fail)
    assert first.certificate == again.certificate
    assert (folder / "authority.pem").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["authority.pem", "lock"]


def test_two_processes_at_first_use_get_the_same(folder):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:  # all are loaded: let them go together
        process.stdin.write("\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert len(answers) == 1
    assert answers.pop().startswith("-----BEGIN CERTIFICATE")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_one_is_replaced_and_said_so(folder, told, content):
    open_authority(folder, pytest.fail)
    (folder / "authority.pem").write_bytes(content)
    made = open_authority(folder, told.append)
    assert "damaged" in told[0]
    assert str(folder / "authority.pem") in told[0]
    assert open_authority(folder, pytest.fail).certificate == made.certificate


def test_a_certificate_of_another_key_is_replaced(folder, tmp_path, told):
    open_authority(folder, pytest.fail)
    open_authority(tmp_path / "other", pytest.fail)
    key = (folder / "authority.pem").read_bytes().partition(b"-----BEGIN CERT")[0]
    other = (tmp_path / "other" / "authority.pem").read_bytes().partition(b"-----BEGIN CERT")
    (folder / "authority.pem").write_bytes(key + other[1] + other[2])
    open_authority(folder, told.append)
    assert "another key" in told[0]


def test_a_key_that_others_could_read_is_replaced(folder, told):
    first = open_authority(folder, pytest.fail)
    (folder / "authority.pem").chmod(0o640)
    assert open_authority(folder, told.append).certificate != first.certificate
    assert "others could read" in told[0]
    assert (folder / "authority.pem").stat().st_mode & 0o777 == 0o600


def test_one_that_ends_soon_is_renewed(folder, told, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, "LIFE", datetime.timedelta(days=29))
        first = open_authority(folder, pytest.fail)
    assert open_authority(folder, told.append).certificate != first.certificate
    assert "expires on" in told[0]


def test_one_for_other_domains_is_replaced(folder, told, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, "DOMAINS", ("myqcloud.com",))
        open_authority(folder, pytest.fail)
    open_authority(folder, told.append)
    assert "other domains" in told[0]


def test_a_folder_that_cannot_hold_it(tmp_path):
    (tmp_path / "tls").write_text("a file")
    with pytest.raises(AuthorityError, match="cannot hold the certificate authority"):
        open_authority(tmp_path / "tls", pytest.fail)


def test_serve_says_in_one_line_that_it_cannot_hold_it(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tls").write_text("a file")
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "serve", "--tls", "--port", "0", "--no-functions",
         "--data", str(tmp_path / "data")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "cannot hold the certificate authority" in done.stderr


def test_the_bundle_has_the_public_roots_and_ours(authority, tmp_path):
    trust = publish(authority, tmp_path / "tls")
    bundle = trust.bundle.read_text("utf-8")
    public = ssl.create_default_context(cafile=certifi.where()).get_ca_certs()
    both = ssl.create_default_context(cafile=str(trust.bundle)).get_ca_certs()
    assert len(both) == len(public) + 1
    assert trust.authority.read_text() in bundle
    assert b"PRIVATE KEY" not in trust.bundle.read_bytes() + trust.authority.read_bytes()
    before = trust.bundle.stat().st_mtime_ns
    publish(authority, tmp_path / "tls")
    assert trust.bundle.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "host",
    [
        HOST,
        "service.cos.myqcloud.com",
        "examplebucket-1250000000.localhost",
        "localhost",
        "127.0.0.1",
        "::1",
    ],
)
def test_clients_accept_its_certificates(contexts, handshake, host):
    assert handshake(contexts.of("[::1]" if host == "::1" else host), host)["subjectAltName"]


@pytest.mark.parametrize("host", ["example.com", "myqcloud.com.example.com", "192.0.2.1"])
def test_it_is_good_for_no_other_host(authority, handshake, tmp_path, host):
    anything = Contexts(authority, lambda _: True, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        handshake(anything.of(host), host)


def test_it_makes_certificates_for_played_hosts_only(contexts):
    with pytest.raises(ValueError, match="not played"):
        contexts.of("example.com")


def test_contexts_are_reused_and_bounded(contexts, tmp_path):
    first = contexts.of(HOST)
    assert contexts.of(HOST.upper()) is first
    for number in range(MAX_CONTEXTS + 10):
        contexts.of(f"b{number}-1250000000.localhost")
    assert len(contexts) == MAX_CONTEXTS
    assert contexts.of(HOST) is not first
    assert not list((tmp_path / "tls").glob("leaf-*"))


def test_a_certificate_is_renewed_before_it_ends(contexts, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, "LEAF_LIFE", datetime.timedelta(hours=1))
        first = contexts.of(HOST)
    assert contexts.of(HOST) is not first

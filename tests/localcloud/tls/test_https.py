"""HTTPS as unmodified clients speak it: through the cloud as their proxy, and straight to it."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys

import pytest
import requests

from localcloud.admin import parse_faults
from localcloud.config import DEFAULT_BUCKET
from tests.conftest import sdk_client
from tests.localcloud.conftest import Signed

HOST = f"{DEFAULT_BUCKET}.cos.ap-guangzhou.myqcloud.com"
LARGE = bytes(range(256)) * 3000
# Each prints the status of an unsigned GET: 403 AccessDenied comes from the cloud and nobody else.
CLIENTS = {
    "requests": [sys.executable, "-c",
        "import requests, sys; print(requests.get(sys.argv[1]).status_code)"],
    "urllib": [sys.executable, "-c",
        "import sys, urllib.error, urllib.request\n"
        "try: urllib.request.urlopen(sys.argv[1])\n"
        "except urllib.error.HTTPError as error: print(error.code)"],
    "curl": ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n"],
    # Older versions of Node look at no proxy: this one goes straight.
    "node": ["node", "-e",
        "const u = new URL(process.argv[1]);"
        "require('https').get({host: '127.0.0.1', port: process.env.PORT, servername: u.host,"
        "headers: {Host: u.host}}, r => { console.log(r.statusCode); r.resume(); })"],
}  # fmt: skip
PRESENT = [name for name, command in CLIENTS.items() if shutil.which(command[0])]


def evaluated(lines):
    """The environment that a shell has after `eval "$(localcloud env)"`, and nothing else."""
    shown = subprocess.run(
        ["bash", "-c", f"{lines}\n{sys.executable} -c "
         "'import json, os; print(json.dumps(dict(os.environ)))'"],
        capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    return json.loads(shown.stdout)


def printed(port, **environment):
    return subprocess.run(
        [sys.executable, "-m", "localcloud", "env", "--port", str(port)],
        capture_output=True, text=True, check=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def environment(secure):
    return evaluated(printed(secure.port).stdout)


@pytest.fixture
def trusting(secure, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure.bundle))


@pytest.mark.parametrize("way", ["proxy", "direct"])
def test_the_sdk(secure, trusting, way):
    bucket = secure.new_bucket()
    client = {
        "proxy": lambda: secure.client(Scheme="https", Proxies={"https": secure.url}),
        "direct": lambda: secure.client(
            Scheme="https", Proxies={}, IP="127.0.0.1", Port=secure.port
        ),
    }[way]()
    for key, body in (("small", b"small"), ("large", LARGE), ("empty", b"")):
        client.put_object(Bucket=bucket, Key=key, Body=body)
        got = client.get_object(Bucket=bucket, Key=key)["Body"].get_raw_stream().read()
        assert got == body
    part = client.get_object(Bucket=bucket, Key="large", Range="bytes=1000-199999")["Body"]
    assert part.get_raw_stream().read() == LARGE[1000:200_000]
    assert secure.client().head_object(Bucket=bucket, Key="large")["Content-Length"] == str(
        len(LARGE)
    )


def test_a_presigned_link_of_the_sdk(secure, trusting):
    secure.client().put_object(Bucket=DEFAULT_BUCKET, Key="linked", Body=b"linked")
    link = secure.client(Scheme="https").get_presigned_url(DEFAULT_BUCKET, "linked", "GET")
    assert link.startswith("https://")
    answer = requests.get(link, proxies={"https": secure.url}, timeout=20)
    assert (answer.status_code, answer.content) == (200, b"linked")


def test_it_is_not_trusted_by_who_was_not_told_to(secure):
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(f"https://{HOST}/", proxies={"https": secure.url}, timeout=20)


@pytest.mark.parametrize("name", PRESENT)
def test_what_env_prints_leads_clients_to_it(secure, environment, name):
    done = subprocess.run(
        [*CLIENTS[name], f"https://{HOST}/"], capture_output=True, text=True, timeout=60,
        check=False, env={**environment, "PORT": str(secure.port)},
    )  # fmt: skip
    assert done.stdout == "403\n", done.stderr


def test_env_names_files_that_are_there(secure, environment):
    assert environment["HTTPS_PROXY"] == environment["HTTP_PROXY"] == secure.url
    bundle = str(secure.bundle)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        assert environment[name] == bundle
    assert environment["NODE_EXTRA_CA_CERTS"] == str(secure.authority)
    assert ssl.create_default_context(cafile=str(secure.authority)).get_ca_certs()


def test_env_says_nothing_of_https_without_it(cloud, closed_port):
    assert "HTTPS" not in printed(cloud.port).stdout
    assert "HTTPS" not in printed(closed_port).stdout


def test_env_says_when_the_cloud_has_other_keys(secure):
    done = printed(secure.port, LOCALCLOUD_SECRET_KEY="another")
    assert "refuses" in done.stderr
    assert "HTTPS" not in done.stdout


def connect_tls(port, bundle, name):
    context = ssl.create_default_context(cafile=str(bundle))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), 20), server_hostname=name
    )


def test_the_name_that_the_client_gives_picks_the_certificate(secure):
    for name in (HOST, "service.cos.myqcloud.com", "localhost"):
        with connect_tls(secure.port, secure.bundle, name) as connection:
            names = connection.getpeercert()["subjectAltName"]
            assert ("DNS", name) in names
            assert connection.selected_alpn_protocol() == "http/1.1"


def test_a_name_that_is_not_played_gets_no_certificate(secure):
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        connect_tls(secure.port, secure.bundle, "example.com")


def test_an_absolute_https_target_is_understood(secure):
    with connect_tls(secure.port, secure.bundle, HOST) as connection:
        connection.sendall(f"GET https://{HOST}/k HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert f"<Resource>{HOST}/k</Resource>".encode() in answer


def test_a_host_inside_that_is_not_played_is_refused(secure):
    with connect_tls(secure.port, secure.bundle, HOST) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert b"no open proxy" in connection.recv(65536)


def test_the_same_authority_after_a_restart(start_cloud):
    seen = []
    for _ in range(2):
        with start_cloud("--no-functions", "--tls") as cloud:
            seen.append((cloud.data / "tls" / "ca.pem").read_bytes())
            key = cloud.data / "tls" / "authority.pem"
            assert key.stat().st_mode & 0o777 == 0o600
    assert seen[0] == seen[1]


def test_plain_http_on_the_same_port(secure):
    answer = requests.get(f"{secure.url}/{DEFAULT_BUCKET}/k", timeout=20)
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


def test_a_fault_cuts_an_encrypted_answer(inside_secure, authority, tmp_path):
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    signed = Signed(inside_secure.url)
    signed("PUT", "/k", data=LARGE)
    inside_secure.cloud.faults.add(parse_faults(["GetObject=cut:100000"]))
    link = sdk_client(inside_secure.url, Scheme="https").get_presigned_url(
        DEFAULT_BUCKET, "k", "GET"
    )
    answer = requests.get(
        link, proxies={"https": inside_secure.url}, verify=str(tmp_path / "ca.pem"),
        stream=True, timeout=20,
    )  # fmt: skip
    assert answer.raw.read(100_000) == LARGE[:100_000]
    with pytest.raises(Exception, match="IncompleteRead"):
        answer.raw.read(1)


def test_a_folder_that_takes_no_more_certificates(inside_secure, tmp_path, caplog):
    shutil.rmtree(tmp_path / "tls")
    for host in (HOST, None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port = int(inside_secure.url.rpartition(":")[2])
        connection = socket.create_connection(("127.0.0.1", port), 20)
        with pytest.raises(OSError):  # noqa: PT011 - TLS libraries word it differently
            context.wrap_socket(connection, server_hostname=host)
        connection.close()
    assert "no certificate could be made for" in caplog.text
    assert requests.get(inside_secure.url, timeout=20).status_code == 403

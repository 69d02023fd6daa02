"""Which addresses a webhook may have; what is sent is seen in tests/functions/audit."""

import socket
import ssl
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from localcloud.tls.authority import open_authority
from shared import webhook
from shared.errors import CloudError


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "https://8.8.8.8:8443/",
        "http://127.0.0.1:9000/",
        "http://localhost/",
        "http://[::1]:80/",
    ],
)
def test_public_and_loopback_addresses_are_taken(url):
    assert webhook.problem(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https://169.254.169.254/latest",
        "https://10.1.2.3/", "https://[fd00::1]/", "https://u:p@example.com/", "https://a b/",
        "https://example.com:99999/", "//example.com", "https://exa\tmple.com/", "https://例.com/",
    ],
)  # fmt: skip
def test_everything_else_is_refused(url):
    assert webhook.problem(url)
    with pytest.raises(CloudError, match="WebhookRefused"):
        webhook.send(url, "s" * 32, "id", {}, time.monotonic() + 5)


def test_a_name_that_leads_inside_is_not_called(monkeypatch):
    row = (2, 1, 6, "", ("10.0.0.1", 443))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [row])
    with pytest.raises(CloudError, match="no public address"):
        webhook.send("https://example.com/", "s" * 32, "id", {}, time.monotonic() + 5)


def test_an_answer_that_drips_is_cut_off(monkeypatch):
    """Each byte comes in time, the answer never does."""
    monkeypatch.setattr("shared.webhook._SECONDS", 1.0)
    monkeypatch.setattr("shared.webhook._ATTEMPTS", 1)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            while not over.is_set():
                with suppress(OSError):
                    caller, _ = server.accept()
                    caller.sendall(b"HTTP/1.1")
                    while not over.wait(0.05):
                        caller.sendall(b" ")

        threading.Thread(target=drip, daemon=True).start()
        begun = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(CloudError) as found:
            webhook.send(url, "s" * 32, "id", {}, time.monotonic() + 20)
        over.set()
    assert (found.value.code, time.monotonic() - begun < 10) == ("WebhookFailed", True)


@pytest.mark.parametrize("trusted", [True, False])
def test_the_receivers_certificate_is_checked(monkeypatch, tmp_path, trusted):
    """`localhost` is in it; who signed it is known or not."""
    monkeypatch.setattr("shared.retries.BACKOFF", 0.0)
    authority = open_authority(tmp_path, print)
    (tmp_path / "leaf.pem").write_bytes(authority.issue("localhost").pem)
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.headers["X-Event-Id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"https://localhost:{server.server_port}/"
        if trusted:
            assert webhook.send(url, "s" * 32, "id-1", {}, time.monotonic() + 9) == 1
        else:
            with pytest.raises(CloudError, match="SSLCertVerificationError"):
                webhook.send(url, "s" * 32, "id-1", {}, time.monotonic() + 9)
    finally:
        server.shutdown()
        server.server_close()
    assert got == ["id-1"] * trusted


def test_nobody_there_can_be_tried_again(closed_port, monkeypatch):
    monkeypatch.setattr("shared.retries.BACKOFF", 0.0)
    with pytest.raises(CloudError) as found:
        webhook.send(f"http://127.0.0.1:{closed_port}/", "s" * 32, "id", {}, time.monotonic() + 9)
    assert found.value.retryable

"""Which addresses a webhook may have; what is sent is seen in tests/functions/audit."""

import time

import pytest

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


def test_nobody_there_can_be_tried_again(closed_port, monkeypatch):
    monkeypatch.setattr("shared.retries.BACKOFF", 0.0)
    with pytest.raises(CloudError) as found:
        webhook.send(f"http://127.0.0.1:{closed_port}/", "s" * 32, "id", {}, time.monotonic() + 9)
    assert found.value.retryable

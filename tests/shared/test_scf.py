"""Calls to SCF: what is sent, what its answers mean, which errors are tried again."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.errors import CloudError
from shared.scf import MAX_EVENT, Scf, deployed_prefix
from shared.settings import Credentials, Settings, SettingsError

KEYS = Credentials("AKIDx", "key-x", "token-x")
TAKEN = {"Result": {"FunctionRequestId": "run-1"}}


class Front:
    """What API 3.0 could answer: `answer` is (status, headers, body)."""

    def __init__(self):
        self.answer, self.asked = (200, {}, b""), []

    def says(self, response, kind="application/json", status=200, **headers):
        body = json.dumps({"Response": {"RequestId": "req-1", **response}}).encode()
        self.answer = (status, {"Content-Type": kind, **headers}, body)


@pytest.fixture
def front(monkeypatch):
    found = Front()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append((self.path, dict(self.headers), json.loads(body)))
            status, headers, content = found.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield found
    server.shutdown()
    server.server_close()


def scf(prefix="demo-", deadline=float("inf"), **settings):
    given = {"credentials": KEYS, "region": "ap-tokyo", "scheme": "http", "attempts": 2}
    return Scf(Settings(**{**given, **settings}), "ap-guangzhou", prefix, deadline)


def refused(client, event=None):
    with pytest.raises(CloudError) as caught:
        client.invoke("image", event or {})
    return caught.value


def test_what_is_sent(front, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    front.says(TAKEN)
    client = scf(namespace="other")
    assert client.invoke("image", {"key": "猫 \ud800"}) == "run-1"
    assert client.calls == [("Invoke", "req-1")]
    [(path, headers, body)] = front.asked
    assert path == "http://scf.tencentcloudapi.com/"
    assert body.pop("ClientContext") == '{"key":"\\u732b \\ud800"}'
    assert body == {
        "FunctionName": "demo-image", "InvocationType": "Event", "Namespace": "other",
    }  # fmt: skip
    assert headers["X-TC-Action"] == "Invoke"
    assert headers["X-TC-Region"] == "ap-tokyo"
    assert headers["X-TC-Token"] == "token-x"
    assert headers["Authorization"].startswith("TC3-HMAC-SHA256 Credential=AKIDx/")


def test_the_uploads_region_is_taken_where_the_environment_names_none(front):
    front.says(TAKEN)
    scf(region="").invoke("image", {})
    assert front.asked[0][1]["X-TC-Region"] == "ap-guangzhou"


@pytest.mark.parametrize(
    ("code", "retryable", "status"),
    [
        ("RequestLimitExceeded", True, 429),
        ("RequestLimitExceeded.UinLimitExceeded", True, 429),
        ("LimitExceeded.Quota", True, 429),
        ("ResourceLimitReached", True, 429),
        ("InternalError", True, 500),
        ("InternalError.System", True, 500),
        ("FailedOperation.InvokeFunction", True, 500),
        ("ResourceInsufficient", True, 503),
        ("ResourceNotFound.Function", False, 404),
        ("ResourceNotFound.Namespace", False, 404),
        ("AuthFailure.SignatureFailure", False, 403),
        ("AuthFailure.TokenFailure", False, 403),
        ("UnauthorizedOperation.CAM", False, 403),
        ("InvalidParameterValue.Param", False, 400),
        ("ResourceUnavailable.InsufficientBalance", False, 400),
    ],
)
def test_errors_and_which_are_tried_again(front, code, retryable, status):
    front.says({"Error": {"Code": code, "Message": "so\n it is"}})
    client = scf()
    error = refused(client)
    assert (error.code, error.message, error.request_id) == (code, "so it is", "req-1")
    assert (error.retryable, error.status) == (retryable, status)
    assert len(front.asked) == len(client.calls) == (2 if retryable else 1)


def test_an_error_is_seen_whatever_the_answers_type(front):
    error = {"Error": {"Code": "ResourceNotFound.Function", "Message": "no"}}
    front.says(error, "application/json; charset=utf-8")
    assert refused(scf()).code == "ResourceNotFound.Function"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, {"Content-Type": "application/json"}, b"<html>"), "InvalidResponse"),
        ((200, {"Content-Type": "application/json"}, b"[]"), "InvalidResponse"),
        ((200, {"Content-Type": "application/json"}, b'{"Response": {}}'), "InvalidResponse"),
        ((200, {"Content-Type": "text/html"}, b'{"Response": {"Result": 1}}'), "InvalidResponse"),
        ((502, {"Content-Type": "text/html"}, b"<html>" + b"x" * 9000), "InvalidResponse"),
        ((200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"no gzip"),
         "NetworkError"),
    ],
)  # fmt: skip
def test_answers_of_another_shape_are_tried_again(front, answer, code):
    front.answer = answer
    error = refused(scf())
    assert (error.code, error.retryable) == (code, True)
    assert len(error.message) < 400
    assert len(front.asked) == 2


def test_a_refusal_by_something_between_is_final(front):
    front.answer = (407, {"Content-Type": "text/plain"}, b"who are you")
    error = refused(scf())
    assert (error.status, error.retryable) == (407, False)
    assert "who are you" in error.message


def test_the_services_own_pause_is_kept(front):
    front.says({"Error": {"Code": "RequestLimitExceeded", "Message": ""}}, **{"Retry-After": "7"})
    error = refused(scf(deadline=time.monotonic() + 5))
    assert error.retry_after == 7
    assert len(front.asked) == 1, "seven seconds are more than are left"


def test_nobody_there_is_an_error_that_passes(monkeypatch, closed_port):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    client = scf()
    error = refused(client)
    assert (error.code, error.retryable, len(client.calls)) == ("NetworkError", True, 2)


def test_no_call_begins_after_the_deadline(front):
    error = refused(scf(deadline=time.monotonic()))
    assert error.code == "DeadlineExceeded"
    assert front.asked == []


def test_an_event_that_scf_would_not_take_is_not_sent(front):
    front.says(TAKEN)
    frame = len('{"a":""}')
    assert scf().invoke("image", {"a": "x" * (MAX_EVENT - frame)})
    error = refused(scf(), {"a": "x" * (MAX_EVENT - frame + 1)})
    assert (error.code, error.retryable) == ("RequestTooLarge", False)
    assert str(MAX_EVENT) in error.message
    assert len(front.asked) == 1


@pytest.mark.parametrize(
    ("name", "variable", "prefix"),
    [
        ("pipelines-dev-app-dispatch", "", "pipelines-dev-app-"),
        ("a-dispatch-b-dispatch", "", "a-dispatch-b-"),
        ("dispatch", "", ""),
        ("", "", ""),
        ("fan-out", "pipelines-", "pipelines-"),
        ("pipelines-dev-app-dispatch", "other-", "other-"),
    ],
)
def test_the_names_of_the_others(name, variable, prefix):
    settings = Settings(KEYS, function_name=name, function_prefix=variable)
    assert deployed_prefix(settings, "dispatch") == prefix


@pytest.mark.parametrize("name", ["fan-out", "mydispatch", "dispatch-prod"])
def test_a_name_that_says_nothing_is_an_error_with_a_remedy(name):
    with pytest.raises(SettingsError, match=f"'{name}'.*FUNCTION_PREFIX"):
        deployed_prefix(Settings(KEYS, function_name=name), "dispatch")


@pytest.mark.parametrize("prefix", ["-x", "a b", "ü-", "x" * 60])
def test_a_wrong_prefix_is_named(prefix):
    environment = {"COS_SECRET_ID": "x", "COS_SECRET_KEY": "y", "FUNCTION_PREFIX": prefix}
    with pytest.raises(SettingsError, match="FUNCTION_PREFIX is"):
        Settings.load(environment)

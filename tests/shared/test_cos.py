"""The client against answers that a healthy service does not give."""

import http.server
import socket
import threading
import time

import pytest

from shared.cos import Cos
from shared.errors import CloudError
from shared.pic_operations import PicOperations, PicRule
from shared.settings import Credentials, Settings

BUCKET = "b-1250000000"
OPERATIONS = PicOperations((PicRule("/o.jpg", "imageMogr2/strip"),))
ERROR = (
    "<Error><Code>{code}</Code><Message>{message}</Message><Resource>r</Resource>"
    "<RequestId>req-1</RequestId></Error>"
)


class Answers:
    """A service that answers from a list, for faults that cannot be made otherwise."""

    def __init__(self):
        self.script, self.requests = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                outer.requests.append((self.command, self.path))
                status, body, headers = outer.script.pop(0)
                if status == 0:
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_HEAD = answer  # noqa: N815 - the names that http.server calls

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def add(self, status, body="", **headers):
        self.script.append((status, body.encode(), headers))


@pytest.fixture
def answers(monkeypatch):
    service = Answers()
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, service.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture(autouse=True)
def _fresh_pace(monkeypatch):
    monkeypatch.setattr("shared.cos._paces", {})


def cos(attempts=1, seconds=20.0, token=""):
    settings = Settings(
        Credentials("AKIDx", "secret-x", token), scheme="http", attempts=attempts, timeout=5
    )
    return Cos(settings, "ap-guangzhou", time.monotonic() + seconds)


def failure(client):
    with pytest.raises(CloudError) as caught:
        client.image_process(BUCKET, "a.jpg", OPERATIONS)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable"),
    [
        (403, ERROR.format(code="AccessDenied", message="no"), "AccessDenied", False),
        (404, ERROR.format(code="NoSuchKey", message="gone"), "NoSuchKey", False),
        (429, ERROR.format(code="TooMany", message="slow"), "TooMany", True),
        (503, ERROR.format(code="SlowDown", message="slow"), "SlowDown", True),
        (500, "", "Unknown", True),
        (502, "<html>Bad Gateway</html>", "Unknown", True),
        (400, '{"code": "BadJson", "message": "m"}', "BadJson", False),
        (400, "<Error><Code></Code></Error>", "Unknown", False),
        (403, "\x00\x01", "Unknown", False),
        (200, "this is no XML", "InvalidResponse", True),
        (200, "<Other><a>1</a></Other>", "InvalidResponse", True),
        (0, "", "NetworkError", True),
    ],
)
def test_every_odd_answer_is_one_cloud_error(answers, status, body, code, retryable):
    answers.add(status, body)
    error = failure(cos())
    assert (error.code, error.retryable) == (code, retryable)
    assert "\n" not in error.message


def test_the_request_id_survives_an_empty_body(answers):
    answers.add(500, "", **{"x-cos-request-id": "NWFj"})
    assert failure(cos()).request_id == "NWFj"


def test_what_can_pass_is_tried_again_and_then_succeeds(answers):
    answers.add(503, ERROR.format(code="SlowDown", message="slow"))
    answers.add(0)
    answers.add(200, "<UploadResult><OriginalInfo><Key>a.jpg</Key></OriginalInfo></UploadResult>")
    result = cos(attempts=3).image_process(BUCKET, "a.jpg", OPERATIONS)
    assert result.original.key == "a.jpg"
    assert len(answers.requests) == 3


def test_what_cannot_pass_is_not_tried_again(answers):
    answers.add(403, ERROR.format(code="AccessDenied", message="no"))
    assert failure(cos(attempts=5)).code == "AccessDenied"
    assert len(answers.requests) == 1


def test_the_budget_ends(answers):
    for _ in range(2):
        answers.add(503, ERROR.format(code="SlowDown", message="slow"))
    assert failure(cos(attempts=2)).code == "SlowDown"
    assert len(answers.requests) == 2


def test_a_service_that_says_nothing_is_given_up_on():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patch:
            for name in ("HTTP_PROXY", "http_proxy"):
                patch.setenv(name, url)
            patch.setenv("NO_PROXY", "")
            patch.setenv("no_proxy", "")
            error = failure(cos(seconds=1.0))
    assert (error.code, error.retryable) == ("NetworkError", True)
    assert "timed out" in error.message.lower()


def test_no_call_starts_after_the_deadline(answers):
    assert failure(cos(seconds=0.1)).code == "DeadlineExceeded"
    assert answers.requests == []


def test_a_pause_that_would_pass_the_deadline_is_not_made(answers):
    answers.add(503, ERROR.format(code="SlowDown", message="slow"))
    assert failure(cos(attempts=5, seconds=0.6)).code == "SlowDown"
    assert len(answers.requests) == 1


def test_more_than_ten_tags_are_refused_before_they_are_lost(answers):
    tags = "".join(f"<Tag><Key>k{n}</Key><Value>v</Value></Tag>" for n in range(9))
    answers.add(200, f"<Tagging><TagSet>{tags}</TagSet></Tagging>")
    with pytest.raises(CloudError, match="TooManyTags"):
        cos().add_tags(BUCKET, "a.jpg", {"x": "1", "y": "2"})
    assert len(answers.requests) == 1


@pytest.mark.parametrize(
    "body",
    ["", "<x/>", "<x>t</x>", "<Tagging><TagSet>t</TagSet></Tagging>",
     "<Tagging><TagSet><Tag>t</Tag></TagSet></Tagging>",
     "<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet></Tagging>"],
)  # fmt: skip
def test_tags_of_another_shape_are_never_overwritten(answers, body):
    for _ in range(3):
        answers.add(200, body)
    with pytest.raises(CloudError) as caught:
        cos().add_tags(BUCKET, "a.jpg", {"x": "1"})
    assert caught.value.code == "InvalidResponse"
    assert {method for method, _ in answers.requests} == {"GET"}


def test_secrets_are_in_no_log_and_no_error(answers, caplog):
    caplog.set_level("DEBUG")
    answers.add(500, "")
    error = failure(cos(token="token-x"))
    shown = caplog.text + str(error) + repr(error)
    assert "secret-x" not in shown
    assert "token-x" not in shown
    assert "q-signature" not in shown

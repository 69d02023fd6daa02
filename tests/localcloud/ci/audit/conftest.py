"""A served cloud whose policy file decides every verdict, and a listener for callbacks."""

import base64
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import pytest
from defusedxml.ElementTree import fromstring
from qcloud_cos.cos_auth import CosS3Auth

from tests.conftest import running_cloud
from tests.localcloud.ci.conftest import Bucket

POLICY = """
engines: none
biz_types:
  strict: {scenes: [Porn, Ads, Terrorism]}
  lenient: {scenes: [Ads]}
  nothing: {scenes: []}
rules:
  - key: "broken/*"
    fail: -65007
  - tags: {audit: block}
    verdict: {Porn: {result: block, score: 96, label: SexBehavior, category: Body}, Ads: pass}
  - key: "bad/*"
    verdict: {"*": {result: block, score: 97, keywords: [one, two]}}
  - key: "doubtful/*"
    verdict: review
  - kinds: [virus]
    key: "clean/infected*"
    verdict: {Virus: {result: block, label: Eicar-Test-Signature}}
  - key: "clean/*"
    verdict: {"*": pass, Virus: pass}
  - kinds: [text]
    sha256: f772f57d4897a9d3fd756e63869cdcd770585cb2cd4e7adb4d583ab7de6ee2a0
    verdict: {Illegal: {score: 80, keywords: [gun]}, Porn: pass, Ads: pass, Abuse: pass}
  - kinds: [live]
    url: "rtmp://live.example/*"
    verdict: {Porn: {result: block, label: SexBehavior}, Ads: pass}
"""


class Audited(Bucket):
    """A bucket with what audits need beside the SDK."""

    def put(self, key, body=b"content", **tags):
        super().put(key, body)
        if tags:
            entries = [{"Key": name, "Value": value} for name, value in tags.items()]
            self.client.put_object_tagging(
                Bucket=self.name, Key=key, Tagging={"TagSet": {"Tag": entries}}
            )
        return key

    def address(self, key):
        return f"http://{self.name}.cos.{self.cloud.region}.myqcloud.com/{key}"

    def ci(self, method, path, body=None, **headers):
        """A signed request to the bucket's ci host, as it comes back."""
        signed = CosS3Auth(self.client.get_conf(), path)
        request = type("Request", (), {})()
        request.method, request.headers = method, {}
        request.url = f"http://{self.name}.ci.{self.cloud.region}.myqcloud.com/{path}"
        signed(request)
        content = body.encode() if isinstance(body, str) else body
        kind = {"Content-Type": "application/xml"} if content is not None else {}
        return self.request(method, request.url, {**kind, **request.headers, **headers}, content)

    def submit(self, path, inner):
        """JobsDetail of a submit whose body is `<Request>inner</Request>`, as an element."""
        answer = self.ci("POST", path, f"<Request>{inner}</Request>")
        assert answer.status == 200, answer.body
        return fromstring(answer.body).find("JobsDetail")

    def job(self, path, job_id):
        answer = self.ci("GET", f"{path}/{job_id}")
        assert answer.status == 200, answer.body
        return fromstring(answer.body).find("JobsDetail")

    def finished(self, path, job_id):
        """JobsDetail once the job is done."""
        return wait(
            lambda: (
                (found := self.job(path, job_id)).findtext("State") in ("Success", "Failed")
                and found
            )
        )


def wait(check, seconds=20.0):
    """What `check` gives once that is true (an element without children is not)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found is not None and found is not False:
            return found
        time.sleep(0.02)
    return pytest.fail("it did not happen in time")


@pytest.fixture(scope="session")
def policy_cloud(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    (folder / "policy.yml").write_text(POLICY)
    with running_cloud(
        folder, "--no-functions", "--audit-policy", str(folder / "policy.yml")
    ) as running:
        yield running


@pytest.fixture
def audited(policy_cloud):
    return Audited(policy_cloud)


@pytest.fixture
def other(policy_cloud):
    """Another bucket of the same cloud."""
    return Audited(policy_cloud)


@pytest.fixture
def audited_in():
    """A fresh bucket in a cloud that a test has started."""
    return Audited


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict
    body: bytes


class Listener:
    """Takes callbacks on loopback; answers the `statuses` one after the other, then 200."""

    def __init__(self):
        self.calls, self.statuses = Queue(), []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.calls.put(Call(self.path, dict(self.headers), body))
                self.send_response(listener.statuses.pop(0) if listener.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def next(self):
        return self.calls.get(timeout=20)


@contextmanager
def listening():
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.server.shutdown()
        listener.server.server_close()
        thread.join(10)


@pytest.fixture
def listener():
    with listening() as running:
        yield running


@pytest.fixture
def encode():
    return lambda data: base64.b64encode(data).decode()

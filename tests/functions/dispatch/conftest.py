"""A served cloud with the real dispatch and image functions, a probe that keeps what it is sent,
and something between dispatch and that cloud that can refuse calls to SCF."""

import http.client
import importlib.util
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from qcloud_cos import CosServiceError

from localcloud import admin_client
from localcloud.config import Config
from tests.conftest import running_cloud
from tests.localcloud.scf.conftest import shipped

ROOT = Path(__file__).parents[3]
PREFIX = "demo-dev-app-"
SERVERLESS = shipped("dispatch", "image", "probe", wakes="dispatch")
PIPELINES = """\
version: 1
pipelines:
  photos:
    when: {prefix: up, suffix: .png}
    outputs: {half: {rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.png"}}
    record: /records/{name}.json
  seen:
    function: probe
    when: {prefix: up}
    outputs: {any: {rule: imageMogr2/format/png, fileid: "/out/{name}/seen.png"}}
  seen-again:
    function: probe
    when: {prefix: up}
    outputs: {any: {rule: imageMogr2/format/png, fileid: "/out/{name}/again.png"}}
  ghosts:
    function: ghost
    when: {prefix: ghosts/}
    outputs: {any: {rule: imageMogr2/format/png, fileid: "/out/{name}/ghost.png"}}
"""
# Keeps the event that it gets, under the key of the upload.
PROBE = """\
import json
from shared.cos import Cos
from shared.events import parse
from shared.settings import Settings

def main_handler(event, context):
    [upload] = parse(event)
    body = json.dumps({"event": event, "request_id": context["request_id"]}).encode()
    Cos(Settings.load(), upload.region).put_object(
        upload.bucket, f"seen/{upload.key}", body, "application/json")
"""


def policy(function, *cos_actions):
    """May invoke one function, and do `cos_actions` (all, if none are named)."""
    name = f"qcs::scf:ap-guangzhou:uin/100000000001:namespace/default/function/{PREFIX}{function}"
    statements = [{"effect": "allow", "action": ["scf:InvokeFunction"], "resource": [name]}]
    actions = list(cos_actions) or ["cos:*"]
    statements.append({"effect": "allow", "action": actions, "resource": "*"})
    return {"version": "2.0", "statement": statements}


USERS = [
    {"secret_id": "AKIDprobe", "secret_key": "key-probe", "uin": "100000000021",
     "policy": policy("probe")},
    {"secret_id": "AKIDnoletter", "secret_key": "key-noletter", "uin": "100000000022",
     "policy": policy("probe", "cos:GetObject")},
    {"secret_id": "AKIDnothing", "secret_key": "key-nothing", "uin": "100000000023",
     "policy": policy("nothing")},
]  # fmt: skip


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dispatch")
    (folder / "functions" / "probe").mkdir(parents=True)
    (folder / "functions" / "probe" / "index.py").write_text(PROBE)
    for name in ("dispatch", "image"):
        (folder / "functions" / name).symlink_to(ROOT / "functions" / name)
    (folder / "shared").symlink_to(ROOT / "shared")
    (folder / "serverless.yml").write_text(SERVERLESS)
    (folder / "pipelines.yml").write_text(PIPELINES)
    (folder / "users.json").write_text(json.dumps(USERS))
    options = ("--project", str(folder), "--users", str(folder / "users.json"))
    with running_cloud(folder, *options, "--retry-seconds", "0.1") as cloud:
        cloud.project = folder
        yield cloud


@pytest.fixture(scope="session")
def module():
    path = ROOT / "functions" / "dispatch" / "index.py"
    spec = importlib.util.spec_from_file_location("dispatch_index", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


class Stage:
    """The environment of dispatch as SCF would set it, here in the test's process."""

    def __init__(self, cloud, module, monkeypatch):
        self.cloud, self.handler, self.setenv = cloud, module.main_handler, monkeypatch.setenv
        self.bucket, self.client = cloud.new_bucket(), cloud.client()
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        self.setenv("PIPELINES_FILE", str(cloud.project / "pipelines.yml"))
        self.setenv("SCF_FUNCTIONNAME", f"{PREFIX}dispatch")

    def as_user(self, secret_id, secret_key=None):
        self.setenv("TENCENTCLOUD_SECRETID", secret_id)
        self.setenv("TENCENTCLOUD_SECRETKEY", secret_key or secret_id.replace("AKID", "key-"))

    def through(self, proxy):
        for name in ("HTTP_PROXY", "http_proxy"):
            self.setenv(name, proxy)

    def handle(self, event, seconds=20):
        context = {"request_id": "inv-1", "time_limit_in_ms": seconds * 1000}
        return self.handler(event, context)["outcomes"]

    def settled(self):
        """Wait until no function runs or waits."""
        deadline = time.monotonic() + 30
        while not admin_client.call(Config(), self.cloud.port, "GET", "status")["idle"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def read(self, key, bucket=None):
        try:
            answer = self.client.get_object(Bucket=bucket or self.bucket, Key=key)
        except CosServiceError as error:
            if error.get_status_code() != 404:
                raise
            return None
        return answer["Body"].get_raw_stream().read()

    def seen(self, key):
        """What the probe was sent for an upload; None if nothing."""
        self.settled()
        body = self.read(f"seen/{key}")
        return json.loads(body)["event"] if body else None

    def letters(self):
        listed = self.client.list_objects(Bucket=self.bucket, Prefix=".pipelines/dead/")
        return [json.loads(self.read(item["Key"])) for item in listed.get("Contents", [])]

    def lines(self, function, key):
        """The log lines of a function about an upload, from the served cloud."""
        found = [json.loads(line) for line in self.cloud.log.read_text("utf-8").splitlines()
                 if line.startswith('{"function"')]  # fmt: skip
        return [
            entry
            for entry in found
            if (entry["function"], entry["bucket"], entry["key"]) == (function, self.bucket, key)
        ]


@pytest.fixture
def stage(functions, module, monkeypatch):
    return Stage(functions, module, monkeypatch)


class Between:
    """A proxy before the cloud: `answers` maps a function's key to what its invokes get.

    An answer is an error code of API 3.0, (status, content type, body), or None for the real one;
    the last one stays. `asked` counts the invokes of each function.
    """

    def __init__(self, url):
        self.url, self.answers, self.asked = url, {}, {}
        self._lock = threading.Lock()

    def decide(self, function):
        with self._lock:
            self.asked[function] = self.asked.get(function, 0) + 1
            answers = self.answers.get(function, [None])
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def proxy(cloud):
    between = Between("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = None
            if self.headers.get("X-TC-Action"):
                name = json.loads(body)["FunctionName"].removeprefix(PREFIX)
                answer = between.decide(name)
            if answer == "cut":
                self.close_connection = True
                return
            if isinstance(answer, str):
                error = {"Code": answer, "Message": "as the test wants it"}
                document = {"Response": {"Error": error, "RequestId": "made-up"}}
                answer = (200, "application/json", json.dumps(document).encode())
            self.send(*(answer or self.forward(body)))

        def do_GET(self):
            self.do_POST()

        def do_PUT(self):
            self.do_POST()

        def forward(self, body):
            connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
            connection.request(self.command, self.path, body, dict(self.headers))
            real = connection.getresponse()
            return real.status, real.headers.get("Content-Type", ""), real.read()

        def send(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    between.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield between
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def between(stage):
    """Stands between dispatch and the cloud: what it answers is up to the test."""
    with proxy(stage.cloud) as found:
        stage.through(found.url)
        yield found

"""The admin call: who may, who may not, and the commands that use it."""

import subprocess
import sys
import time

import pytest
import requests
from qcloud_cos import CosServiceError

from localcloud import admin_client
from localcloud.config import DEFAULT_BUCKET, Config
from shared import signing


class Caller:
    """Requests to an admin call, signed right unless told otherwise."""

    def __init__(self, url):
        self.url, self.host = url, url.removeprefix("http://")

    def signature(self, method, path, secret_id, secret_key, host):
        now = int(time.time())
        return signing.sign(
            method, path, headers={"Host": host}, params={}, secret_id=secret_id,
            secret_key=secret_key, window=(now - 60, now + 60),
        )  # fmt: skip

    def __call__(self, method="GET", what="faults", *, headers=None, key=None, host=None, **rest):
        config, path = Config(), f"/_localcloud/{what}"
        secret_id, secret_key, token = key or (config.secret_id, config.secret_key, "")
        signed = self.signature(method, path, secret_id, secret_key, host or self.host)
        every = {"Authorization": signed.to_header(), **(headers or {})}
        if token:
            every["x-cos-security-token"] = token
        if host:
            every["Host"] = host
        return requests.request(method, self.url + path, headers=every, timeout=20, **rest)


@pytest.fixture
def admin(inside):
    return Caller(inside.url)


def test_faults_are_shown_replaced_added_and_removed(admin):
    first = {"seed": 7, "faults": ["PutObject=cut"]}
    assert admin("PUT", json=first).json()["seed"] == 7
    admin("POST", json={"faults": ["GetObject=cut"]})
    told = admin().json()
    assert [one["fault"] for one in told["faults"]] == ["PutObject=cut", "GetObject=cut"]
    assert told["seed"] == 7
    assert admin("PUT", json={"faults": ["*=cut"]}).json()["faults"][0]["fault"] == "*=cut"
    assert admin("DELETE").json() == {"seed": 0, "faults": [], "delayed": 0}


def test_no_fault_can_shut_the_admin_call(admin):
    admin("PUT", json={"faults": ["*=cut", "*=error:InternalError"]})
    assert admin("DELETE").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'"x"', b'{"faults": "x"}', b'{"faults": [1]}', b"{" * 5000,
        b'{"faults": [], "seed": -1}', b'{"faults": [], "seed": true}', b"\xff",
        b'{"faults": [], "seed": 1e999}', b'{"faults": ["PutObjet=cut"]}',
    ],
)  # fmt: skip
def test_what_is_wrong_changes_nothing(admin, body):
    admin("PUT", json={"faults": ["*=cut"], "seed": 3})
    for method in ("PUT", "POST"):
        answer = admin(method, data=body)
        assert (answer.status_code, "InvalidArgument" in answer.text) == (400, True)
    told = admin().json()
    assert ([one["fault"] for one in told["faults"]], told["seed"]) == (["*=cut"], 3)


def test_a_body_is_bounded(admin):
    assert admin("PUT", data=b" " * 100_000).status_code == 400


@pytest.mark.parametrize(
    ("method", "what"), [("GET", "x"), ("GET", ""), ("PUT", "status"), ("PATCH", "faults")]
)
def test_other_calls_are_named(admin, method, what):
    answer = admin(method, what)
    assert (answer.status_code, "is no admin call" in answer.text) == (405, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://127.0.0.1:9000/"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_no_web_page_gets_in(admin, headers):
    for method in ("GET", "PUT", "POST", "DELETE"):
        assert admin(method, headers=headers, json={"faults": ["*=cut"]}).status_code == 403
    assert admin().json()["faults"] == []


def test_no_web_page_is_given_leave(admin):
    asking = {
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization",
    }
    for answer in (
        admin("OPTIONS", headers=asking),
        requests.options(f"{admin.url}/_localcloud/faults", headers=asking, timeout=20),
    ):
        assert answer.status_code >= 400
        assert not any(name.lower().startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"])
def test_a_name_that_is_bound_to_loopback_is_no_way_in(admin, host):
    answer = admin(host=host)
    assert (answer.status_code, "does not play the host" in answer.text) == (403, True)


def test_only_the_permanent_key_in_the_header(inside, admin):
    temporary = inside.cloud.credentials.issue(60)
    key = (temporary.secret_id, temporary.secret_key, temporary.token)
    assert admin(key=key).status_code == 403
    assert admin(key=("AKIDlocalcloud", "another", "")).status_code == 403
    assert requests.get(f"{inside.url}/_localcloud/faults", timeout=20).status_code == 403
    config = Config()
    signed = admin.signature(
        "GET", "/_localcloud/faults", config.secret_id, config.secret_key, admin.host
    )
    link = requests.get(f"{inside.url}/_localcloud/faults", params=signed.fields(), timeout=20)
    assert (link.status_code, "in its Authorization header" in link.text) == (403, True)


def test_the_status(cloud):
    told = admin_client.call(Config(), cloud.port, "GET", "status")
    assert told == {
        "region": "ap-guangzhou",
        "buckets": [DEFAULT_BUCKET],
        "tls": None,
        "data": str(cloud.data),
        "idle": True,
    }


def test_a_client_that_finds_nobody(closed_port):
    with pytest.raises(admin_client.NotRunningError, match=f"127.0.0.1:{closed_port}"):
        admin_client.call(Config(), closed_port, "GET", "status")


def fault(port, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "fault", "--port", str(port), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_from_the_command_line(start_cloud):
    options = ["--fault", "GetBucket=slowdown,times=1", "--fault", "PutObject=cut"]
    with start_cloud("--no-functions", *options, "--fault-seed", "4") as cloud:
        with pytest.raises(CosServiceError, match="SlowDown"):
            cloud.client().list_objects(DEFAULT_BUCKET)
        cloud.client().list_objects(DEFAULT_BUCKET)
        assert admin_client.call(Config(), cloud.port, "GET", "faults")["seed"] == 4
        assert fault(cloud.port) == (
            0,
            "GetBucket=slowdown,times=1  (GetBucket 1 of 2)\nPutObject=cut  (nothing yet)\n",
            "",
        )
        code, out, _ = fault(cloud.port, "--clear", "HeadObject=etag")
        assert (code, out) == (0, "HeadObject=etag  (nothing yet)\n")
        assert fault(cloud.port, "--clear")[:2] == (0, "no faults\n")
        code, out, err = fault(cloud.port, "PutObjet=cut")
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "is PutObject meant?" in err


def test_serve_refuses_a_fault_that_is_none(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "serve", "--data", str(tmp_path / "d"),
         "--fault", "PutObject=explode"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("localcloud: --fault: ")
    assert not (tmp_path / "d").exists()

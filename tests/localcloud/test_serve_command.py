"""`localcloud serve` and `localcloud env` as a user meets them."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from localcloud.config import DEFAULT_BUCKET, Config, client_environment
from tests.conftest import ROOT

SERVE = [sys.executable, "-m", "localcloud", "serve"]


def failing(*arguments):
    done = subprocess.run(
        [*SERVE, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_and_stops_cleanly(start_cloud, number):
    with start_cloud("--no-functions") as cloud:
        assert requests.get(cloud.url, timeout=20).status_code == 403
        cloud.process.send_signal(number)
        assert cloud.process.wait(20) == 0
        assert cloud.process.stdout.read() == ""
    assert cloud.log.read_text() == ""


def test_it_names_an_address_that_works(start_cloud):
    """The fixture reads the line and expects 127.0.0.1, which no client can find as 0.0.0.0."""
    with start_cloud("--no-functions", "--host", "0.0.0.0") as cloud:  # noqa: S104
        assert cloud.client().list_buckets()["Buckets"]


def test_data_outlive_it(start_cloud, tmp_path):
    data = tmp_path / "kept"
    with start_cloud("--no-functions", data=data) as cloud:
        cloud.client().put_object(Bucket=DEFAULT_BUCKET, Key="k", Body=b"kept")
        cloud.process.kill()  # no chance to tidy up
        cloud.process.wait(20)
    with start_cloud("--no-functions", data=data) as cloud:
        got = cloud.client().get_object(Bucket=DEFAULT_BUCKET, Key="k")
        assert got["Body"].get_raw_stream().read() == b"kept"


def test_buckets_region_and_keys(start_cloud):
    keys = {"LOCALCLOUD_SECRET_ID": "AKIDmine", "LOCALCLOUD_SECRET_KEY": "my key"}
    options = ["--bucket", "one-1250000001", "--bucket", "two-1250000001", "--region", "ap-tokyo"]
    with start_cloud("--no-functions", *options, environment=keys) as cloud:
        mine = cloud.client(Region="ap-tokyo", SecretId="AKIDmine", SecretKey="my key")
        names = [bucket["Name"] for bucket in mine.list_buckets()["Buckets"]["Bucket"]]
        assert names == ["one-1250000001", "two-1250000001"]
        with pytest.raises(Exception, match="InvalidAccessKeyId"):
            cloud.client().list_buckets()


def test_a_request_in_flight_is_finished(start_cloud):
    with start_cloud("--no-functions") as cloud:
        content = b"x" * 400_000
        cloud.client().put_object(Bucket=DEFAULT_BUCKET, Key="k", Body=b"")
        answers = []
        going = threading.Event()

        def body():
            for start in range(0, len(content), 100_000):
                yield content[start : start + 100_000]
                going.set()
                time.sleep(0.2)  # a slow client

        def upload():
            answers.append(cloud.client().put_object(Bucket=DEFAULT_BUCKET, Key="k", Body=body()))

        thread = threading.Thread(target=upload)
        thread.start()
        assert going.wait(20)
        cloud.process.terminate()
        thread.join(20)
        assert cloud.process.wait(20) == 0
        assert answers
        assert answers[0]["ETag"]


def test_an_idle_connection_does_not_hold_it(start_cloud):
    with (
        start_cloud("--no-functions") as cloud,
        socket.create_connection(("127.0.0.1", cloud.port)),
    ):
        cloud.client().list_buckets()
        started = time.monotonic()
        cloud.process.terminate()
        assert cloud.process.wait(20) == 0
        assert time.monotonic() - started < 5


def test_a_busy_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = failing(
            "--port", str(port), "--data", str(tmp_path / "d"), "--no-functions"
        )
    assert (code, out) == (1, "")
    assert err == f"localcloud: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_data_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    code, out, err = failing("--port", "0", "--data", str(tmp_path / "file"), "--no-functions")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("localcloud: ")
    assert str(tmp_path / "file") in err


def test_a_data_folder_in_use(start_cloud):
    with start_cloud("--no-functions") as cloud:
        code, _, err = failing("--port", "0", "--data", str(cloud.data), "--no-functions")
        assert (code, "in use by another local cloud" in err) == (1, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--bucket", "noappid"), ("--bucket", "../x-1250000000"), ("--port", "70000")],
)
def test_wrong_use(option, value, tmp_path):
    code, out, err = failing("--data", str(tmp_path / "d"), option, value)
    assert (code, out) == (2, "")
    assert value in err
    assert "Traceback" not in err
    assert not (tmp_path / "d").exists()


def test_a_broken_project_is_one_clear_message(tmp_path):
    (tmp_path / "serverless.yml").write_text("component: [")
    code, out, err = failing(
        "--port", "0", "--data", str(tmp_path / "d"), "--project", str(tmp_path)
    )
    assert (code, out) == (1, "")
    assert "serverless.yml:" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "no serverless.yml in "),
        (("serverless.yml", "functions", "shared"), "pipelines.yml:1: cannot be read"),
    ],
)
def test_a_project_without_work_is_told_at_the_start(start_cloud, tmp_path, files, said):
    for name in files:
        (tmp_path / name).symlink_to(ROOT / name)
    with start_cloud("--project", str(tmp_path)) as cloud:
        assert said in cloud.log.read_text("utf-8")


def test_env_can_be_evaluated_by_a_shell():
    environment = {
        **os.environ,
        "LOCALCLOUD_SECRET_ID": "AKID 'quoted'",
        "LOCALCLOUD_SECRET_KEY": "$(touch x)",
    }
    lines = subprocess.run(
        [sys.executable, "-m", "localcloud", "env", "--port", "4711"],
        capture_output=True, text=True, check=True, env=environment,
    ).stdout  # fmt: skip
    config = Config(secret_id="AKID 'quoted'", secret_key="$(touch x)")
    expected = client_environment("http://127.0.0.1:4711", config)
    shown = subprocess.run(
        ["bash", "-c", f'eval {shlex.quote(lines)}; python3 -c "import os, json; '
         f'print(json.dumps({{k: os.environ[k] for k in {list(expected)}}}))"'],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert json.loads(shown) == expected


def test_the_environment_leads_the_sdk_to_it(cloud):
    code = (
        "import os; from qcloud_cos import CosConfig, CosS3Client as C; e = os.environ;"
        "c = C(CosConfig(Region=e['COS_REGION'], SecretId=e['COS_SECRET_ID'],"
        " SecretKey=e['COS_SECRET_KEY'], Scheme=e['COS_SCHEME']), retry=0);"
        "print(c.head_bucket(Bucket=e['COS_BUCKET'])['x-cos-bucket-region'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], **cloud.environment},
    )  # fmt: skip
    assert done.stdout == "ap-guangzhou\n"

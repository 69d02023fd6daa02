"""A real local cloud, in its own process, for every test that needs one."""

import os
import re
import socket
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from qcloud_cos import CosConfig, CosS3Client

from localcloud.config import Config, client_environment
from tests.s3_store import s3_store

ROOT = Path(__file__).parent.parent
READY = re.compile(r"localcloud ready (http://127\.0\.0\.1:(\d+))\n")


def sdk_client(url, **overrides):
    """The unmodified SDK, aimed at the cloud at `url` as its proxy; it does not retry."""
    config = Config()
    settings = {
        "Region": config.region,
        "SecretId": config.secret_id,
        "SecretKey": config.secret_key,
        "Scheme": "http",
        "Proxies": {"http": url},
        **overrides,
    }
    return CosS3Client(CosConfig(**settings), retry=0)


class RunningCloud:
    """A served cloud: its `url`, `port`, `process`, `data` folder and `log` file."""

    bucket = "examplebucket-1250000000"
    region = "ap-guangzhou"

    def __init__(self, url, process, data, log):
        self.url, self.process, self.data, self.log = url, process, data, log
        self.port = int(url.rpartition(":")[2])
        self.environment = client_environment(url, Config())

    def client(self, **overrides):
        return sdk_client(self.url, **overrides)

    def new_bucket(self, **options):
        name = f"test-{uuid.uuid4().hex[:12]}-1250000000"
        self.client().create_bucket(Bucket=name, **options)
        return name


@contextmanager
def running_cloud(folder, *options, data=None, environment=None):
    """`localcloud serve` on a free port, with its log and (by default) its data in `folder`."""
    data, log = data or folder / "data", folder / f"serve-{uuid.uuid4().hex[:8]}.log"
    command = [sys.executable, "-m", "localcloud", "serve", "--port", "0", "--data", str(data)]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):  # fmt: skip
        try:
            line = process.stdout.readline()
            if not (ready := READY.fullmatch(line)):
                process.kill()
                pytest.fail(f"the local cloud did not start: {line}{log.read_text()}")
            yield RunningCloud(ready[1], process, Path(data), log)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """One for all tests of a worker: make a bucket of your own with `new_bucket`."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), "--no-functions") as running:
        yield running


@pytest.fixture
def start_cloud(tmp_path):
    """Start one of the test's own: `with start_cloud("--bucket", ..., data=...) as cloud`."""

    @contextmanager
    def start(*options, data=None, environment=None):
        with running_cloud(tmp_path, *options, data=data, environment=environment) as running:
            yield running

    return start


@pytest.fixture
def closed_port():
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def store():
    """An S3-compatible store, for all tests of a worker: take a `new_place` of it."""
    with s3_store() as running:
        yield running


@pytest.fixture(scope="session")
def shared_cloud(tmp_path_factory, store):
    """A local cloud whose objects lie in `store`."""
    with on_store(tmp_path_factory.mktemp("shared"), store, store.new_place()) as running:
        yield running


@contextmanager
def on_store(folder, store, place, *options):
    """A local cloud without functions on a place of a store; several may share it."""
    options = ("--no-functions", "--storage", place, "--s3-endpoint", store.endpoint, *options)
    data = folder / uuid.uuid4().hex[:8]
    with running_cloud(folder, *options, data=data, environment=store.environment) as running:
        yield running

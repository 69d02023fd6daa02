"""The cloud inside of the test's process: the same listener and storage, with its insides open."""

import asyncio
import hashlib
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import requests
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from localcloud.cloud import Cloud
from localcloud.config import DEFAULT_BUCKET, DEFAULT_REGION, Config
from localcloud.server import Server
from localcloud.storage import Bucket
from localcloud.storage.directory import DirectoryStorage

HOST = f"{DEFAULT_BUCKET}.cos.{DEFAULT_REGION}.myqcloud.com"


class OpenCloud:
    """`cloud`, its `url`, the COS `events` it emitted; `wait` runs a coroutine on its loop."""

    def __init__(self, cloud, url, wait):
        self.cloud, self.url, self.wait, self.events = cloud, url, wait, []
        self._ahead = 0.0
        cloud.subscribe(self.events.append)

    def call(self, function):
        """Run a function on the cloud's loop: the storage belongs to its thread."""

        async def run():
            return function()

        return self.wait(run())

    def advance(self, seconds):
        """Move the cloud's clock on."""
        self._ahead += seconds
        ahead = self._ahead
        self.cloud.clock = lambda: time.time() + ahead


@contextmanager
def open_cloud(folder, contexts=None):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def start():
        # SQLite's connection belongs to the loop's thread, as in the served cloud.
        config = Config(data=folder)
        storage = DirectoryStorage(folder)
        storage.create_bucket(Bucket(DEFAULT_BUCKET, DEFAULT_REGION, time.time()))
        cloud = Cloud(config, storage)
        server = Server(cloud, contexts)
        return cloud, server, await server.start("127.0.0.1", 0)

    async def stop():
        await server.stop()
        await cloud.stop_jobs()
        cloud.storage.close()
        cloud.pool.shutdown()

    cloud, server, url = wait(start())
    try:
        yield OpenCloud(cloud, url, wait)
    finally:
        wait(stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@pytest.fixture
def inside(tmp_path):
    with open_cloud(tmp_path / "data") as running:
        yield running


def md5(data):
    return hashlib.md5(data, usedforsecurity=False)


class Signed:
    """Plain HTTP requests through the cloud as a proxy, signed as the SDK signs them."""

    def __init__(self, url, bucket=DEFAULT_BUCKET, service="cos"):
        self.url, self.bucket, self.service = url, bucket, service
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"http": url}

    def __call__(self, method, path="/", *, params=None, key=None, **options):
        config = CosConfig(
            Region=DEFAULT_REGION, SecretId=Config().secret_id, SecretKey=Config().secret_key
        )
        return self.session.request(
            method,
            f"http://{self.bucket}.{self.service}.{DEFAULT_REGION}.myqcloud.com{path}",
            auth=CosS3Auth(config, path if key is None else f"/{key}", params or {}),
            params=params,
            timeout=20,
            **options,
        )


@pytest.fixture
def signed(cloud):
    """Signed plain requests to a fresh bucket."""
    return Signed(cloud.url, cloud.new_bucket())


@pytest.fixture
def talk(cloud):
    """Send raw bytes to the cloud, read until it closes or `enough` of the answer is there."""

    def exchange(*pieces, enough=None, pause=0.0):
        with socket.create_connection(("127.0.0.1", cloud.port), 20) as connection:
            for piece in pieces:
                connection.sendall(piece)
                if pause:
                    time.sleep(pause)  # a slow client
            answer = b""
            while enough is None or enough not in answer:
                chunk = connection.recv(65536)
                if not chunk:
                    break
                answer += chunk
            return answer

    return exchange

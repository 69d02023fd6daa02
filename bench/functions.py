"""How fast functions run on the local cloud: synchronous and asynchronous invokes, cold starts.

The floor is the same warm process called without a cloud around it: no HTTP, no signature, nothing
kept.

    python bench/functions.py [--rounds 5] [--invokes 400]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import http.client
import json
import re
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import rounds

from localcloud.child import serve
from localcloud.config import Config
from localcloud.scf.layer import link_layer
from localcloud.scf.runner import Runner
from localcloud.scf.serverless import load
from shared.settings import Credentials

HOST = "scf.tencentcloudapi.com"
NAME = "bench-dev-bench-f"
SERVERLESS = """\
component: multi-scf
app: bench
stage: dev
name: bench
inputs:
  runtime: Python3.10
  functions:
    f: {src: ./f, handler: index.main_handler, timeout: 20}
"""
HANDLER = "def main_handler(event, context):\n    return {'told': event}\n"
EVENT = json.dumps({"Records": [{"key": "uploads/photo.jpg", "padding": "x" * 800}]})
CLIENTS = 4


class Client:
    """API 3.0 over one kept connection, with no more work of its own than the signature."""

    def __init__(self, endpoint: str) -> None:
        self._connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
        self._config = Config()

    def call(self, action: str, **fields: Any) -> dict[str, Any]:
        """The answer's `Response`; an error ends the bench."""
        body, now = json.dumps(fields), str(int(time.time()))
        date = time.strftime("%Y-%m-%d", time.gmtime(int(now)))
        scope = f"{date}/scf/tc3_request"
        canonical = (
            f"POST\n/\n\ncontent-type:application/json\nhost:{HOST}\n\ncontent-type;host\n"
            + hashlib.sha256(body.encode()).hexdigest()
        )
        key = f"TC3{self._config.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{digest}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers = {
            "Host": HOST,
            "Content-Type": "application/json",
            "X-TC-Action": action,
            "X-TC-Version": "2018-04-16",
            "X-TC-Region": self._config.region,
            "X-TC-Timestamp": now,
            "Authorization": f"TC3-HMAC-SHA256 Credential={self._config.secret_id}/{scope}, "
            f"SignedHeaders=content-type;host, Signature={signature}",
        }
        self._connection.request("POST", f"http://{HOST}/", body, headers)
        answer = json.loads(self._connection.getresponse().read())["Response"]
        assert "Error" not in answer, answer
        return dict(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--invokes", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-functions-") as name:
        folder = Path(name)
        (folder / "f").mkdir()
        (folder / "f" / "index.py").write_text(HANDLER)
        (folder / "serverless.yml").write_text(SERVERLESS)
        cloud_folder = folder / "cloud"
        cloud_folder.mkdir()
        with serve(cloud_folder, "--project", str(folder)) as cloud:
            idle = _resident(cloud.process.pid)
            _cold(cloud.endpoint, folder, options.rounds)
            _warm(cloud.endpoint, folder, options)
            print(f"resident: {idle:.1f} MiB idle, {_resident(cloud.process.pid):.1f} after")


def _resident(pid: int) -> float:
    """MiB of one process; instances of functions are processes of their own."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _cold(endpoint: str, folder: Path, count: int) -> None:
    """Each time with changed code, which no warm instance has loaded."""
    client, times = Client(endpoint), []
    for number in range(count + 1):
        (folder / "f" / "index.py").write_text(f"{HANDLER}# {number}\n")
        begin = time.perf_counter()
        _invoke(client)
        times.append((time.perf_counter() - begin) * 1000)
    print(f"cold start, invoke to answer: {rounds.spread(times[1:])} ms")


def _warm(endpoint: str, folder: Path, options: argparse.Namespace) -> None:
    clients = [Client(endpoint) for _ in range(CLIENTS)]
    count = options.invokes
    with asyncio.Runner() as loop, ThreadPoolExecutor(CLIENTS) as threads:
        runner = _runner(folder)
        function = load(folder, {}).functions["f"]

        def per_second(work: Callable[[], object]) -> float:
            begin = time.perf_counter()
            work()
            return count / (time.perf_counter() - begin)

        def repeat(work: Callable[[], object], times: int) -> None:
            for _ in range(times):
                work()

        async def alone() -> None:
            for _ in range(count):
                assert (await runner.invoke(function, json.loads(EVENT))).ok

        def at_once() -> None:
            list(threads.map(lambda one: repeat(lambda: _invoke(one), count // CLIENTS), clients))

        def events() -> None:
            repeat(lambda: _send(clients[0]), count)
            _drain(clients[0])

        def taken() -> float:
            found = per_second(lambda: repeat(lambda: _send(clients[0]), count))
            _drain(clients[0])  # what runs on must not slow the next side
            return found

        run: Callable[[Coroutine[Any, Any, None]], None] = loop.run
        sides = {
            "process alone": lambda: per_second(lambda: run(alone())),
            "one client": lambda: per_second(lambda: repeat(lambda: _invoke(clients[0]), count)),
            f"{CLIENTS} clients": lambda: per_second(at_once),
            "events taken": taken,
            "events run": lambda: per_second(events),
        }
        found = rounds.alternate(sides, options.rounds)
        loop.run(runner.stop())
    for name, values in found.items():
        ratio = rounds.ratio(values, found["process alone"])
        print(f"{name}: {rounds.spread(values, 0)} invokes/s, {ratio:.2f}x the process alone")


def _runner(folder: Path) -> Runner:
    return Runner(
        folder,
        link_layer(folder),
        appid="1250000000",
        credentials=lambda: Credentials("AKIDbench", "key", "token"),
        route={},
    )


def _invoke(client: Client) -> None:
    answer = client.call("Invoke", FunctionName=NAME, ClientContext=EVENT)
    assert answer["Result"]["InvokeResult"] == 0, answer


def _drain(client: Client) -> None:
    while client.call("ListAsyncEvents", FunctionName=NAME, Status=["RUNNING"])["TotalCount"]:
        time.sleep(0.05)


def _send(client: Client) -> str:
    fields = {"FunctionName": NAME, "InvocationType": "Event", "ClientContext": EVENT}
    return str(client.call("Invoke", **fields)["Result"]["FunctionRequestId"])


if __name__ == "__main__":
    main()

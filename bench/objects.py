"""COS on loopback against moto's S3 server (small objects, lists) and nginx (large ones).

Requests are made beforehand, so that no client library is measured: ours carry a signature in the
query, which is checked; moto and nginx check nothing. moto keeps objects in memory, the local cloud
keeps them in files, as it does without --sync.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import load
import rounds
import servers

from localcloud.config import DEFAULT_BUCKET
from localcloud.storage import Bucket, StoredObject
from localcloud.storage.database import Database

SMALL, LARGE = 4096, 32 * 1024 * 1024
THREADS = 4
KEYS = 200
PAGE = 1000


@dataclass(frozen=True)
class Wire:
    """A request that is ready to send."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    options = parser.parse_args()
    _small(options.rounds, options.seconds)
    _large(options.rounds, options.seconds)
    _storages(options.rounds, options.seconds)
    _lists()


def _small(count: int, seconds: float) -> None:
    body = b"x" * SMALL
    with servers.local_cloud() as cloud, servers.moto() as moto:
        ours = [signed(cloud, "PUT", f"k{n}", body) for n in range(KEYS)]
        theirs = [Wire("PUT", f"/bench/k{n}", _MOTO, body) for n in range(KEYS)]
        _send(moto.port, [Wire("PUT", "/bench", _MOTO)])
        found = rounds.alternate(
            {
                "localcloud put": lambda: _rate(cloud.port, ours, seconds),
                "moto put": lambda: _rate(moto.port, theirs, seconds),
            },
            count,
        )
        ours = [signed(cloud, "GET", f"k{n}") for n in range(KEYS)]
        theirs = [Wire("GET", f"/bench/k{n}", _MOTO) for n in range(KEYS)]
        _send(cloud.port, ours[:1])
        found |= rounds.alternate(
            {
                "localcloud get": lambda: _rate(cloud.port, ours, seconds),
                "moto get": lambda: _rate(moto.port, theirs, seconds),
            },
            count,
        )
    for name, values in found.items():
        print(f"{SMALL // 1024} KiB {name:<15} {rounds.spread(values)} req/s")
    for kind in ("put", "get"):
        ratio = rounds.ratio(found[f"localcloud {kind}"], found[f"moto {kind}"])
        print(f"ratio {kind} {ratio:.2f} (target >= 5)")


def _storages(count: int, seconds: float) -> None:
    """The same cloud on a folder and on an S3 store (moto), which it asks several times."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    with servers.moto() as moto:
        _send(moto.port, [Wire("PUT", "/bench", _MOTO)])
        place = ["--storage", "s3://bench", "--s3-endpoint", f"http://127.0.0.1:{moto.port}"]
        with servers.local_cloud() as folder, servers.local_cloud(options=place) as store:
            clouds = {"directory": folder, "s3": store}
            for method, body in (("PUT", b"x" * SMALL), ("GET", b"")):
                found = rounds.alternate(
                    {
                        name: partial(
                            _rate,
                            cloud.port,
                            [signed(cloud, method, f"k{n}", body) for n in range(KEYS)],
                            seconds,
                        )
                        for name, cloud in clouds.items()
                    },
                    count,
                )
                for name, values in found.items():
                    print(f"{SMALL // 1024} KiB {method} {name:<9} {rounds.spread(values)} req/s")
                print(f"ratio {method} {rounds.ratio(found['s3'], found['directory']):.3f}")


def _large(count: int, seconds: float) -> None:
    body = b"x" * LARGE
    with servers.local_cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        put = signed(cloud, "PUT", "large", body)
        times = [_timed(cloud.port, put) for _ in range(count + 1)][1:]
        print(f"32 MiB put {LARGE / 2**20 / statistics.median(times):.0f} MiB/s")
        (Path(folder) / "large").write_bytes(body)
        if not shutil.which("nginx"):
            print("32 MiB get: nginx is missing (apt install nginx-light)")
            return
        with servers.nginx(Path(folder)) as nginx:
            get = signed(cloud, "GET", "large")
            found = rounds.alternate(
                {
                    "localcloud": lambda: (
                        load.run(cloud.port, get.target, get.headers, seconds).rate
                    ),
                    "nginx": lambda: load.run(nginx.port, "/large", {}, seconds).rate,
                },
                count,
            )
        for name, values in found.items():
            rate = statistics.median(values) * LARGE / 2**20
            print(f"32 MiB get {name:<11} {rate:.0f} MiB/s")
        ratio = rounds.ratio(found["localcloud"], found["nginx"])
        print(f"ratio get {ratio:.2f} (target >= 0.5)")


def _lists() -> None:
    """The cost of one page, from random places, for more and more keys."""
    for count in (1000, 100_000, 1_000_000):
        with tempfile.TemporaryDirectory() as folder:
            _fill(Path(folder), count)
            with servers.local_cloud(Path(folder)) as cloud:
                times = []
                for step in range(20):
                    marker = f"key-{step * count // 20:08d}"
                    query = f"marker={marker}&max-keys={PAGE}"
                    times.append(_timed(cloud.port, signed(cloud, "GET", "", query=query)))
        print(f"list {count:>8} keys: {statistics.median(times) * 1000:.1f} ms a page of {PAGE}")


def _fill(folder: Path, count: int) -> None:
    """Rows as puts would make them, without the bodies, which a list never reads."""
    bodies = folder / "buckets"
    bodies.mkdir()
    database = Database(folder / "metadata.sqlite3", bodies)
    database.insert_bucket(Bucket(DEFAULT_BUCKET, servers.DEFAULT_REGION, 1.0))
    with database.transaction():
        for number in range(count):
            key = f"key-{number:08d}"
            path = bodies / DEFAULT_BUCKET / f"{key}.0123456789ab"
            database.show(
                StoredObject(
                    DEFAULT_BUCKET, key, 1, "0" * 32, "1", "text/plain", 1.5, path, sequence=number
                )
            )
    database.close()


_MOTO = {
    "Host": "127.0.0.1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=s",
}


def signed(
    cloud: servers.Server, method: str, key: str, body: bytes = b"", query: str = ""
) -> Wire:
    """A request to the default bucket, its signature good for ten hours."""
    client = servers.client(cloud)
    headers = {"Host": servers.HOST}
    authorization = client.get_auth(method, DEFAULT_BUCKET, key or "/", Expired=36_000)
    target = f"/{key}" + (f"?{query}" if query else "")
    return Wire(method, target, headers | {"Authorization": authorization}, body)


def _rate(port: int, wires: Sequence[Wire], seconds: float) -> float:
    """Requests per second over `THREADS` connections."""
    until = time.perf_counter() + seconds
    counts: list[int] = []

    def work(start: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < until:
            ask(connection, wires[(start + done) % len(wires)])
            done += 1
        connection.close()
        counts.append(done)

    _together([lambda start=n * KEYS // THREADS: work(start) for n in range(THREADS)])
    return sum(counts) / seconds


def _together(works: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _timed(port: int, wire: Wire) -> float:
    started = time.perf_counter()
    _send(port, [wire])
    return time.perf_counter() - started


def _send(port: int, wires: Sequence[Wire]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for wire in wires:
        ask(connection, wire)
    connection.close()


def ask(connection: http.client.HTTPConnection, wire: Wire) -> None:
    """Send it and read the answer; ends the program unless that is 200."""
    connection.request(wire.method, wire.target, body=wire.body or None, headers=wire.headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{wire.method} {wire.target}: {answer.status} {text[:300]!r}")


if __name__ == "__main__":
    main()

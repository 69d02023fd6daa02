"""The same requests over HTTPS and over plain HTTP: 4 KiB puts and gets, 32 MiB up and down.

One local cloud answers both on one port. Connections are kept, so that a handshake counts once;
what a new one costs is printed beside. The client is Python's, on the same cores, and has to
encrypt as much as the server.
"""

from __future__ import annotations

import argparse
import http.client
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import objects
import rounds
import servers

SMALL, LARGE = 4096, 32 * 1024 * 1024
Connect = Callable[[], http.client.HTTPConnection]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="localcloud-bench-") as folder:
        data = Path(folder)
        with servers.local_cloud(data, options=("--tls",)) as cloud:
            trust = ssl.create_default_context(cafile=str(data / "tls" / "ca.pem"))
            sides: dict[str, Connect] = {
                "https": lambda: http.client.HTTPSConnection(
                    "localhost", cloud.port, context=trust
                ),
                "http": lambda: http.client.HTTPConnection("localhost", cloud.port),
            }
            for name, wire, size in (
                ("4 KiB put", objects.signed(cloud, "PUT", "k", b"x" * SMALL), SMALL),
                ("4 KiB get", objects.signed(cloud, "GET", "k"), SMALL),
                ("32 MiB put", objects.signed(cloud, "PUT", "large", b"x" * LARGE), LARGE),
                ("32 MiB get", objects.signed(cloud, "GET", "large"), LARGE),
            ):
                found = rounds.alternate(
                    {
                        side: lambda connect=connect, wire=wire: _rate(
                            connect, wire, options.seconds
                        )
                        for side, connect in sides.items()
                    },
                    options.rounds,
                )
                _show(name, size, found)
            wire = objects.signed(cloud, "GET", "k")
            for side, connect in sides.items():
                times = [_timed(connect, wire) for _ in range(30)]
                print(
                    f"first get of a connection, {side}: {statistics.median(times) * 1000:.1f} ms"
                )


def _show(name: str, size: int, found: dict[str, list[float]]) -> None:
    for side, rates in found.items():
        rate = statistics.median(rates)
        shown = f"{rate * size / 2**20:.0f} MiB/s" if size == LARGE else f"{rate:.0f} requests/s"
        print(f"{name:10} {side:5} {shown}")
    print(f"{name:10} ratio {rounds.ratio(found['https'], found['http']):.2f}")


def _rate(connect: Connect, wire: objects.Wire, seconds: float) -> float:
    connection, done = connect(), 0
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        objects.ask(connection, wire)
        done += 1
    connection.close()
    return done / spent


def _timed(connect: Connect, wire: objects.Wire) -> float:
    began = time.perf_counter()
    connection = connect()
    objects.ask(connection, wire)
    connection.close()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

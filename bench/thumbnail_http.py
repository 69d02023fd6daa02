"""A 12-megapixel JPEG to 300 px wide over HTTP on loopback: the local cloud against sharp on Node.

The local cloud checks the signature and its limits for every request, the Node server does not;
neither keeps results. Both read the same file and encode JPEG quality 75, 4:2:0.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass

import load
import rounds
import servers
from photos import large_jpeg

from localcloud.config import DEFAULT_BUCKET

WIDTH, QUALITY = 300, 75
KEY = "photo.jpg"
RULE = f"imageMogr2/thumbnail/{WIDTH}x/quality/{QUALITY}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    options = parser.parse_args()
    photo = large_jpeg(4000, 3000)
    print(f"{photo.name}, {photo.stat().st_size / 1e6:.1f} MB, load generator: {load.generator()}")
    with servers.local_cloud() as cloud, servers.sharp_server(photo.parent) as node:
        client = servers.client(cloud)
        client.put_object(Bucket=DEFAULT_BUCKET, Key=KEY, Body=photo.read_bytes())
        headers = servers.signed(client, KEY)
        ours = f"/{KEY}?{RULE}"
        theirs = f"/{photo.name}?w={WIDTH}&q={QUALITY}"
        _check_both(cloud, ours, headers, node, theirs)
        repeated: list[float] = []
        found = rounds.alternate(
            {
                "localcloud": lambda: _round(cloud, ours, headers, options.seconds, repeated),
                "sharp": lambda: _round(node, theirs, {}, options.seconds, repeated),
            },
            options.rounds,
        )
        if repeated:
            print(f"repeated {len(repeated)} rounds: others took up to {max(repeated):.1f} cores")
        for name, server in (("localcloud", cloud), ("sharp", node)):
            print(f"{name:<11} {_summary(found[name])}, {_memory(server)}")
    rates = {name: [one.load.rate for one in values] for name, values in found.items()}
    print(f"ratio {rounds.ratio(rates['localcloud'], rates['sharp']):.3f} (target >= 0.95)")


@dataclass(frozen=True)
class Round:
    """`cpu` in milliseconds of the server's CPU time for a request."""

    load: load.Load
    cpu: float


def _round(
    server: servers.Server,
    target: str,
    headers: dict[str, str],
    seconds: float,
    repeated: list[float],
) -> Round:
    def once() -> Round:
        before = server.cpu_seconds()
        measured = load.run(server.port, target, headers, seconds)
        return Round(measured, (server.cpu_seconds() - before) * 1000 / measured.count)

    return rounds.undisturbed(once, server.cpu_seconds, repeated)


def _summary(found: list[Round]) -> str:
    rates = rounds.spread([one.load.rate for one in found])
    p50 = statistics.median(one.load.p50 for one in found)
    p99 = statistics.median(one.load.p99 for one in found)
    cpu = statistics.median(one.cpu for one in found)
    return f"{rates} requests/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms, CPU {cpu:.1f} ms a request"


def _memory(server: servers.Server) -> str:
    return f"RSS {server.memory('VmRSS'):.0f} MiB (peak {server.memory():.0f})"


def _check_both(
    cloud: servers.Server, ours: str, headers: dict[str, str], node: servers.Server, theirs: str
) -> None:
    """Both answer a JPEG, and the local cloud refuses what is not signed."""
    for server, target, sent in ((cloud, ours, headers), (node, theirs, {})):
        status, body = servers.get(server, target, sent)
        assert status == 200, body[:500]
        assert body.startswith(b"\xff\xd8"), target
        print(f"{target}: {len(body)} bytes")
    forged = {**headers, "Authorization": headers["Authorization"][:-4] + "0000"}
    status, _ = servers.get(cloud, ours, forged)
    assert status == 403, f"the local cloud answered {status} to a wrong signature"


if __name__ == "__main__":
    main()

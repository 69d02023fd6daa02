"""A 12-megapixel JPEG to 300 px wide over HTTP on loopback: the local cloud against sharp on Node,
thumbor, and the floor.

The local cloud checks the signature and its limits for every request, the others do not; none keeps
results. All read the same file and encode JPEG quality 75, 4:2:0. The floor is what must be done
at least: the decoder at an eighth (500 px), the resampling and the encoder, on both cores without a
server.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import load
import rounds
import servers
from photos import large_jpeg
from PIL import Image

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
    with (
        servers.local_cloud() as cloud,
        servers.sharp_server(photo.parent) as node,
        servers.thumbor(photo.parent) as thumbor,
    ):
        client = servers.client(cloud)
        client.put_object(Bucket=DEFAULT_BUCKET, Key=KEY, Body=photo.read_bytes())
        headers = servers.signed(client, KEY)
        ours = f"/{KEY}?{RULE}"
        theirs = f"/{photo.name}?w={WIDTH}&q={QUALITY}"
        third = f"/unsafe/{WIDTH}x0/{photo.name}"
        _check(((cloud, ours, headers), (node, theirs, {}), (thumbor, third, {})))
        repeated: list[float] = []
        seconds, data = options.seconds, photo.read_bytes()
        found = rounds.alternate(
            {
                "localcloud": lambda: _round(cloud, ours, headers, seconds, repeated),
                "sharp": lambda: _round(node, theirs, {}, seconds, repeated),
                "thumbor": lambda: _round(thumbor, third, {}, seconds, repeated),
            },
            options.rounds,
        )
        floor = [
            rounds.undisturbed(lambda: _floor(data, seconds), lambda: 0.0, repeated)
            for _ in range(options.rounds)
        ]
        if repeated:
            print(f"repeated {len(repeated)} rounds: others took up to {max(repeated):.1f} cores")
        for name, server in (("localcloud", cloud), ("sharp", node), ("thumbor", thumbor)):
            print(f"{name:<11} {_summary(found[name])}, {_memory(server)}")
        print(f"{'floor':<11} {rounds.spread(floor)} pictures/s")
        resident = cloud.memory("VmRSS") / node.memory("VmRSS")
    rates = {name: [one.load.rate for one in values] for name, values in found.items()}
    slowest = {name: [one.load.p99 for one in values] for name, values in found.items()}
    for name, value, target in (
        ("requests/s, of sharp's", rounds.ratio(rates["localcloud"], rates["sharp"]), ">= 1.0"),
        (
            "requests/s, of thumbor's",
            rounds.ratio(rates["localcloud"], rates["thumbor"]),
            ">= 1.05",
        ),
        ("requests/s, of the floor", rounds.ratio(rates["localcloud"], floor), ">= 0.92"),
        ("p99, of sharp's", rounds.ratio(slowest["localcloud"], slowest["sharp"]), "<= 0.8"),
        ("resident memory, of sharp's", resident, "<= 0.5"),
    ):
        print(f"{name}: {value:.3f} (target {target})")


def _floor(data: bytes, seconds: float) -> float:
    """Pictures a second on two threads."""

    def work() -> int:
        count = 0
        while time.perf_counter() < until:
            image = Image.open(io.BytesIO(data))
            image.draft("RGB", (image.width // 8, image.height // 8))
            small = image.resize((WIDTH, WIDTH * 3 // 4), Image.Resampling.LANCZOS)
            small.save(io.BytesIO(), "JPEG", quality=QUALITY)
            count += 1
        return count

    start = time.perf_counter()
    until = start + seconds
    with ThreadPoolExecutor(2) as threads:
        counts = [threads.submit(work) for _ in range(2)]
        done = sum(count.result() for count in counts)
    return done / (time.perf_counter() - start)


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


def _check(asked: tuple[tuple[servers.Server, str, dict[str, str]], ...]) -> None:
    """All answer a JPEG, and the local cloud, which is the first, refuses what is not signed."""
    for server, target, sent in asked:
        status, body = servers.get(server, target, sent)
        assert status == 200, body[:500]
        assert body.startswith(b"\xff\xd8"), target
        print(f"{target}: {len(body)} bytes, {Image.open(io.BytesIO(body)).size}")
    cloud, target, headers = asked[0]
    forged = {**headers, "Authorization": headers["Authorization"][:-4] + "0000"}
    status, _ = servers.get(cloud, target, forged)
    assert status == 403, f"the local cloud answered {status} to a wrong signature"


if __name__ == "__main__":
    main()

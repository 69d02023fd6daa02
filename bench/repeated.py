"""The same thumbnail again over HTTP on loopback: the local cloud against nginx and a file of it.

For every request the local cloud checks signature, policies and protections and looks the object
up; nginx checks nothing. Both send the same bytes.

    python bench/repeated.py [--rounds 5] [--seconds 5]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import load
import rounds
import servers
from photos import large_jpeg

from localcloud.config import DEFAULT_BUCKET

KEY = "photo.jpg"
RULE = "imageMogr2/thumbnail/1000x/quality/75"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    options = parser.parse_args()
    if not shutil.which("nginx"):
        raise SystemExit("nginx is missing: apt-get install -y nginx-light")
    print(f"load generator: {load.generator()}")
    with (
        servers.local_cloud(cache=True) as cloud,
        tempfile.TemporaryDirectory(prefix="repeated-") as folder,
        servers.nginx(Path(folder)) as nginx,
    ):
        client = servers.client(cloud)
        photo = large_jpeg(4000, 3000).read_bytes()
        client.put_object(Bucket=DEFAULT_BUCKET, Key=KEY, Body=photo)
        headers, target = servers.signed(client, KEY), f"/{KEY}?{RULE}"
        _, body = servers.get(cloud, target, headers)
        Path(folder, KEY).write_bytes(body)
        assert servers.get(nginx, f"/{KEY}", {}) == servers.get(cloud, target, headers)
        forged = {**headers, "Authorization": headers["Authorization"][:-4] + "0000"}
        assert servers.get(cloud, target, forged)[0] == 403
        print(f"{target}: {len(body)} bytes")
        repeated: list[float] = []
        asked = {"localcloud": (cloud, target, headers), "nginx": (nginx, f"/{KEY}", {})}
        found = rounds.alternate(
            {name: _side(*side, options.seconds, repeated) for name, side in asked.items()},
            options.rounds,
        )
        if repeated:
            print(f"repeated {len(repeated)} rounds: others took up to {max(repeated):.1f} cores")
        for name, values in found.items():
            p99 = statistics.median(one.p99 for one in values)
            print(f"{name:<11} {rounds.spread([one.rate for one in values])} requests/s, ", end="")
            print(f"p99 {p99:.2f} ms, RSS {asked[name][0].memory('VmRSS'):.0f} MiB")
    rates = {name: [one.rate for one in values] for name, values in found.items()}
    print(f"ratio {rounds.ratio(rates['localcloud'], rates['nginx']):.3f} (target >= 0.3)")


def _side(
    server: servers.Server,
    target: str,
    headers: dict[str, str],
    seconds: float,
    repeated: list[float],
) -> Callable[[], load.Load]:
    return lambda: rounds.undisturbed(
        lambda: load.run(server.port, target, headers, seconds), server.cpu_seconds, repeated
    )


if __name__ == "__main__":
    main()

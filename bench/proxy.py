"""Other sizes of a 12-megapixel JPEG that was served before: the local cloud against sharp on Node.

Each request has a width and a quality of its own, and comes again only when its result has long
left the memory. Both sides get the same ones. PSNR is that of PNG results against a full decode and
Lanczos.

    python bench/proxy.py [--rounds 5] [--seconds 5]
"""

from __future__ import annotations

import argparse
import io
import statistics
from collections.abc import Callable
from itertools import cycle, islice, product

import load
import quality
import rounds
import servers
from photos import large_jpeg
from PIL import Image

from localcloud.config import DEFAULT_BUCKET

KEY = "photo.jpg"
BANDS = {"100 to 333 px": range(100, 334), "334 to 666 px": range(334, 667)}
QUALITIES = range(30, 91)  # with a band's widths 14,000 pairs, of which a third fits into memory
MOST = 700  # requests a second: more than either side answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    options = parser.parse_args()
    photo = large_jpeg(4000, 3000)
    print(f"{photo.name}, {photo.stat().st_size / 1e6:.1f} MB, load generator: {load.generator()}")
    for name, widths in BANDS.items():
        print(name)
        _compare(widths, options.rounds, options.seconds)


def _compare(widths: range, count: int, seconds: float) -> None:
    photo = large_jpeg(4000, 3000)
    repeated: list[float] = []
    with servers.local_cloud(cache=True) as cloud, servers.sharp_server(photo.parent) as node:
        client = servers.client(cloud)
        client.put_object(Bucket=DEFAULT_BUCKET, Key=KEY, Body=photo.read_bytes())
        headers = servers.signed(client, KEY)
        for width in (50, 51):
            status, _ = servers.get(cloud, f"/{KEY}?imageMogr2/thumbnail/{width}x", headers)
            assert status == 200
        ours = f"/{KEY}?imageMogr2/thumbnail/{{}}x/quality/{{}}!"
        theirs = f"/{photo.name}?w={{}}&q={{}}"
        found = rounds.alternate(
            {
                "localcloud": _side(
                    cloud, ours, headers, widths, seconds=seconds, repeated=repeated
                ),
                "sharp": _side(node, theirs, {}, widths, seconds=seconds, repeated=repeated),
            },
            count,
        )
        if repeated:
            print(f"repeated {len(repeated)} rounds: others took up to {max(repeated):.1f} cores")
        for side, server in (("localcloud", cloud), ("sharp", node)):
            rates = rounds.spread([one.rate for one in found[side]])
            p99 = statistics.median(one.p99 for one in found[side])
            resident = server.memory("VmRSS")
            print(f"{side:<11} {rates} requests/s, p99 {p99:.0f} ms, RSS {resident:.0f} MiB")
        print(f"PSNR {_quality(cloud, headers, photo.read_bytes(), widths)}")
    rates = {side: [one.rate for one in values] for side, values in found.items()}
    print(f"ratio {rounds.ratio(rates['localcloud'], rates['sharp']):.2f} (target >= 4)")


def _side(
    server: servers.Server,
    pattern: str,
    headers: dict[str, str],
    widths: range,
    *,
    seconds: float,
    repeated: list[float],
) -> Callable[[], load.Load]:
    """A round that goes on where the one before has ended."""
    pairs = cycle((width, level) for level, width in product(QUALITIES, widths))

    def once() -> load.Load:
        targets = [pattern.format(*pair) for pair in islice(pairs, int(MOST * seconds))]
        measured = load.run(server.port, targets, headers, seconds)
        assert measured.count < len(targets), "some came twice: raise MOST"
        return measured

    return lambda: rounds.undisturbed(once, server.cpu_seconds, repeated)


def _quality(cloud: servers.Server, headers: dict[str, str], photo: bytes, widths: range) -> str:
    """The worst and the median over the widths."""
    full = Image.open(io.BytesIO(photo)).convert("RGB")
    found = []
    for width in widths[:: len(widths) // 8]:
        target = f"/{KEY}?imageMogr2/thumbnail/{width}x/format/png"
        picture = Image.open(io.BytesIO(servers.get(cloud, target, headers)[1]))
        wanted = full.resize(picture.size, Image.Resampling.LANCZOS)
        found.append(quality.psnr(picture, wanted))
    return f"{min(found):.1f} dB at least, {statistics.median(found):.1f} dB in the middle"


if __name__ == "__main__":
    main()

"""Resident memory of the local cloud: idle, one large job, headers that promise too much, and after
2,000 mixed requests for a 12-megapixel photo.

    python bench/memory.py [--requests 2000]
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import servers
from photos import jpeg_header, large_jpeg, png_header

from localcloud.config import DEFAULT_BUCKET

THUMBNAIL, BLUR = "imageMogr2/thumbnail/300x", "imageMogr2/blur/50x5"
MIXED = (
    THUMBNAIL,
    "imageMogr2/cut/600x600x1000x400",
    "imageMogr2/thumbnail/!50p",
    "imageMogr2/thumbnail/1000x/format/webp",
    "imageMogr2/thumbnail/!25p|watermark/2/text/SGVsbG8",
    "imageMogr2/crop/2000x2000/gravity/center/format/png",
    BLUR,
    "imageAve",
    "imageMogr2/rotate/90",
    "imageView2/1/w/400/h/400",
)
SIDE = 30_000
CLIENTS = 4
SAMPLES = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    photo = large_jpeg(8000, 6000)
    for name, body, rule in (
        (f"{photo.name}, thumbnail", photo.read_bytes(), THUMBNAIL),
        (f"{photo.name}, blur", photo.read_bytes(), BLUR),
        (f"JPEG header {SIDE}x{SIDE}", jpeg_header(SIDE, SIDE), THUMBNAIL),
        (f"PNG header {SIDE}x{SIDE}", png_header(SIDE, SIDE), THUMBNAIL),
    ):
        _measure(name, body, rule)
    _soak(options.requests)
    print("targets: idle 45 MiB, each peak 100 MiB; after the mixed requests 100 MiB and flat")


def _measure(name: str, body: bytes, rule: str) -> None:
    """One upload and one request in a fresh server."""
    with servers.local_cloud() as cloud:
        idle = cloud.memory("VmRSS")
        client = servers.client(cloud)
        client.put_object(Bucket=DEFAULT_BUCKET, Key="photo", Body=body)
        headers = servers.signed(client, "photo")
        start = time.perf_counter()
        status, answer = servers.get(cloud, f"/photo?{rule}", headers)
        milliseconds = (time.perf_counter() - start) * 1000
        said = f"{status}, {len(answer)} bytes"
        if status != 200:
            found = re.search(
                r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", answer.decode(), re.S
            )
            said = f"{status} " + (": ".join(found.groups()) if found else "")
        print(
            f"{name}: {said}, {milliseconds:.1f} ms, idle {idle:.1f} MiB, "
            f"peak {cloud.memory():.1f}, after {cloud.memory('VmRSS'):.1f}",
            flush=True,
        )


def _soak(count: int) -> None:
    """Many requests of all kinds from four clients; resident memory when the server is at rest."""
    with servers.local_cloud() as cloud, ThreadPoolExecutor(CLIENTS) as clients:
        client = servers.client(cloud)
        client.put_object(
            Bucket=DEFAULT_BUCKET, Key="photo", Body=large_jpeg(4000, 3000).read_bytes()
        )
        headers = servers.signed(client, "photo")

        def ask(number: int) -> int:
            return servers.get(cloud, f"/photo?{MIXED[number % len(MIXED)]}", headers)[0]

        resident = []
        for first in range(0, count, max(1, count // SAMPLES)):
            numbers = range(first, min(first + max(1, count // SAMPLES), count))
            statuses = set(clients.map(ask, numbers))
            assert statuses == {200}, statuses
            resident.append(cloud.memory("VmRSS"))
            print(f"after {numbers.stop} mixed requests: {resident[-1]:.1f} MiB", flush=True)
        half = len(resident) // 2
        growth = statistics.mean(resident[half:]) - statistics.mean(resident[:half])
        print(f"peak {cloud.memory():.1f} MiB; the second half {growth:+.1f} MiB on the first")


if __name__ == "__main__":
    main()

"""Peak memory of the local cloud: a 48-megapixel thumbnail, and headers that promise too much."""

from __future__ import annotations

import re
import time

import servers
from photos import jpeg_header, large_jpeg, png_header

from localcloud.config import DEFAULT_BUCKET

RULE = "imageMogr2/thumbnail/300x"
SIDE = 30_000


def main() -> None:
    photo = large_jpeg(8000, 6000)
    _measure(f"{photo.name}, {photo.stat().st_size / 1e6:.1f} MB", photo.read_bytes())
    for name, body in (
        (f"JPEG header {SIDE}x{SIDE}", jpeg_header(SIDE, SIDE)),
        (f"PNG header {SIDE}x{SIDE}", png_header(SIDE, SIDE)),
    ):
        _measure(name, body)
    print("target: the thumbnail's peak under 100 MiB; the headers refused without decoding")


def _measure(name: str, body: bytes) -> None:
    """One upload and one thumbnail in a fresh server."""
    with servers.local_cloud() as cloud:
        client = servers.client(cloud)
        client.put_object(Bucket=DEFAULT_BUCKET, Key="photo", Body=body)
        headers = servers.signed(client, "photo")
        before = cloud.memory()
        start = time.perf_counter()
        status, answer = servers.get(cloud, f"/photo?{RULE}", headers)
        milliseconds = (time.perf_counter() - start) * 1000
        said = f"{status}, {len(answer)} bytes"
        if status != 200:
            found = re.search(
                r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", answer.decode(), re.S
            )
            said = f"{status} " + (": ".join(found.groups()) if found else "")
        print(
            f"{name}: {said}, {milliseconds:.1f} ms, "
            f"peak {cloud.memory():.1f} MiB ({before:.1f} before)"
        )


if __name__ == "__main__":
    main()

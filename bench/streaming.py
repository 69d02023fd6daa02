"""Memory of the local cloud while large objects go up and down: 5 GB each way, peak RSS printed.

The bytes are made while they are sent and dropped as they come, so that the client needs none of
its own; what comes back is compared by its CRC64. Needs so much free space on the disk twice.
"""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Iterator

import objects
import servers
from fastcrc import crc64

CHUNK = 1024 * 1024
_LINE = bytes(range(256)) * (CHUNK // 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    size = int(parser.parse_args().gigabytes * 1024) * CHUNK
    with servers.local_cloud() as cloud:
        _put(cloud, "warm", CHUNK)
        print(f"idle, after one put: {cloud.memory('VmRSS'):.1f} MiB, peak {cloud.memory():.1f}")
        began = time.perf_counter()
        sent = _put(cloud, "large", size)
        _show("up", size, began, cloud)
        began = time.perf_counter()
        received = _get(cloud, "large", size)
        _show("down", size, began, cloud)
        if sent != received:
            raise SystemExit(f"sent CRC64 {sent}, the cloud says {received}")


def _show(way: str, size: int, began: float, cloud: servers.Server) -> None:
    rate = size / CHUNK / (time.perf_counter() - began)
    now, peak = cloud.memory("VmRSS"), cloud.memory()
    print(
        f"{size / 1024**3:.1f} GB {way}: {rate:.0f} MiB/s, now {now:.1f} MiB, peak {peak:.1f} MiB"
    )


def _pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // CHUNK):
        yield _LINE


def _put(cloud: servers.Server, key: str, size: int) -> str:
    wire = objects.signed(cloud, "PUT", key)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    headers = {**wire.headers, "Content-Length": str(size)}
    connection.request("PUT", wire.target, body=_pieces(size), headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"PUT: {answer.status} {text[:300]!r}")
    return answer.headers["x-cos-hash-crc64ecma"]


def _get(cloud: servers.Server, key: str, size: int) -> str:
    wire = objects.signed(cloud, "GET", key)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    connection.request("GET", wire.target, headers=wire.headers)
    answer = connection.getresponse()
    buffer, total, crc = bytearray(CHUNK), 0, 0
    while count := answer.readinto(buffer):
        crc = crc64.xz(bytes(memoryview(buffer)[:count]), crc)
        total += count
    connection.close()
    if total != size:
        raise SystemExit(f"GET: {total} of {size} bytes came")
    return str(crc)


if __name__ == "__main__":
    main()

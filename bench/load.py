"""The load generator: Debian's `wrk` where it is installed, else a small client of our own."""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

CONNECTIONS = 4
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Load:
    """Requests per second and in all; latencies in milliseconds."""

    rate: float
    count: float
    p50: float
    p99: float


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "python"


def run(port: int, target: str, headers: Mapping[str, str], seconds: float) -> Load:
    """Ask for `target` (path and query) as fast as the answers come, over four connections."""
    if generator() == "wrk":
        return _wrk(port, target, headers, seconds)
    # In a process of its own, so that its work is not the caller's.
    arguments = [sys.executable, __file__, str(port), target, str(seconds)]
    for name, value in headers.items():
        arguments.append(f"{name}: {value}")
    answer = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return Load(*map(float, answer.stdout.split()))


def _wrk(port: int, target: str, headers: Mapping[str, str], seconds: float) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://127.0.0.1:{port}{target}")
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    text = answer.stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"the server refused requests:\n{text}")
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", text)[1])
    count = float(re.search(r"(\d+) requests in", text)[1])
    return Load(rate, count, _at(text, 50), _at(text, 99))


def _at(text: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", text)
    return float(found[1]) * _UNITS[found[2]]


async def _connection(port: int, request: bytes, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (start := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the server refused a request: {head[:60]!r}")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]))
        times.append(time.perf_counter() - start)
    writer.close()


async def _python(port: int, target: str, seconds: float, headers: list[str]) -> None:
    lines = [f"GET {target} HTTP/1.1", *headers, "", ""]
    if not any(line.lower().startswith("host:") for line in headers):
        lines.insert(1, f"Host: 127.0.0.1:{port}")
    request = "\r\n".join(lines).encode()
    times: list[float] = []
    start = time.perf_counter()
    until = start + seconds
    connections = (_connection(port, request, until, times) for _ in range(CONNECTIONS))
    await asyncio.gather(*connections)
    elapsed = time.perf_counter() - start
    percentiles = statistics.quantiles(times, n=100)
    print(len(times) / elapsed, len(times), percentiles[49] * 1000, percentiles[98] * 1000)


if __name__ == "__main__":
    asyncio.run(_python(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:]))

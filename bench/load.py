"""The load generator: Debian's `wrk` where it is installed, else a small client of our own."""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

CONNECTIONS = 4
_ONE_AFTER_THE_OTHER = """
local targets, last = {%s}, 0
request = function() last = last %% #targets + 1; return wrk.format("GET", targets[last]) end
"""
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


def run(port: int, target: str | Sequence[str], headers: Mapping[str, str], seconds: float) -> Load:
    """Ask for `target` (path and query) as fast as the answers come, over four connections; of
    several, for one after the other."""
    targets = [target] if isinstance(target, str) else target
    if generator() == "wrk":
        return _wrk(port, targets, headers, seconds)
    # In a process of its own, so that its work is not the caller's.
    arguments = [sys.executable, __file__, str(port), str(seconds)]
    for name, value in headers.items():
        arguments.append(f"{name}: {value}")
    answer = subprocess.run(
        arguments, check=True, capture_output=True, text=True, input="\n".join(targets)
    )
    return Load(*map(float, answer.stdout.split()))


def _wrk(port: int, targets: Sequence[str], headers: Mapping[str, str], seconds: float) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if len(targets) > 1:
            script.write(_ONE_AFTER_THE_OTHER % ",".join(f"[[{one}]]" for one in targets))
            script.flush()
            command += ["-s", script.name]
        command.append(f"http://127.0.0.1:{port}{targets[0]}")
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


async def _connection(
    port: int, requests: Iterator[bytes], until: float, times: list[float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (start := time.perf_counter()) < until:
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the server refused a request: {head[:60]!r}")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]))
        times.append(time.perf_counter() - start)
    writer.close()


async def _python(port: int, targets: list[str], seconds: float, headers: list[str]) -> None:
    lines = [*headers, "", ""]
    if not any(line.lower().startswith("host:") for line in headers):
        lines.insert(0, f"Host: 127.0.0.1:{port}")
    requests = cycle("\r\n".join([f"GET {target} HTTP/1.1", *lines]).encode() for target in targets)
    times: list[float] = []
    start = time.perf_counter()
    until = start + seconds
    connections = (_connection(port, requests, until, times) for _ in range(CONNECTIONS))
    await asyncio.gather(*connections)
    elapsed = time.perf_counter() - start
    percentiles = statistics.quantiles(times, n=100)
    print(len(times) / elapsed, len(times), percentiles[49] * 1000, percentiles[98] * 1000)


if __name__ == "__main__":
    asyncio.run(
        _python(int(sys.argv[1]), sys.stdin.read().split("\n"), float(sys.argv[2]), sys.argv[3:])
    )

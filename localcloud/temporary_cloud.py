"""A local cloud for the length of one command: `localcloud serve` without functions, as a child."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

READY = "localcloud ready "
START_SECONDS = 30
STOP_SECONDS = 10
LOG_NAME = "serve.log"


class TemporaryCloudError(RuntimeError):
    """The cloud did not start; the message holds the last line that it logged."""


@contextmanager
def temporary_cloud(data: Path, buckets: Sequence[str], region: str) -> Iterator[str]:
    """The endpoint of a cloud that keeps its data and log in `data` and ends with the block.

    `buckets` (`name-appid`) and `region` are the service's defaults when empty.
    """
    options = [option for bucket in buckets for option in ("--bucket", bucket)]
    options += ["--region", region] if region else []
    command = [sys.executable, "-m", "localcloud", "serve", "--no-functions", "--port", "0"]
    log = data / LOG_NAME
    with (
        log.open("wb") as stderr,
        subprocess.Popen(  # noqa: S603 - our own program, no shell
            [*command, "--data", str(data / "cloud"), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            line = _first_line(process)
            if not line.startswith(READY):
                said = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
                raise TemporaryCloudError(f"the local cloud did not start: {said or 'no reason'}")
            yield line.removeprefix(READY).strip()
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _first_line(process: subprocess.Popen[str]) -> str:
    """The first line on stdout; empty when the process ends or says nothing in time."""
    lines: queue.Queue[str] = queue.Queue()
    stdout = process.stdout
    if stdout is None:
        return ""
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return ""

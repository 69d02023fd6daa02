"""A local cloud for the length of one command: `localcloud serve`, as a child process."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

READY = "localcloud ready "
START_SECONDS = 30
STOP_SECONDS = 10


class ChildError(RuntimeError):
    """The cloud did not start; the message ends with what it logged."""


@dataclass(frozen=True)
class ChildCloud:
    """A served local cloud at `endpoint`, writing its log and the functions' to `log`."""

    endpoint: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log_tail(self, characters: int = 4000) -> str:
        """The end of the log; empty when nothing was logged."""
        return self.log.read_text("utf-8", "replace").strip()[-characters:]


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[ChildCloud]:
    """A cloud on a free port that keeps data and log in `folder`; it ends with the block.

    `options` are those of `localcloud serve`. Raises `ChildError` if it does not get ready.
    """
    log = folder / "serve.log"
    command = [sys.executable, "-m", "localcloud", "serve", "--port", "0"]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(  # noqa: S603 - our own program, no shell
            [*command, "--data", str(folder / "cloud"), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            line = _first_line(process.stdout)
            cloud = ChildCloud(line.removeprefix(READY).strip(), process, log)
            if not line.startswith(READY):
                said = cloud.log_tail() or "nothing"
                raise ChildError(f"the local cloud did not start, it said: {said}")
            yield cloud
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _first_line(stdout: IO[str] | None) -> str:
    """The first line; empty when the process ends or says nothing in time."""
    lines: queue.Queue[str] = queue.Queue()
    if stdout is not None:
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return ""

"""A local cloud of one's own: the same `localcloud serve` that a user types, as a child process."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcloud.demo.samples import DemoError

READY = "localcloud ready "
START_SECONDS = 30
STOP_SECONDS = 10
LOG_LINES = 40


@dataclass(frozen=True)
class RunningCloud:
    """A served local cloud at `endpoint`, writing its log and the functions' to `log`."""

    endpoint: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log_tail(self) -> str:
        """The last lines of the log: what the server and the functions said."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:]) or "(the log is empty)"


@contextmanager
def serve(project: Path, data: Path, log: Path) -> Iterator[RunningCloud]:
    """Start `localcloud serve` on a free port with the functions of `project`; stop it at the end.

    Raises `DemoError` if it does not get ready in time.
    """
    command = [sys.executable, "-m", "localcloud", "serve", "--port", "0"]
    command += ["--data", str(data), "--project", str(project)]
    with (
        log.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(  # noqa: S603 - our own program, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            cloud = RunningCloud("", process, log)
            line = _first_line(process)
            if not line.startswith(READY):
                raise DemoError(f"the local cloud did not start; its log:\n{cloud.log_tail()}")
            yield RunningCloud(line.removeprefix(READY).strip(), process, log)
        finally:
            _stop(process)


def _first_line(process: subprocess.Popen[str]) -> str:
    """The first line of stdout; empty when the process ends or says nothing in time."""
    lines: queue.Queue[str] = queue.Queue()
    stdout = process.stdout
    assert stdout is not None  # noqa: S101 - PIPE above
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return ""


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()

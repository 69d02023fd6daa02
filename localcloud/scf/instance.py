"""One instance of a function: a process of its own, kept warm between invocations.

Memory is watched, not capped by the kernel: the resident memory of the process and its children is
read every 20 ms and the whole process group is killed above the limit. `RLIMIT_AS` with 2 GB of
headroom stops what could run away between two looks; it cannot be the limit itself, because
threads and allocators reserve far more address space than they use. Without /proc (macOS) nothing
is watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.scf.serverless import Function

WORKER = Path(__file__).with_name("worker.py")
MAX_MESSAGE = 16 * 1024 * 1024  # an answer may have 6 MB; as JSON in JSON it can grow twofold
MAX_LOG = 1024 * 1024
HEADROOM = 2 * 1024**3
LOOK_SECONDS = 0.02
EXIT_SECONDS = 1.0  # between closing the channel and the end of the process
MEGABYTE = 1024 * 1024


class InstanceError(Exception):
    """The handler did not return. `kind` is a key of `invocation.ERRORS`; `peak` is in bytes.

    `log` is what was printed by a module that could not be loaded.
    """

    def __init__(self, kind: str, message: str = "", trace: str = "", peak: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace
        self.peak = peak
        self.log = ""


@dataclass(frozen=True)
class Answer:
    """What the handler returned, as JSON text, and the peak of resident memory in bytes."""

    result: str
    peak: int


class Log:
    """The function's output, read from a pipe: at most `MAX_LOG` bytes for each invocation."""

    def __init__(self) -> None:
        self._read, self.write_end = os.pipe()
        os.set_blocking(self._read, False)
        self._kept = bytearray()
        self._dropped = 0
        self._open = True
        asyncio.get_running_loop().add_reader(self._read, self.drain)

    def drain(self) -> None:
        """Read all that is in the pipe now."""
        while self._open:
            try:
                data = os.read(self._read, 65536)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            room = max(0, MAX_LOG - len(self._kept))
            self._kept += data[:room]
            self._dropped += len(data) - len(data[:room])

    def take(self) -> str:
        """What was written since the last call. Whoever answered has written all that it will."""
        self.drain()
        text = self._kept.decode("utf-8", "replace")
        if self._dropped:
            text += f"\n[{self._dropped} more bytes of log were dropped: {MAX_LOG} are kept]\n"
        self._kept.clear()
        self._dropped = 0
        return text

    def close(self) -> None:
        """Stop reading and give the pipe back."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._read)
            os.close(self._read)


class Instance:
    """A running process of one function. Use `Instance.start`, then `invoke` one at a time."""

    def __init__(
        self, function: Function, process: asyncio.subprocess.Process, scratch: Path, log: Log
    ) -> None:
        self.function = function
        self.log = log
        self._process = process
        self._scratch = scratch
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._peak = 0
        self._over_memory = False

    @classmethod
    async def start(
        cls, function: Function, layer: Path, environment: Callable[[Path], Mapping[str, str]]
    ) -> Instance:
        """Start the process and load the handler within `function.init_timeout` seconds.

        `environment(scratch)` gives its variables. Raises `InstanceError`.
        """
        ours, theirs = socket.socketpair()
        scratch = Path(tempfile.mkdtemp(prefix=f"scf-{function.key}-"))
        log = Log()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", "-B", "-u", "-X", "utf8", str(WORKER)),
                    *(str(theirs.fileno()), str(function.code), str(layer), function.handler),
                    str(function.memory * MEGABYTE + HEADROOM),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log.write_end,
                    stderr=log.write_end,
                    env=dict(environment(scratch)),
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            log.close()
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        finally:
            os.close(log.write_end)
        instance = cls(function, process, scratch, log)
        instance._reader, instance._writer = await asyncio.open_connection(
            sock=ours, limit=MAX_MESSAGE
        )
        try:
            await instance._receive(function.init_timeout)
        except BaseException as error:
            await instance.kill()
            if isinstance(error, InstanceError):
                error.log = log.take()
            await instance.stop()
            raise
        return instance

    async def invoke(
        self, event: Any, context: Mapping[str, Any], environment: Mapping[str, str]
    ) -> Answer:
        """One invocation; `environment` is set in the process first. Raises `InstanceError`.

        After `timeout`, `memory` and `exit` the process is gone.
        """
        self._peak = 0
        request = {"event": event, "context": dict(context), "environment": dict(environment)}
        self._writer.write(json.dumps(request).encode() + b"\n")
        answer = await self._receive(self.function.timeout)
        return Answer(answer["result"], max(self._peak, int(answer.get("peak", 0))))

    async def _receive(self, seconds: float) -> dict[str, Any]:
        watch = asyncio.create_task(self._watch_memory())
        try:
            line = await asyncio.wait_for(self._reader.readline(), seconds)
        except TimeoutError:
            await self.kill()
            raise InstanceError("timeout", peak=self._peak) from None
        except ValueError:
            await self.kill()
            raise InstanceError("large", peak=self._peak) from None
        except ConnectionError:
            line = b""
        except asyncio.CancelledError:
            await self.kill()
            raise
        finally:
            watch.cancel()
        if not line.endswith(b"\n"):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), EXIT_SECONDS)
            await self.kill()
            if self._over_memory:
                raise InstanceError("memory", peak=self._peak)
            raise InstanceError("exit", str(self._process.returncode), peak=self._peak)
        answer: dict[str, Any] = json.loads(line)
        if error := answer.get("error"):
            peak = max(self._peak, int(answer.get("peak", 0)))
            raise InstanceError(error["kind"], error["message"], error["trace"], peak)
        return answer

    async def _watch_memory(self) -> None:
        limit = self.function.memory * MEGABYTE
        while (used := resident(self._process.pid)) is not None:
            self._peak = max(self._peak, used)
            if used > limit:
                self._over_memory = True
                self._signal()
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def kill(self) -> None:
        """End the process and all that it started, at once."""
        self._signal()
        await self._process.wait()
        self.log.drain()

    async def stop(self) -> None:
        """End the process and remove what it left."""
        await self.kill()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        self.log.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether the process can take another invocation."""
        return self._process.returncode is None

    def _signal(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def resident(pid: int) -> int | None:
    """Bytes of resident memory of a process and its children; None where /proc does not say."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    own = int(found[1]) * 1024 if found else 0
    return own + sum(resident(int(child)) or 0 for child in children)

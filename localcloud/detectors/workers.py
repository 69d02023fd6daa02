"""The judge that hands content to worker processes.

Two lanes, each with a worker and one job at a time: what is answered at once (pictures, text) does
not wait behind a film. A worker starts with the first job, ends after a minute without one, and is
ended when it takes too long, so that the server never carries an engine's memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from localcloud.detectors import messages
from localcloud.detectors.judgement import (
    NOT_ELIGIBLE,
    SCENES,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
    VirusReport,
)
from localcloud.detectors.policy import DEFAULT, EVENLY, Policy, Snapshots, checked_scenes

IDLE_SECONDS = 60.0
MAX_WAITING = 256  # jobs of a lane
MAX_PEAK = 1536 * 1024**2  # resident bytes of a worker that is kept for another job
# For one answer, and for all answers of a job.
ANSWER_SECONDS, JOB_SECONDS = 120.0, 3600.0
_QUICK = ("image", "text")
_COMMAND = (sys.executable, "-I", "-m", "localcloud.detectors.worker")


class Workers:
    """See `judge.Judge`, whose methods these are. To be used on one event loop."""

    def __init__(self, idle: float = IDLE_SECONDS, patience: float = ANSWER_SECONDS) -> None:
        self._quick, self._slow = _Lane(idle, patience), _Lane(idle, patience)

    async def image(
        self, data: bytes | Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> Judgement:
        return await self._one("image", data, scenes, policy)

    async def text(
        self, text: str, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> Judgement:
        return await self._one("text", text.encode(errors="surrogatepass"), scenes, policy)

    def text_file(
        self, path: Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]:
        return self._judgements("text_file", path, scenes, policy)

    def audio(
        self, path: Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]:
        return self._judgements("audio", path, scenes, policy)

    def video(
        self,
        path: Path,
        snapshots: Snapshots = EVENLY,
        sound: bool = False,
        scenes: tuple[str, ...] = SCENES,
        policy: Policy = DEFAULT,
    ) -> AsyncIterator[Judgement]:
        options = {"snapshots": messages.plain(snapshots), "sound": sound}
        return self._judgements("video", path, scenes, policy, options)

    def document(
        self, path: Path, kind: str, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]:
        return self._judgements("document", path, scenes, policy, {"kind": kind})

    def webpage(
        self, html: bytes, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]:
        return self._judgements("webpage", html, scenes, policy)

    async def viruses(self, path: Path) -> VirusReport:
        async for answer in self._answers("viruses", path, (), DEFAULT):
            return messages.virus_report(answer[messages.VIRUSES])
        raise _silent()

    async def close(self) -> None:
        await asyncio.gather(self._quick.close(), self._slow.close())

    async def _one(
        self, job: str, content: bytes | Path, scenes: tuple[str, ...], policy: Policy
    ) -> Judgement:
        found = [one async for one in self._judgements(job, content, scenes, policy)]
        if not found:
            raise _silent()
        return found[0]

    async def _judgements(
        self,
        job: str,
        content: bytes | Path,
        scenes: tuple[str, ...],
        policy: Policy,
        options: dict[str, Any] | None = None,
    ) -> AsyncIterator[Judgement]:
        scenes = checked_scenes(scenes)
        answers = self._answers(job, content, scenes, policy, options)
        async with contextlib.aclosing(answers):
            async for answer in answers:
                yield messages.judgement(answer[messages.JUDGEMENT])

    async def _answers(
        self,
        job: str,
        content: bytes | Path,
        scenes: tuple[str, ...],
        policy: Policy,
        options: dict[str, Any] | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        data = content if isinstance(content, bytes) else b""
        request = {
            "job": job,
            "path": "" if isinstance(content, bytes) else str(content.absolute()),
            "size": len(data),
            "scenes": list(scenes),
            "policy": messages.plain(policy),
            "options": options or {},
        }
        lane = self._quick if job in _QUICK else self._slow
        answers = lane.run(messages.packed(request) + data)
        async with contextlib.aclosing(answers):
            async for answer in answers:
                yield answer


def _silent() -> UnjudgeableError:
    return UnjudgeableError(NOT_ELIGIBLE, "the engines said nothing of the content")


class _Lane:
    """One worker, and the jobs that wait for it."""

    def __init__(self, idle: float, patience: float) -> None:
        self._idle, self._patience = idle, patience
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None
        self._bedtime: asyncio.TimerHandle | None = None
        self._asleep = False

    async def run(self, request: bytes) -> AsyncIterator[dict[str, Any]]:
        """The answers to a request; a caller that leaves early costs the worker its life."""
        if self._waiting >= MAX_WAITING:
            raise UnjudgeableError(
                NOT_ELIGIBLE, f"{MAX_WAITING} audits wait already, the most that is allowed"
            )
        self._waiting += 1
        try:
            async with self._turn:
                finished = False
                try:
                    refused = None
                    process = await self._started()
                    answers = self._asked(process, request)
                    async with contextlib.aclosing(answers):
                        async for answer in answers:
                            if messages.END in answer:
                                finished = answer[messages.END] < MAX_PEAK
                            elif messages.REFUSED in answer:
                                refused = UnjudgeableError(*answer[messages.REFUSED])
                            else:
                                yield answer
                    if refused:
                        raise refused
                except TimeoutError:
                    raise UnjudgeableError(
                        TOO_LARGE, "judging the content takes too long"
                    ) from None
                except (asyncio.IncompleteReadError, ConnectionError):
                    raise UnjudgeableError(
                        NOT_ELIGIBLE, "the engine ended while it judged the content"
                    ) from None
                finally:
                    if finished:
                        self._rest()
                    else:
                        await self._end(just_died=True)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        await self._end()

    async def _asked(
        self, process: asyncio.subprocess.Process, request: bytes
    ) -> AsyncIterator[dict[str, Any]]:
        if process.stdin is None or process.stdout is None:
            raise ConnectionError("a worker without pipes")
        # Only reading and writing are timed: what a caller does between answers is its own.
        left = JOB_SECONDS
        async with asyncio.timeout(self._patience):
            process.stdin.write(request)
            await process.stdin.drain()
        ended = False
        while not ended:
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(min(self._patience, left)):
                answer = await _answer(process.stdout)
            left -= asyncio.get_running_loop().time() - began
            ended = messages.END in answer
            yield answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._bedtime:
            self._bedtime.cancel()
        if self._asleep or self._process is None or self._process.returncode is not None:
            # One that has just been told to end is still there for a moment.
            await self._end()
            # A session of its own: what it starts, such as ffmpeg, ends with it.
            self._process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            )
        return self._process

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        self._bedtime = loop.call_later(self._idle, self._sleep)

    def _sleep(self) -> None:
        self._asleep = True
        self._kill()

    def _kill(self, just_died: bool = False) -> None:
        """`just_died`: it may have ended by itself a moment ago, and what it started goes on."""
        if self._process and (just_died or self._process.returncode is None):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _end(self, just_died: bool = False) -> None:
        if self._bedtime:
            self._bedtime.cancel()
        self._kill(just_died)
        if self._process:
            await self._process.wait()
        self._process, self._asleep = None, False


async def _answer(stream: asyncio.StreamReader) -> dict[str, Any]:
    length = int.from_bytes(await stream.readexactly(messages.LENGTH), "big")
    if length > messages.MAX_MESSAGE:
        raise ConnectionError(f"a message of {length} bytes")
    answer: dict[str, Any] = json.loads(await stream.readexactly(length))
    return answer

"""Runs the functions of a project: instances, their environment, limits and logs."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.scf.environment import (
    CredentialSource,
    credential_variables,
    function_context,
    function_environment,
)
from localcloud.scf.instance import MEGABYTE, Answer, Instance, InstanceError
from localcloud.scf.invocation import MAX_RESULT, MAX_SYNC_EVENT, Invocation, service_error
from localcloud.scf.layer import Layer, shared_folder
from localcloud.scf.serverless import Function

MAX_WARM = 4  # idle instances that are kept for each function
IDLE_SECONDS = 300.0  # after this an idle instance ends


@dataclass(frozen=True)
class Warm:
    """An instance and the state of the code that it has loaded."""

    instance: Instance
    code: tuple[int, int]
    since: float  # when it became idle, on the monotonic clock


class Runner:
    """Invokes functions, with warm instances used again as long as the code does not change."""

    def __init__(
        self,
        project: Path,
        layer: Layer,
        *,
        appid: str,
        credentials: CredentialSource,
        route: Mapping[str, str],
        max_warm: int = MAX_WARM,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._shared = shared_folder(project)
        self._layer = layer
        self._appid = appid
        self._credentials = credentials
        self._route = route
        self._warm: dict[str, list[Warm]] = defaultdict(list)
        self._busy: set[Instance] = set()
        self._max_warm = max_warm
        self.idle_seconds = idle_seconds

    @property
    def warm(self) -> int:
        """How many idle instances there are."""
        return sum(map(len, self._warm.values()))

    async def invoke(
        self,
        function: Function,
        event: Any,
        *,
        request_id: str = "",
        max_event: int = MAX_SYNC_EVENT,
    ) -> Invocation:
        """Run a function once. Never raises for what the function does: see `Invocation.error`.

        Raises OSError when the machine can start no process.
        """
        request_id = request_id or str(uuid.uuid4())
        size = len(json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size > max_event:
            error = InstanceError("event", str(size))
            return self._finished(function, request_id, error, limit=max_event)
        code = self._code_state(function)
        instance, cold = await self._take_warm(function, code), None
        if instance is None:
            started = time.monotonic()
            try:
                instance = await self._start(function)
            except InstanceError as error:
                if error.kind == "timeout":
                    error.kind = "start"
                return self._finished(function, request_id, error, log=error.log)
            cold = (time.monotonic() - started) * 1000
        self._busy.add(instance)
        outcome: Answer | InstanceError
        started = time.monotonic()
        try:
            outcome = await instance.invoke(
                event,
                function_context(function, request_id, self._appid),
                credential_variables(self._credentials()),
            )
            if len(outcome.result) > MAX_RESULT:
                outcome = InstanceError("large", peak=outcome.peak)
        except InstanceError as error:
            outcome = error
        except BaseException:
            await instance.stop()
            raise
        finally:
            self._busy.discard(instance)
        duration = (time.monotonic() - started) * 1000
        log = instance.log.take()
        await self._give_back(function, Warm(instance, code, time.monotonic()))
        return self._finished(function, request_id, outcome, duration=duration, log=log, cold=cold)

    def refused(self, function: Function, kind: str, message: str) -> Invocation:
        """An invocation that never ran; `kind` is a key of `invocation.ERRORS`."""
        return self._finished(function, str(uuid.uuid4()), InstanceError(kind, message))

    async def end_idle(self) -> None:
        """End the instances that have been idle for `idle_seconds`."""
        oldest = time.monotonic() - self.idle_seconds
        for key, kept in list(self._warm.items()):
            ending = [warm for warm in kept if warm.since < oldest]
            self._warm[key] = [warm for warm in kept if warm.since >= oldest]
            for warm in ending:
                await warm.instance.stop()

    async def stop(self) -> None:
        """End all instances, the busy ones too."""
        idle = [warm.instance for kept in self._warm.values() for warm in kept]
        self._warm.clear()
        await asyncio.gather(*(instance.stop() for instance in [*idle, *self._busy]))

    async def _start(self, function: Function) -> Instance:
        def environment(scratch: Path) -> dict[str, str]:
            return function_environment(
                function,
                layer=self._layer.path,
                scratch=scratch,
                appid=self._appid,
                credentials=self._credentials(),
                route=self._route,
            )

        return await Instance.start(function, self._layer.path, environment)

    async def _take_warm(self, function: Function, code: tuple[int, int]) -> Instance | None:
        while kept := self._warm[function.key]:
            warm = kept.pop()
            if warm.instance.alive and warm.code == code:
                return warm.instance
            await warm.instance.stop()
        return None

    async def _give_back(self, function: Function, warm: Warm) -> None:
        kept = self._warm[function.key]
        if warm.instance.alive and len(kept) < self._max_warm:
            kept.append(warm)
        else:
            await warm.instance.stop()

    def _code_state(self, function: Function) -> tuple[int, int]:
        """Changes when a source file does: a developer must not be served by yesterday's code."""
        stamps = [stamp for root in (function.code, self._shared) for stamp in _stamps(root)]
        pipelines = self._layer.path / "pipelines.yml"
        stamps += [pipelines.stat().st_mtime_ns] if pipelines.exists() else []
        return len(stamps), max(stamps, default=0)

    def _finished(
        self,
        function: Function,
        request_id: str,
        outcome: Answer | InstanceError,
        *,
        duration: float = 0,
        log: str = "",
        cold: float | None = None,
        limit: int = 0,
    ) -> Invocation:
        error = result = None
        if isinstance(outcome, InstanceError):
            facts = {
                "timeout": function.timeout,
                "memory": function.memory,
                "init_timeout": function.init_timeout,
                "limit": limit,
            }
            error = service_error(outcome, request_id, **facts)
        else:
            result = json.loads(outcome.result)
        return Invocation(
            request_id=request_id,
            function=function.key,
            result=result,
            error=error,
            log=log,
            duration=duration,
            memory=function.memory,
            max_memory=-(-outcome.peak // MEGABYTE),
            cold=cold,
        )


def _stamps(root: str | Path) -> Iterator[int]:
    """When each source file was changed. Asked before each invocation: os.scandir is thrice as
    fast as Path.rglob."""
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    yield entry.stat().st_mtime_ns
                elif entry.is_dir(follow_symlinks=False) and entry.name != "__pycache__":
                    yield from _stamps(entry.path)
    except OSError:
        return  # removed while we looked

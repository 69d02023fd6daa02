"""The functions of a project beside a local cloud: uploads wake them as COS triggers do.

Asynchronous invokes wait in a bounded queue, run on a few instances at once, and are tried again
twice when they fail (SCF waits a minute before each; here it is a matter of seconds). What is given
up on is logged with its event: nothing is lost in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcloud.config import Config, client_environment
from localcloud.scf.environment import CredentialSource
from localcloud.scf.invocation import MAX_ASYNC_EVENT, Invocation
from localcloud.scf.layer import link_layer
from localcloud.scf.runner import Runner
from localcloud.scf.serverless import Function, Project, load, local_variables
from localcloud.scf.triggers import matching
from shared.events import EventError, parse_record, records
from shared.settings import Credentials

MAX_QUEUE = 1000
MAX_CONCURRENT = 2
RETRIES = 2
RETRY_SECONDS = 2.0  # SCF: 60
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class _Task:
    """An invoke that waits: `tries` counts those already made."""

    function: Function
    event: dict[str, Any]
    request_id: str
    tries: int = 0


class FunctionHost:
    """Runs what serverless.yml of `project` binds, against the cloud at `endpoint`.

    `log` gets finished lines of text (several, joined by newlines, for an invocation). Raises
    `shared.errors.ConfigError` or `LayerError` when made from a project that cannot be used.
    """

    def __init__(
        self,
        project: Path,
        endpoint: str,
        config: Config,
        log: Callable[[str], None],
        *,
        credentials: CredentialSource | None = None,
        retry_seconds: float = RETRY_SECONDS,
        concurrent: int = MAX_CONCURRENT,
        queue: int = MAX_QUEUE,
    ) -> None:
        self._config = config
        self._log = log
        self._project = load(project, local_variables(config.buckets[0], config.region))
        self._retry_seconds = retry_seconds
        self._concurrent = concurrent
        self._queue: asyncio.Queue[_Task] = asyncio.Queue(queue)
        self._layer = link_layer(project)
        permanent = Credentials(config.secret_id, config.secret_key)
        self.runner = Runner(
            project,
            self._layer,
            appid=appid_of(config),
            credentials=credentials or (lambda: permanent),
            route=client_environment(endpoint, config),
        )
        self._waiting: dict[asyncio.TimerHandle, _Task] = {}
        self._running: dict[str, _Task] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._stopping = False
        self.deployed = time.time()

    @property
    def project(self) -> Project:
        """What serverless.yml says."""
        return self._project

    async def start(self) -> None:
        """Begin to take events, and say what is bound to what."""
        for note in self._layer.notes:
            self._log(f"layer: {note}")
        for place in self._project.unplayed:
            self._log(f"{place} is not played here: invoke its function by hand")
        for trigger in self._project.triggers:
            self._log(f"trigger {trigger.name}: {trigger}")
            if not any(trigger.is_bucket(bucket) for bucket in self._config.buckets):
                self._log(
                    f"trigger {trigger.name}: this cloud starts without the bucket "
                    f"{trigger.bucket} (it has {', '.join(self._config.buckets)})"
                )
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._concurrent)]

    async def stop(self) -> None:
        """Let what runs finish for a few seconds, then end it; name what never ran."""
        self._stopping = True
        left = list(self._waiting.values())
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()
        while not self._queue.empty():
            left.append(self._queue.get_nowait())
        for task in left:
            self._give_up(task, "the local cloud stops")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while self._running:
                    await asyncio.sleep(0.02)
        for task in list(self._running.values()):
            self._give_up(task, "the local cloud stops while it runs")
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self.runner.stop()

    def idle(self) -> bool:
        """Whether nothing is queued, running or waiting to be tried again."""
        return self._queue.empty() and not self._running and not self._waiting

    async def invoke(self, function: Function, event: Any) -> Invocation:
        """Run a function and wait for it, as a synchronous caller does."""
        invocation = await self.runner.invoke(function, event)
        self._log(invocation.report())
        return invocation

    def accept(self, function: Function, event: Any) -> str | None:
        """Queue an event; its request id, or None when too many wait."""
        if self._queue.full():
            return None
        request_id = str(uuid.uuid4())
        self._put(_Task(function, event, request_id))
        return request_id

    def on_cos_event(self, document: dict[str, Any]) -> None:
        """Queue an invoke for every trigger that a record of this COS event matches."""
        try:
            found = records(document)
        except EventError as error:
            self._log(f"not a COS event: {error}")
            return
        for index, record in enumerate(found):
            try:
                upload = parse_record(record, index)
            except EventError as error:
                self._log(f"not a COS event: {error}")
                continue
            for trigger in matching(
                self._project.triggers, upload.bucket, upload.event_name, upload.key
            ):
                function = self._project.functions[trigger.function]
                self._put(_Task(function, {"Records": [record]}, str(uuid.uuid4())))

    def _put(self, task: _Task) -> None:
        size = len(json.dumps(task.event, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if self._stopping:
            self._give_up(task, "the local cloud stops")
        elif size > MAX_ASYNC_EVENT:
            self._give_up(task, f"the event has {size} bytes, {MAX_ASYNC_EVENT} are allowed")
        else:
            try:
                self._queue.put_nowait(task)
            except asyncio.QueueFull:
                self._give_up(task, f"{self._queue.maxsize} invokes wait already")

    async def _work(self) -> None:
        while True:
            task = await self._queue.get()
            self._running[task.request_id] = task
            try:
                await self._run(task)
            # One function's mishap (no process to be had, no disk) must not end the host.
            except OSError as error:
                self._give_up(task, f"its process could not be started: {error}")
            finally:
                self._running.pop(task.request_id, None)

    async def _run(self, task: _Task) -> None:
        invocation = await self.runner.invoke(
            task.function, task.event, request_id=task.request_id, max_event=MAX_ASYNC_EVENT
        )
        self._log(invocation.report())
        if invocation.ok:
            return
        tried = replace(task, tries=task.tries + 1)
        if tried.tries > RETRIES:
            self._give_up(tried, f"it failed {tried.tries} times")
        elif self._stopping:
            self._give_up(tried, "the local cloud stops")
        else:
            self._retry_later(tried)

    def _retry_later(self, task: _Task) -> None:
        self._log(
            f"{task.function.key}: RequestId: {task.request_id} is tried again in "
            f"{self._retry_seconds:g} s (retry {task.tries} of {RETRIES})"
        )

        def again() -> None:
            self._waiting.pop(handle)
            self._put(task)

        handle = asyncio.get_running_loop().call_later(self._retry_seconds, again)
        self._waiting[handle] = task

    def _give_up(self, task: _Task, reason: str) -> None:
        event = json.dumps(without_signature(task.event), ensure_ascii=False)
        self._log(
            f"{task.function.key}: gave up on RequestId: {task.request_id}: {reason}; "
            f"event: {event}"
        )


def appid_of(config: Config) -> str:
    """The account's appid: the end of its buckets' names."""
    return config.buckets[0].rpartition("-")[2]


def without_signature(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without the headers of the upload's request: one of them is its signature."""
    copy: dict[str, Any] = json.loads(json.dumps(event))
    for record in copy.get("Records", ()):
        parameters = record["event"].get("requestParameters")
        if isinstance(parameters, dict):
            parameters.pop("requestHeaders", None)
    return copy

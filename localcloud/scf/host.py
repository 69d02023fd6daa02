"""The functions of a project beside a local cloud: what wakes them, and where it is kept.

Triggers and asynchronous invokes go through the queue of `dispatcher`; synchronous ones (API 3.0,
HTTP) run at once. Every invocation is kept with its log in the data folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.config import OWNER_UIN, Config, client_environment
from localcloud.scf.dead_letters import dead_letter
from localcloud.scf.dispatcher import MAX_QUEUE, RETRY_SECONDS, Dispatcher
from localcloud.scf.environment import CredentialSource
from localcloud.scf.invocation import MAX_ASYNC_EVENT, Invocation
from localcloud.scf.layer import link_layer
from localcloud.scf.runner import IDLE_SECONDS, MAX_WARM, Runner
from localcloud.scf.serverless import Function, Project, load, local_variables
from localcloud.scf.store import FILE_NAME, AsyncEvent, FunctionStore, Logged, Message
from localcloud.scf.timers import Timers, TimerTrigger
from localcloud.scf.topics import TOPIC, cmq_event
from localcloud.scf.triggers import matching
from shared.events import EventError, parse_record, records
from shared.settings import Credentials

MAX_SYNC = 64  # synchronous invocations at one time; SCF's limit is the account's
RESERVED_SETTING = "ReservedMem"  # MB of all instances of a function together
STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_QUEUE_FULL = "the asynchronous queue is full"


def default_instances() -> int:
    """How many events this machine runs at once: they wait for the network more than they work."""
    return max(2, 2 * (os.cpu_count() or 1))


class FunctionHost:
    """Runs what serverless.yml of `project` binds, against the cloud at `endpoint`.

    `log` gets finished lines of text (several, joined by newlines, for an invocation). Raises
    `shared.errors.ConfigError` or `LayerError` when made from a project that cannot be used.
    Without `triggers` functions run only when they are invoked.
    """

    def __init__(
        self,
        project: Path,
        endpoint: str,
        config: Config,
        log: Callable[[str], None],
        *,
        credentials: CredentialSource | None = None,
        clock: Callable[[], float] = time.time,
        retry_seconds: float = RETRY_SECONDS,
        instances: int = 0,
        queue: int = MAX_QUEUE,
        idle_seconds: float = IDLE_SECONDS,
        triggers: bool = True,
    ) -> None:
        self._config = config
        self._log = log
        self._clock = clock
        self.endpoint = endpoint
        variables = local_variables(config.buckets[0], config.region, endpoint)
        self._project = load(project, variables, appid=config.appid)
        if not triggers:
            self._project = self._project.without_triggers()
        self._layer = link_layer(project)
        self._appid = config.appid
        permanent = Credentials(config.secret_id, config.secret_key)
        instances = instances or default_instances()
        self.runner = Runner(
            project,
            self._layer,
            appid=self._appid,
            credentials=credentials or (lambda: permanent),
            route=client_environment(endpoint, config),
            max_warm=max(MAX_WARM, instances),
            idle_seconds=idle_seconds,
        )
        self.store = FunctionStore(config.data / FILE_NAME, sync=config.sync)
        self.events = Dispatcher(
            self.store,
            self._project.functions,
            self._run_event,
            room=lambda key, running: self._room(key, running + self._sync[key]),
            gave_up=self._gave_up,
            log=log,
            clock=clock,
            instances=instances,
            retry_seconds=retry_seconds,
            limit=queue,
        )
        self._timers = Timers(self._project.timers, self._on_timer, clock)
        self._sync: Counter[str] = Counter()
        self._begun: set[asyncio.Task[Invocation]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._stopping = False
        self.deployed = clock()

    @property
    def project(self) -> Project:
        """What serverless.yml says."""
        return self._project

    @property
    def data(self) -> Path:
        """The data folder, where invocations and messages are kept."""
        return self._config.data

    def now(self) -> float:
        """The time by which timers, ages and logs count, in Unix seconds."""
        return self._clock()

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
        for bound in (*self._project.timers, *self._project.topics, *self._project.routes):
            self._log(f"trigger {bound}")
        self.events.start()
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Let what runs finish for a few seconds, then end it. Events are still taken and kept,
        until `close`."""
        self._stopping = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self.events.stop(STOP_SECONDS)
        for task in self._begun:
            task.cancel()
        await asyncio.gather(*self._begun, return_exceptions=True)
        await self.runner.stop()

    def close(self) -> None:
        """Give the files back, when nothing more can come."""
        self.store.close()

    def idle(self) -> bool:
        """Whether nothing is queued, running or waiting to be tried again."""
        return self.events.idle()

    async def invoke(self, function: Function, event: Any) -> Invocation:
        """Run a function and wait for it, as a synchronous caller does.

        Without room it is refused as SCF does, with status code 432. Raises OSError when the
        machine can start no process.
        """
        started = self._clock()
        running = self._sync[function.key] + self.events.at_work(function.key)
        if self._stopping:
            invocation = self.runner.refused(function, "throttled", "the local cloud stops")
        elif not self._room(function.key, running):
            most = f"{self.reserved(function)} MB are reserved for the function"
            invocation = self.runner.refused(function, "throttled", most)
        elif self._sync.total() >= MAX_SYNC:
            most = f"{MAX_SYNC} synchronous invocations run already"
            invocation = self.runner.refused(function, "throttled", most)
        else:
            self._sync[function.key] += 1
            try:
                invocation = await self.runner.invoke(function, event)
            finally:
                self._sync[function.key] -= 1
                self.events.wake()
        self._keep(function, invocation, started)
        return invocation

    def begin(self, function: Function, event: Any) -> asyncio.Task[Invocation]:
        """`invoke` as a task that goes on when its caller no longer waits."""
        task = asyncio.create_task(self.invoke(function, event))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return task

    def accept(self, function: Function, event: Any, source: str = "API") -> str | None:
        """Queue an event; its request id, or None when too many wait."""
        return self.events.accept(function.key, json.dumps(event), source)

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
                self._trigger(trigger.function, {"Records": [record]}, "TRIGGER_COS")

    def reserved(self, function: Function) -> int | None:
        """MB that the function's instances may have together; None: no limit of its own."""
        return self.store.setting(function.key, RESERVED_SETTING)

    def _room(self, key: str, running: int) -> bool:
        function = self._project.functions[key]
        reserved = self.reserved(function)
        return reserved is None or (running + 1) * function.memory <= reserved

    def _trigger(self, key: str, event: Any, source: str) -> None:
        """Queue an event of a trigger; what cannot be kept is given up aloud."""
        payload = json.dumps(event, ensure_ascii=False)
        size = len(payload.encode("utf-8", "surrogatepass"))
        if size > MAX_ASYNC_EVENT and source != "TRIGGER_CMQ":
            reason = f"the event has {size} bytes, {MAX_ASYNC_EVENT} are allowed"
            self.events.refuse(key, payload, source, 406, reason)
        elif self.events.accept(key, payload, source) is None:
            self.events.refuse(key, payload, source, 432, _QUEUE_FULL)

    async def _run_event(self, event: AsyncEvent, payload: str) -> Invocation:
        function = self._project.functions[event.function]
        started = self._clock()
        invocation = await self.runner.invoke(
            function, json.loads(payload), request_id=event.request_id
        )
        self._keep(function, invocation, started, event.tries)
        return invocation

    def _keep(
        self, function: Function, invocation: Invocation, started: float, retry: int = 0
    ) -> None:
        report = invocation.report()
        value = invocation.result if invocation.ok else invocation.error
        self.store.add_invocation(
            Logged(
                id=0,
                request_id=invocation.request_id,
                function=function.key,
                started=started,
                duration=invocation.duration,
                memory=invocation.max_memory * 1024 * 1024,
                code=invocation.status,
                retry=retry,
                result=json.dumps(value, ensure_ascii=False),
                log=report,
            )
        )
        self._log(report)

    def _gave_up(self, event: AsyncEvent, payload: str, code: int, message: str) -> None:
        function = self._project.functions[event.function]
        if function.dead_letter is not None:
            letter = dead_letter(
                event,
                payload,
                function=function,
                code=code,
                message=message,
                now=self._clock(),
                appid=self._appid,
                uin=OWNER_UIN,
            )
            self._publish(letter, event.function)

    def _publish(self, message: Message, sender: str) -> None:
        """Hand a message to the functions that want it; keep it when there is none."""
        takers = [
            trigger
            for trigger in self._project.topics
            # Its own dead letters would come back to it for ever.
            if trigger.wants(message) and trigger.function != sender
        ]
        for trigger in takers:
            self._trigger(trigger.function, cmq_event(message, trigger, self._appid), "TRIGGER_CMQ")
        if not takers or message.type != TOPIC:
            self.store.add_message(message)

    def look(self) -> None:
        """Do what is due by the clock. Called often; tests call it too."""
        self._timers.look()
        self.events.look()

    def _on_timer(self, trigger: TimerTrigger, moment: float) -> None:
        self._trigger(trigger.function, trigger.event(moment), "TRIGGER_TIMER")

    async def _look(self) -> None:
        while True:
            self.look()
            await self.runner.end_idle()
            await asyncio.sleep(_LOOK_SECONDS)

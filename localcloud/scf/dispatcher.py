"""The asynchronous queue: events wait on disk, run when there is room, and are tried again.

What SCF's error table calls a fault of the code (raised, timed out, out of memory, ended) is tried
again `RETRIES` times, `retry_seconds` apart, with the same request id. Without room (the function's
reserved concurrency, or the machine's) an event waits and no try is counted; a fault of this host
is tried again ever more slowly, uncounted too. An event that grows older than its function allows,
or has no try left, is given up.
https://cloud.tencent.com/document/product/583/39851
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from localcloud.scf.dead_letters import loggable
from localcloud.scf.invocation import Invocation
from localcloud.scf.store import ABORTED, FAILED, FINISHED, AsyncEvent, FunctionStore

MAX_QUEUE = 100_000
RETRIES = 2
RETRY_SECONDS = 60.0
MESSAGE_TTL = 21_600  # seconds that an event may wait at most
RETRY_SETTING, TTL_SETTING = "RetryNum", "MsgTTL"
_LOOK_SECONDS = 0.5  # a clock that is moved is noticed after this
_SLOWEST = 300.0  # seconds between two tries after faults of the host
_SPARE = 1000  # entries about events that have ended, before they are removed
EXPIRED = 432  # SCF's status code for what found no room


class Runs(Protocol):
    """Runs one event; raises OSError when the machine cannot."""

    async def __call__(self, event: AsyncEvent, payload: str) -> Invocation: ...


@dataclass
class _Lane:
    """The events of one function: a heap of (due, number, request id)."""

    due: list[tuple[float, int, str]] = field(default_factory=list)


class Dispatcher:
    """Takes events in and has them run.

    `functions` are the keys that exist; `room(key, n)` says whether beside `n` of this queue's one
    more may run; `gave_up(event,
    payload, code, message)` is called, inside of the store's transaction, for what failed for good.
    """

    def __init__(
        self,
        store: FunctionStore,
        functions: Mapping[str, object],
        run: Runs,
        *,
        room: Callable[[str, int], bool],
        gave_up: Callable[[AsyncEvent, str, int, str], None],
        log: Callable[[str], None],
        clock: Callable[[], float],
        instances: int,
        retry_seconds: float = RETRY_SECONDS,
        limit: int = MAX_QUEUE,
    ) -> None:
        self._store = store
        self._run = run
        self._room = room
        self._gave_up = gave_up
        self._log = log
        self._clock = clock
        self._instances = instances
        self._retry_seconds = retry_seconds
        self._limit = limit
        self._lanes = {key: _Lane() for key in functions}
        self._waiting: dict[str, AsyncEvent] = {}
        self._running: dict[str, tuple[AsyncEvent, asyncio.Task[None]]] = {}
        self._ending: list[tuple[float, str]] = []  # heap of (when too old, request id)
        self._at_work: Counter[str] = Counter()
        self._faults: dict[str, int] = {}
        self._aborted: set[str] = set()
        self._number = 0
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take up what an earlier run left, and begin."""
        strangers = 0
        for event in self._store.waiting():
            if event.function in self._lanes:
                self._enqueue(event)
            else:
                strangers += 1
        if strangers:
            self._log(f"{strangers} events wait for functions that serverless.yml has no more")
        self._loop = asyncio.create_task(self._work())

    async def stop(self, seconds: float) -> None:
        """Start nothing more, let what runs finish for `seconds`, then end it. It stays queued."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for event, task in list(self._running.values()):
            if not task.done():
                self._log(
                    f"{event.function}: RequestId: {event.request_id} is ended while it runs: the "
                    "local cloud stops; the event waits for the next start"
                )
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._waiting:
            self._log(f"{len(self._waiting)} asynchronous events wait for the next start")

    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._waiting and not self._running

    def at_work(self, function: str) -> int:
        """How many of a function's events run now."""
        return self._at_work[function]

    def running(self, request_id: str) -> AsyncEvent | None:
        """The event, while it runs."""
        found = self._running.get(request_id)
        return found[0] if found else None

    def accept(self, function: str, payload: str, source: str, request_id: str = "") -> str | None:
        """Keep an event for a function; its request id, None when too many wait."""
        if len(self._waiting) >= self._limit:
            return None
        now = self._clock()
        event = AsyncEvent(request_id or str(uuid.uuid4()), function, source, now, now)
        self._store.add_event(event, payload)
        self._enqueue(event)
        return event.request_id

    def refuse(self, function: str, payload: str, source: str, code: int, message: str) -> None:
        """Give an event up that cannot be kept at all."""
        now = self._clock()
        event = AsyncEvent(str(uuid.uuid4()), function, source, now, now)
        self._store.add_event(event, payload)
        self._give_up(event, code, message)

    def abort(self, request_id: str) -> bool:
        """End an event that waits or runs; whether there was one."""
        if (event := self._waiting.pop(request_id, None)) is not None:
            self._store.end_event(event, ABORTED, 0, self._clock())
            return True
        if (running := self._running.get(request_id)) is not None:
            self._aborted.add(request_id)
            running[1].cancel()
            return True
        return False

    def look(self) -> None:
        """Run what is due, and give up what is too old. Called often; tests call it too."""
        now = self._clock()
        if len(self._ending) > 2 * len(self._waiting) + _SPARE:
            self._ending = [entry for entry in self._ending if entry[1] in self._waiting]
            heapq.heapify(self._ending)
        while self._ending and self._ending[0][0] <= now:
            _, request_id = heapq.heappop(self._ending)
            if (event := self._waiting.get(request_id)) is not None:
                ends = event.accepted + self.ttl(event.function)
                if ends > now:  # it was allowed to grow older meanwhile
                    heapq.heappush(self._ending, (ends, request_id))
                else:
                    self._give_up(event, EXPIRED, "the event is older than it may grow")
        for key in sorted(self._lanes, key=lambda key: self._lanes[key].due[:1] or [(1e18, 0, "")]):
            lane = self._lanes[key].due
            while lane and lane[0][0] <= now and len(self._running) < self._instances:
                if (event := self._waiting.get(lane[0][2])) is None or event.due != lane[0][0]:
                    heapq.heappop(lane)
                    continue
                if not self._room(key, self._at_work[key]):
                    break
                heapq.heappop(lane)
                del self._waiting[event.request_id]
                event = replace(event, started=event.started or now)
                task = asyncio.create_task(self._try(event))
                self._running[event.request_id] = (event, task)
                self._at_work[key] += 1

    def wake(self) -> None:
        """Look again soon: something has changed."""
        self._wake.set()

    def grew(self, function: str) -> None:
        """Take up that a function's events may now grow to another age."""
        ttl = self.ttl(function)
        for event in self._waiting.values():
            if event.function == function:
                heapq.heappush(self._ending, (event.accepted + ttl, event.request_id))
        self._wake.set()

    def retries(self, function: str) -> int:
        """How often a function's event is tried again."""
        kept = self._store.setting(function, RETRY_SETTING)
        return RETRIES if kept is None else kept

    def ttl(self, function: str) -> int:
        """How many seconds a function's event may wait."""
        return self._store.setting(function, TTL_SETTING) or MESSAGE_TTL

    def _enqueue(self, event: AsyncEvent) -> None:
        self._number += 1
        self._waiting[event.request_id] = event
        heapq.heappush(self._lanes[event.function].due, (event.due, self._number, event.request_id))
        ends = event.accepted + self.ttl(event.function)
        heapq.heappush(self._ending, (ends, event.request_id))
        self._wake.set()

    async def _work(self) -> None:
        while True:
            try:
                self.look()
            except sqlite3.Error as error:
                self._log(f"the data folder cannot be used: {error}; events wait")
            self._wake.clear()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _try(self, event: AsyncEvent) -> None:
        try:
            payload = self._store.payload(event.request_id)
            self._finish(event, await self._run(event, payload))
        # No process to be had: nothing that the function did.
        except OSError as error:
            self._host_fault(event, f"its process could not be started: {error}")
        except asyncio.CancelledError:
            if event.request_id not in self._aborted:
                raise
            self._aborted.discard(event.request_id)
            self._store.end_event(event, ABORTED, 0, self._clock())
        # Its end could not be noted, so it has not ended.
        except sqlite3.Error as error:
            self._host_fault(event, f"the data folder cannot be used: {error}")
        finally:
            del self._running[event.request_id]
            self._at_work[event.function] -= 1
            self._wake.set()

    def _finish(self, event: AsyncEvent, invocation: Invocation) -> None:
        self._faults.pop(event.request_id, None)
        if invocation.error is None:
            self._store.end_event(event, FINISHED, 200, self._clock())
            return
        event = replace(event, tries=event.tries + 1)
        retries = self.retries(event.function)
        if event.tries > retries:
            times = f"{event.tries} times" if event.tries > 1 else "and is not tried again"
            self._give_up(
                event, invocation.status, f"it failed {times}", invocation.error_text, running=True
            )
        else:
            self._later(event, self._retry_seconds, f"retry {event.tries} of {retries}")

    def _host_fault(self, event: AsyncEvent, reason: str) -> None:
        times = self._faults[event.request_id] = self._faults.get(event.request_id, 0) + 1
        self._log(f"{event.function}: RequestId: {event.request_id}: {reason}")
        seconds = min(self._retry_seconds * 2 ** (times - 1) / 60, _SLOWEST)
        self._later(event, seconds, "which is not counted")

    def _later(self, event: AsyncEvent, seconds: float, which: str) -> None:
        event = replace(event, due=self._clock() + seconds)
        with contextlib.suppress(sqlite3.Error):  # after a restart it is merely due at once
            self._store.postpone(event)
        self._log(
            f"{event.function}: RequestId: {event.request_id} is tried again in {seconds:g} s "
            f"({which})"
        )
        self._enqueue(event)

    def _give_up(
        self, event: AsyncEvent, code: int, reason: str, message: str = "", *, running: bool = False
    ) -> None:
        payload = self._store.payload(event.request_id)
        with self._store.transaction():
            self._store.end_event(event, FAILED, code, self._clock())
            self._gave_up(event, payload, code, message or reason)
        if not running:
            self._waiting.pop(event.request_id, None)
        self._log(
            f"{event.function}: gave up on RequestId: {event.request_id}: {reason}; "
            f"event: {loggable(payload)}"
        )

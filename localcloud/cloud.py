"""The running local cloud: what every operation handler is handed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from localcloud.ci.cache import Results
from localcloud.ci.proxies import Proxies
from localcloud.ci.rate import Rate
from localcloud.config import Config
from localcloud.errors import ServiceError
from localcloud.faults.engine import Faults
from localcloud.identity.credentials import CredentialStore
from localcloud.limits import MAX_IMAGE_QUEUE, PROXIES, RESULTS
from localcloud.locks import KeyLocks
from localcloud.storage import Storage

if TYPE_CHECKING:
    from localcloud.ci.audit.service import Audits
    from localcloud.ci.batch.engine import Engine
    from localcloud.scf import FunctionHost

_T = TypeVar("_T")
JOBS_FILE = "jobs.sqlite3"
Subscriber = Callable[[dict[str, Any]], None]


class Cloud:
    """State that requests share. Lives on one event loop; only `run` leaves its thread."""

    def __init__(self, config: Config, storage: Storage) -> None:
        self.config = config
        self.storage = storage
        self.credentials = CredentialStore(config)
        # What lifecycle rules, locks and restored copies count by; may be set.
        self.clock: Callable[[], float] = time.time
        self.locks = KeyLocks()
        self.pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="image")
        self.faults = Faults()
        self.results = Results(RESULTS if config.cache else 0)
        self.proxies = Proxies(config.data / "proxies", PROXIES if config.cache else 0)
        self.ci_rate = Rate(config.ci_rate)
        self._jobs: Engine | None = None
        self.audits: Audits | None = None  # opened by the first audit
        self._endings: list[Callable[[], Awaitable[None]]] = []
        self.functions: FunctionHost | None = None  # of serverless.yml, if they are played
        self._waiting = 0
        self._subscribers: list[Subscriber] = []

    @property
    def jobs(self) -> Engine:
        """The asynchronous jobs of CI; loaded and started when first asked for."""
        if self._jobs is None:
            from localcloud.ci.batch.engine import Engine

            self._jobs = Engine(self)
            self._jobs.start()
        return self._jobs

    def resume_jobs(self) -> None:
        """Take up the jobs that an earlier run left open, if it had any."""
        if (self.config.data / JOBS_FILE).exists():
            _ = self.jobs

    def forget_jobs(self, bucket: str) -> None:
        """Drop the jobs of a bucket that has been deleted."""
        if self._jobs is not None:
            self._jobs.forget(bucket)

    async def stop_jobs(self) -> None:
        """End the jobs' work; the next start goes on with it."""
        if self._jobs is not None:
            await self._jobs.stop()
            self._jobs = None

    def subscribe(self, callback: Subscriber) -> None:
        """Have `callback` called with each COS event, after the change is durable."""
        self._subscribers.append(callback)

    @property
    def observed(self) -> bool:
        """Whether anybody wants to know of changes."""
        return bool(self._subscribers)

    def emit(self, document: dict[str, Any]) -> None:
        """Tell the subscribers of a change, unless a fault has it otherwise."""
        self.faults.deliver(document, self._tell)

    def _tell(self, document: dict[str, Any]) -> None:
        for callback in self._subscribers:
            callback(document)

    def when_closed(self, ending: Callable[[], Awaitable[None]]) -> None:
        """Have `ending` called when the cloud stops, while its storage is still there."""
        self._endings.append(ending)

    async def close(self) -> None:
        """Stop what works in the background."""
        while self._endings:
            await self._endings.pop()()

    async def run(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run CPU-bound work on a worker thread. Raises SlowDown when too much of it waits."""
        if self._waiting >= MAX_IMAGE_QUEUE:
            raise ServiceError("SlowDown", f"{MAX_IMAGE_QUEUE} image jobs are waiting: try later")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.pool, function, *arguments)
        finally:
            self._waiting -= 1

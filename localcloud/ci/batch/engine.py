"""Carries jobs out in the background, and goes on where it was after a restart.

A batch reads its input page by page and makes a picture job of each object; a page's jobs and how
far it has come are written at once, so that a process that is killed makes none twice. The jobs run
a few at a time. One that ran when the process ended runs again, to the same output.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import lru_cache
from typing import Any

from localcloud.ci import own_functions, queues
from localcloud.ci.batch import callbacks, pictures, scan
from localcloud.ci.batch.order import Order
from localcloud.ci.batch.table import PICTURE, Job, JobTable, cursor_of, new_id
from localcloud.ci.job_errors import refusal
from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.limits import MAX_BATCH_WAITING, MAX_JOBS, MAX_QUEUE

_log = logging.getLogger("localcloud")
_BETWEEN_TRIES = 1.0
_MAX_REFUSED = 1000
_FAILED = "the local cloud failed; its log says where"


class Engine:
    """The jobs of a running cloud. Lives on its event loop; `start` before anything else."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.table = JobTable(cloud.config.data, sync=cloud.config.sync)
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._workers = os.cpu_count() or 2
        self._running: set[str] = set()
        self._refused: set[str] = set()
        self._main: asyncio.Task[None] | None = None
        self._order = lru_cache(maxsize=64)(self._order_of)

    @property
    def at_work(self) -> frozenset[str]:
        """The ids of the jobs that are being carried out now."""
        return frozenset(self._tasks)

    def start(self) -> None:
        """Take up what is open."""
        self.table.recover()
        self._main = asyncio.get_running_loop().create_task(
            self._cloud.storage.serving(self._run())
        )

    async def stop(self) -> None:
        """End at once; what runs is taken up by the next start."""
        tasks = [task for task in (self._main, *self._tasks.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.table.close()

    def submit(self, job: Job) -> None:
        """Raises `ServiceError` SlowDown when the job's queue is full."""
        if self.table.waiting(job.bucket, job.queue) >= MAX_QUEUE:
            raise refusal("SlowDown", f"{MAX_QUEUE} jobs wait in the queue: try later")
        self.table.trim(MAX_JOBS)
        self.table.add(job)
        self._wake.set()

    def cancel(self, job: Job) -> None:
        """End a job that has not begun, or a batch with those of its jobs that have not."""
        now = time.time()
        self.table.set(job.id, state="Cancel", ended=now, callbacks=0)
        self.table.cancel_children(job.id, now)
        self._wake.set()

    def pause(self, bucket: str, queue: str, *, paused: bool) -> None:
        """Hold a queue, or let it go on."""
        self.table.pause(bucket, queue, paused=paused)
        self._wake.set()

    def forget(self, bucket: str) -> None:
        """Remove the jobs of a bucket that is gone."""
        self.table.forget(bucket)
        self._wake.set()

    def order(self, job: Job) -> Order:
        """What the job was asked to do; a batch says it for all of its jobs."""
        return self._order(job.parent or job.id)

    def _order_of(self, job_id: str) -> Order:
        found = self.table.find(job_id)
        if found is None:
            raise refusal("ResourceNotFound", f"the batch job {job_id} is gone")
        return Order.load(found.document)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                self._advance()
            except Exception:  # noqa: BLE001 - a full disk now may have room at the next turn
                _log.exception("the jobs cannot go on")
                await asyncio.sleep(_BETWEEN_TRIES)
                continue
            await self._wake.wait()

    def _advance(self) -> None:
        """Begin what can begin, end what has ended."""
        while len(self._running) < self._workers and (job := self.table.next()) is not None:
            self.table.set(job.id, state="Running", started=time.time())
            self._running.add(job.id)
            self._begin(job.id, self._work(job))
        for batch in self.table.open_batches():
            if cursor_of(batch).get("end"):
                self._finish(batch)
            elif batch.id not in self._tasks:
                # Now, not in the task: it may be cancelled before that gets its turn.
                self.table.set(batch.id, state="Running", started=batch.started or time.time())
                self._begin(batch.id, self._scan(batch))
        if "callbacks" not in self._tasks and self.table.to_tell() is not None:
            self._begin("callbacks", self._tell())

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        async def served() -> None:
            await self._cloud.storage.serving(work)

        task = asyncio.get_running_loop().create_task(served())
        self._tasks[name] = task

        def done(_: object) -> None:
            self._tasks.pop(name, None)
            self._running.discard(name)
            self._wake.set()

        task.add_done_callback(done)

    async def _work(self, job: Job) -> None:
        state, code, message, result = "Success", "Success", "", ""
        try:
            result = await self._result(job)
        except ServiceError as error:
            state, code, message = "Failed", error.code, error.message
        except Exception:  # noqa: BLE001 - one picture must not stop the others
            _log.exception("the job %s failed at %r", job.id, job.object)
            state, code, message = "Failed", "InternalError", _FAILED
        ended = time.time()
        while True:
            try:
                self.table.set(
                    job.id, state=state, code=code, message=message, result=result, ended=ended
                )
            except sqlite3.OperationalError as error:  # a full disk: it may have room soon
                _log.error("the end of the job %s cannot be kept: %s", job.id, error)
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                return

    async def _result(self, job: Job) -> str:
        while True:
            try:
                return await pictures.run(self._cloud, job, self.order(job))
            except ServiceError as error:
                # Too many requests are at work beside: nothing is wrong with this job.
                if error.code != "SlowDown":
                    raise
            await asyncio.sleep(_BETWEEN_TRIES)

    async def _scan(self, batch: Job) -> None:
        try:
            await self._make_jobs(batch)
        except ServiceError as error:
            self._fail(batch, error.code, error.message)
        except Exception:  # noqa: BLE001 - as for a picture
            _log.exception("the batch %s failed", batch.id)
            self._fail(batch, "InternalError", _FAILED)

    async def _make_jobs(self, batch: Job) -> None:
        source = scan.Source(**json.loads(batch.document)["source"])
        callbacks_left = callbacks.TRIES if self.order(batch).url else 0
        cursor = cursor_of(batch)
        async for page in scan.pages(self._cloud, batch.bucket, source, cursor):
            if not await self._has_room(batch):
                return
            now, cursor = time.time(), page.cursor
            state = self._state(batch)
            children = []
            for key, error in page.keys:
                job = Job(
                    id=new_id(PICTURE), kind=PICTURE, bucket=batch.bucket, tag=batch.tag,
                    queue=batch.queue, state=state, created=now, level=batch.level,
                    parent=batch.id, object=key, callbacks=callbacks_left,
                )  # fmt: skip
                children.append(job if error is None else _failed(job, error, now))
            self.table.add_children(batch.id, children, json.dumps(cursor))
            self._wake.set()
        self.table.set(batch.id, cursor=json.dumps({**cursor, "end": True}))

    async def _has_room(self, batch: Job) -> bool:
        """Wait until more jobs may be made; False when the batch no longer runs."""
        while True:
            found = self.table.find(batch.id)
            if found is None or found.state != "Running":
                return False
            if self.table.waiting_of(batch.id) < MAX_BATCH_WAITING:
                return True
            await asyncio.sleep(0.05)

    def _state(self, batch: Job) -> str:
        paused = queues.of(self._cloud, batch.bucket, queues.PICTURES).paused
        return "Pause" if paused else "Submitted"

    def _finish(self, batch: Job) -> None:
        """End a batch once each of its jobs has ended."""
        if not self.table.is_open(batch.id):
            message = _counted(self.table.counts(batch.id))
            self.table.set(batch.id, state="Success", message=message, ended=time.time())

    def _fail(self, batch: Job, code: str, message: str) -> None:
        now, found = time.time(), self.table.find(batch.id)
        if found is None or found.state != "Running":
            return
        self.table.set(batch.id, state="Failed", code=code, message=message, ended=now)
        self.table.cancel_children(batch.id, now)

    async def _tell(self) -> None:
        """Send the callbacks that are due, one after the other."""
        origins = self._cloud.config.callbacks
        while (job := self.table.to_tell()) is not None:
            try:
                order = self.order(job)
            except ServiceError:  # its batch is forgotten
                self.table.set(job.id, callbacks=0)
                continue
            own = own_functions.address(self._cloud, order.url)
            if not own and not callbacks.may_go(order.url, origins):
                self._refuse(order.url)
                left = 0
            else:
                document = pictures.callback(self._cloud, job, order)
                told = await asyncio.to_thread(callbacks.post, own or order.url, document)
                left = 0 if told else job.callbacks - 1
            self.table.set(job.id, callbacks=left)
            if left:
                await asyncio.sleep(_BETWEEN_TRIES)

    def _refuse(self, url: str) -> None:
        """Say, once for each address, that nothing is sent there."""
        if url in self._refused:
            return
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.clear()
        self._refused.add(url)
        _log.warning(
            "the end of jobs is not told to %s: the local cloud opens no network, it calls only "
            "its own functions and origins of `serve --callback`",
            own_functions.shown(url),
        )


def _failed(job: Job, error: ServiceError, now: float) -> Job:
    return replace(job, state="Failed", code=error.code, message=error.message, ended=now)


def _counted(counts: dict[str, int]) -> str:
    """How a batch went, for its Message: the manual has no element for it."""
    told = [f"{state}={counts[state]}" for state in ("Success", "Failed") if counts.get(state)]
    return " ".join((f"Total={sum(counts.values())}", *told))

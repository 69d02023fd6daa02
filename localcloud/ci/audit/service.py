"""The running audits of a cloud: taken, judged one after the other, acted on, told, remembered."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from localcloud.ci.audit import callback, contents, freeze, judging, shapes
from localcloud.ci.audit.errors import (
    INTERNAL,
    NO_POLICY,
    NOT_ELIGIBLE,
    AuditError,
    to_service,
)
from localcloud.ci.audit.judging import Outcome, Task
from localcloud.ci.audit.kinds import LIVE, VIDEO, Kind
from localcloud.ci.audit.policy import AuditPolicy, Facts, Strategy
from localcloud.ci.audit.policy_file import load
from localcloud.ci.audit.requests import Conf, Input
from localcloud.ci.audit.store import (
    AUDITING,
    FAILED,
    SNAPSHOTING,
    SUCCESS,
    Job,
    Store,
    new_id,
)
from localcloud.ci.errors import job_refusal
from localcloud.cloud import Cloud
from localcloud.detectors import open_judge
from localcloud.detectors.judge import Judge
from localcloud.detectors.judgement import Judgement
from localcloud.limits import MAX_AUDIT_CONTENT, MAX_AUDIT_QUEUE
from localcloud.storage import StorageUnavailable

_log = logging.getLogger("localcloud")
_AT_ONCE = 4  # audits, and callbacks, of one cloud
_MAX_LIVE = 10  # the service's own limit of streams
_META = "x-cos-meta-"
_NO_LIVE = "no local engine: the local cloud opens no network, and judges no live stream"


def of(cloud: Cloud) -> Audits:
    """The audits of `cloud`; the first use opens what it needs."""
    if cloud.audits is None:
        cloud.audits = Audits(cloud)
        cloud.when_closed(cloud.audits.close)
    return cloud.audits


class Audits:
    """Lives on the cloud's event loop."""

    def __init__(self, cloud: Cloud) -> None:
        """Raises ConfigError for a policy file that is wrong, DataFolderError for the store's."""
        path = cloud.config.audit_policy
        self.policy = load(path) if path else AuditPolicy()
        self.store = Store(cloud.config.data)
        self._cloud = cloud
        self._engines: Judge | None = None
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._calls = asyncio.Semaphore(_AT_ONCE)
        self._waiting: dict[str, Job] = {}
        # Audits that are answered at once, and what the requests of all audits brought along.
        self._at_once = self._content = 0
        self._cancelled: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop; what is unfinished goes on when the cloud starts again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._engines is not None:
            await self._engines.close()
        self.store.close()

    def resume(self) -> None:
        """Take up what an earlier process left."""
        for job in self.store.unfinished():
            self._start(self._tell(job) if job.is_done else self._run(job), job)

    def check(self, kind: Kind, conf: Conf) -> None:
        """Raises ServiceError for a BizType that does not exist, and for no scene at all."""
        strategy = self.policy.strategy(conf.biz_type)
        if strategy is None:
            raise to_service(
                AuditError(
                    NO_POLICY,
                    f"the BizType {conf.biz_type[:100]!r} does not exist: the local cloud knows "
                    "those of its policy file (serve --audit-policy)",
                )
            )
        try:
            judging.scenes_of(conf, strategy, kind)
        except AuditError as error:
            raise to_service(error) from None

    @contextmanager
    def room(self, inputs: Collection[Input]) -> Iterator[None]:
        """Room for audits that are answered at once. Raises ServiceError SlowDown."""
        size = self.check_room(inputs)
        self._at_once += len(inputs)
        self._content += size
        try:
            yield
        finally:
            self._at_once -= len(inputs)
            self._content -= size

    def check_room(self, inputs: Collection[Input]) -> int:
        """The bytes that they bring along. Raises ServiceError SlowDown."""
        if len(self._waiting) + self._at_once + len(inputs) > MAX_AUDIT_QUEUE:
            raise job_refusal(1020, f"{MAX_AUDIT_QUEUE} audits are waiting: try later")
        size = sum(len(wanted.content) for wanted in inputs)
        if size and self._content + size > MAX_AUDIT_CONTENT:
            raise job_refusal(
                1020, f"audits of {MAX_AUDIT_CONTENT} bytes in requests are waiting: try later"
            )
        return size

    def submit(self, kind: Kind, bucket: str, wanted: Input, conf: Conf) -> Job:
        """Take a job. Raises ServiceError SlowDown when too many wait."""
        self.check_room([wanted])
        if kind is LIVE and sum(job.kind is LIVE for job in self._waiting.values()) >= _MAX_LIVE:
            raise job_refusal(1020, f"{_MAX_LIVE} live streams are audited, the most allowed")
        job = self._new(kind, bucket, wanted, conf)
        self.store.forget(job.created)
        self.store.put(job)
        self._start(self._run(job), job)
        return job

    async def judge_now(self, kind: Kind, bucket: str, wanted: Input, conf: Conf) -> Job:
        """A job from its beginning to its end; callbacks are for those that wait."""
        job = self._new(kind, bucket, wanted, conf)
        async with self._slots:
            await self._judge(job)
        self.store.forget(job.created)
        self.store.put(job)
        return job

    async def judge(self, task: Task) -> Outcome:
        """What is found in a content that is no job of CI. Raises AuditError, and ServiceError
        SlowDown when too many wait."""
        with self.room([task.wanted]):
            async with self._slots:
                return await judging.judge(
                    self._cloud.storage.scratch, self._open_engines(), self.policy, task
                )

    def cancel(self, job: Job) -> None:
        """End a live stream's audit."""
        if job.id in self._waiting:
            self._cancelled.setdefault(job.id, asyncio.Event()).set()

    def _new(self, kind: Kind, bucket: str, wanted: Input, conf: Conf) -> Job:
        region = self._cloud.storage.bucket(bucket).region
        return Job(new_id(kind), bucket, region, kind, wanted, conf, self._cloud.clock())

    def _start(self, work: Coroutine[Any, Any, None], job: Job) -> None:
        self._waiting[job.id] = job
        size = len(job.wanted.content)
        self._content += size
        task = asyncio.create_task(self._serve(work, job), name=f"audit {job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._forget(job, size))

    async def _serve(self, work: Coroutine[Any, Any, None], job: Job) -> None:
        try:
            await self._cloud.storage.serving(work)
        except (StorageUnavailable, OSError, sqlite3.Error) as error:
            # It is still open in the store, so the next start takes it up.
            _log.error("the audit %s stays open: %s", job.id, error)

    def _forget(self, job: Job, size: int) -> None:
        self._content -= size
        self._waiting.pop(job.id, None)
        self._cancelled.pop(job.id, None)

    async def _run(self, job: Job) -> None:
        await asyncio.sleep(self.policy.submitted)
        if job.kind is LIVE:
            # A stream lasts: it must keep no other audit waiting.
            await self._judge(job)
        else:
            async with self._slots:
                await self._judge(job)
        job.callback = "pending" if job.conf.callback else ""
        self.store.put(job)
        await self._tell(job)

    async def _tell(self, job: Job) -> None:
        if not job.callback:
            return
        async with self._calls:
            job.callback = "delivered" if await callback.deliver(self._cloud, job) else "failed"
        self.store.put(job)

    async def _judge(self, job: Job) -> None:
        try:
            if job.kind is LIVE:
                outcome = await self._watch(job)
            else:
                outcome = await self._look(job)
            job.detail = shapes.result(job.kind, outcome, callback_html=job.conf.highlight)
            job.state = SUCCESS
        except AuditError as error:
            job.state, job.code, job.message = FAILED, error.code, error.message
        except (StorageUnavailable, OSError, sqlite3.Error) as error:
            # What is known of it may be wrong by now: whoever asked has to ask again.
            _log.error("the audit %s failed: %s", job.id, error)
            job.state, job.code = FAILED, INTERNAL
            job.message = "the storage could not be used: submit it again"
        # A fault of this program: logged whole; the job must not hang, nor pass for judged.
        except Exception:  # noqa: BLE001
            _log.exception("the audit %s failed", job.id)
            job.state, job.code = FAILED, INTERNAL
            job.message = "the local cloud failed; its log says where"
        job.finish()

    async def _look(self, job: Job) -> Outcome:
        content = contents.find(self._cloud, job.bucket, job.wanted, job.kind)
        if content.stored is not None:
            job.headers = {
                name: value
                for name, value in content.stored.headers.items()
                if name.lower().startswith(_META)
            }
        if job.kind is VIDEO:
            await self._stay(job, SNAPSHOTING)
        await self._stay(job, AUDITING)
        contents.fetch(self._cloud, content)
        task = Task(job.kind, job.bucket, job.wanted, job.conf, content)
        outcome = await judging.judge(
            self._cloud.storage.scratch, self._open_engines(), self.policy, task
        )
        if content.stored is not None and job.wanted.object and job.conf.freeze:
            found = shapes.scores(outcome)
            job.forbid = freeze.apply(
                self._cloud, content.stored, job.conf.freeze, found, job_id=job.id
            )
        return outcome

    async def _watch(self, job: Job) -> Outcome:
        """A live stream lasts until it is cancelled; only the policy file can judge one."""
        facts = Facts(LIVE.name, job.bucket, "", job.wanted.url, "", {}, lambda: "")
        rule = self.policy.rule(facts)
        if rule is None or rule.fails:
            raise AuditError(rule.fails if rule else NOT_ELIGIBLE, "" if rule else _NO_LIVE)
        await self._stay(job, AUDITING)
        await self._cancelled.setdefault(job.id, asyncio.Event()).wait()
        strategy = self.policy.strategy(job.conf.biz_type) or Strategy()
        scenes = judging.scenes_of(job.conf, strategy, LIVE)
        found = {scene: one for scene in scenes if (one := rule.finding(scene))}
        return Outcome((judging.with_decided(Judgement((), kind="video"), found, scenes),))

    async def _stay(self, job: Job, state: str) -> None:
        if job.id not in self._waiting:
            return  # answered at once: nobody can ask in between
        job.state = state
        self.store.put(job)
        await asyncio.sleep(self.policy.auditing)

    def _open_engines(self) -> Judge | None:
        if self.policy.engines and self._engines is None:
            self._engines = open_judge()
        return self._engines

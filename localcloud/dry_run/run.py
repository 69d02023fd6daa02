"""Runs the functions that an upload wakes, as SCF would, with the recorder in the cloud's place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.config import Config, client_environment
from localcloud.dry_run.recorder import Exchange, Recorder
from localcloud.scf.invocation import Invocation
from localcloud.scf.layer import Layer
from localcloud.scf.runner import Runner
from localcloud.scf.serverless import Project
from localcloud.scf.triggers import CosTrigger, matching
from shared.events import Upload, parse_record
from shared.outcomes import FAILED, REJECTED
from shared.pipelines import Pipelines, waits_for
from shared.settings import Credentials

_ASSUMED = 100_000  # bytes of an upload whose size nobody told
MAX_WOKEN = 20  # functions that one upload wakes: more means that they wake each other


@dataclass(frozen=True)
class Considered:
    """A pipeline, and why it does not want the upload; `refusal` is empty if it does. `gates` are
    the audits that it waits for."""

    name: str
    function: str
    refusal: str
    gates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Woken:
    """A function that the upload wakes, and what it did.

    `trigger` says through which trigger; it is empty where the function `invoker` woke it.
    """

    function: str
    trigger: str
    invoker: str
    requests: tuple[Exchange, ...]
    invocation: Invocation

    @property
    def problems(self) -> list[str]:
        """A sentence for each thing that would end badly."""
        if error := self.invocation.error:
            # The last line of a stack trace is the exception itself.
            trace = str(error.get("stackTrace", "")).strip().splitlines()
            return [": ".join([self.function, error["errorMessage"], *trace[-1:]])]
        found = []
        for entry in _outcomes(self.invocation.result):
            if entry.get("outcome") in (FAILED, REJECTED):
                said = entry.get("error") or {}
                found.append(
                    f"{self.function}: {entry['outcome']}: {said.get('code')}: "
                    f"{said.get('message')}; {said.get('advice')}"
                )
        return found


@dataclass(frozen=True)
class DryRun:
    """One upload. `woken` is empty when no trigger of serverless.yml wants it."""

    upload: Upload
    pipelines: tuple[Considered, ...]
    woken: tuple[Woken, ...]


async def dry_run(
    project: Project,
    pipelines: Pipelines,
    layer: Layer,
    records: list[object],
    *,
    etag: str,
    content: bytes = b"",
) -> list[DryRun]:
    """Every record of an event, one after the other, as COS would deliver them.

    `etag` is that of the uploads, `content` what they hold, as far as it is known. Raises
    `EventError` for a record that is none.
    """
    uploads = [parse_record(record, index) for index, record in enumerate(records)]
    runs = []
    for upload, record in zip(uploads, records, strict=True):
        triggers = matching(project.triggers, upload.bucket, upload.event_name, upload.key)
        woken: list[Woken] = []
        for trigger in triggers:
            woken += await _Scene(project, layer, upload, etag, content).wake(trigger, record)
        runs.append(DryRun(upload, tuple(_considered(pipelines, upload)), tuple(woken)))
    return runs


def _considered(pipelines: Pipelines, upload: Upload) -> Iterator[Considered]:
    gates = waits_for(pipelines.match(upload), ())
    for pipeline in pipelines.entries:
        refusal = pipeline.when.refusal(upload)
        if not upload.created:
            refusal = f"{upload.event_name} is no upload"
        held = gates if not refusal and pipeline.audit is None else []
        yield Considered(pipeline.name, pipeline.function, refusal, tuple(held))


@dataclass(frozen=True)
class _Scene:
    """One upload, and the functions that are there for it."""

    project: Project
    layer: Layer
    upload: Upload
    etag: str
    content: bytes

    async def wake(self, trigger: CosTrigger, record: object) -> list[Woken]:
        """The function of a trigger, and those that it invokes in turn."""
        keys = {function.name: key for key, function in self.project.functions.items()}
        waiting = [(trigger.function, str(trigger), "", {"Records": [record]})]
        woken: list[Woken] = []
        while waiting and len(woken) < MAX_WOKEN:
            key, through, invoker, event = waiting.pop(0)
            recorder = Recorder(
                self.etag,
                _ASSUMED if self.upload.size is None else self.upload.size,
                self.content,
                self.upload.key,
                frozenset(keys),
            )
            invocation = await self._invoke(key, event, recorder)
            woken.append(Woken(key, through, invoker, tuple(recorder.seen), invocation))
            waiting += [(keys[found.function], "", key, found.event) for found in recorder.invoked]
        return woken

    async def _invoke(self, key: str, event: Any, recorder: Recorder) -> Invocation:
        config = Config(buckets=(self.upload.bucket,), region=self.upload.region)
        runner = Runner(
            self.project.root,
            self.layer,
            appid=config.appid,
            credentials=lambda: Credentials("AKIDdryrun", "dry-run"),
            route=client_environment(await recorder.start(), config),
        )
        try:
            return await runner.invoke(self.project.functions[key], event)
        finally:
            await runner.stop()
            await recorder.stop()


def _outcomes(result: Any) -> list[dict[str, Any]]:
    found = result.get("outcomes", []) if isinstance(result, dict) else []
    return [entry for entry in found if isinstance(entry, dict)]

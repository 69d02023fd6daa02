"""One page of objects as CI's batch jobs: submitted, followed, and their results written down.

A batch makes pictures and nothing else. The records and tags, which make the result the same as the
function's, are written from what the picture jobs tell; an object whose job failed is left to the
function, which finds out why and records it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from backfill_look import Look

from shared import records
from shared.backfills import Place, Plan
from shared.batches import OPEN, BatchCos, PictureJob
from shared.errors import CloudError
from shared.events import Upload
from shared.outcomes import DONE, Call, Outcome, OutputResult
from shared.pipelines import Pipeline
from shared.variants import plan as plan_variants

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between two looks at a batch
# By pipeline and output: the id of the batch job.
Jobs = dict[str, dict[str, str]]


class Batches:
    """The batch jobs of one run. `operations` are those of the pipelines that fit, by name."""

    def __init__(
        self,
        cos: BatchCos,
        plan: Plan,
        place: Place,
        operations: Mapping[str, Mapping[str, Mapping[str, Any]]],
        invocation: str,
    ) -> None:
        self._cos = cos
        self._plan = plan
        self._place = place
        self._operations = operations
        self._invocation = invocation

    def submit(self, wanted: Mapping[str, list[Upload]], page: str) -> Jobs:
        """A batch for each output of each pipeline. `page` names the run and the page: what was
        submitted for it before is found again."""
        jobs: Jobs = {}
        for number, (pipeline, uploads) in enumerate(sorted(wanted.items())):
            urls = f"{self._place.urls}-{number}"
            lines = "".join(f"{_address(upload)}\n" for upload in uploads)
            self._cos.put_object(self._place.bucket, urls, lines.encode(), "text/plain")
            if self._place.bucket != self._plan.bucket:
                region = uploads[0].region
                urls = f"http://{self._place.bucket}.cos.{region}.myqcloud.com/{urls}"
            jobs[pipeline] = {
                output: self._cos.ensure_batch(
                    self._plan.bucket, self._name(page, pipeline, output), operation, urls
                )
                for output, operation in self._operations[pipeline].items()
            }
        return jobs

    def _name(self, *parts: str) -> str:
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._plan.name}-{digest[:24]}"

    def follow(self, jobs: Jobs, stop: Callable[[], bool]) -> bool | str:
        """Wait until all have ended: True, False if told to `stop`, or why one was not done."""
        waiting = [job for outputs in jobs.values() for job in outputs.values()]
        pause = _FIRST_PAUSE
        trouble = ""
        while waiting:
            state, said = self._cos.batch_state(self._plan.bucket, waiting[0])
            if state in OPEN:
                if stop():
                    return False
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
                continue
            if state != "Success":
                trouble = trouble or f"the batch job {waiting[0]} is {state}: {said}"
            waiting.pop(0)
        return trouble or True

    def cancel(self, jobs: Jobs) -> None:
        """End what has not begun."""
        for outputs in jobs.values():
            for job in outputs.values():
                self._cos.cancel_batch(self._plan.bucket, job)

    def results(self, jobs: Mapping[str, str]) -> dict[str, dict[str, PictureJob]]:
        """What the batches of one pipeline made: by key and output."""
        found: dict[str, dict[str, PictureJob]] = {}
        for output, batch in jobs.items():
            for job in self._cos.picture_jobs(self._plan.bucket, batch):
                found.setdefault(job.source, {})[output] = job
        return found

    def record(self, look: Look, pipeline: Pipeline, made: Mapping[str, PictureJob]) -> bool:
        """Write the record and the tags of one object; False if the batches did not make all of
        its outputs from this very object, under the names that they should have."""
        upload = look.upload
        if upload is None:
            return False
        results, original = [], None
        for variant in plan_variants(pipeline, upload, look.found.etag):
            job = made.get(variant.name)
            if job is None or job.made is None or job.made.key != variant.key:
                return False
            if look.found.etag and job.original.etag != look.found.etag:
                return False  # replaced since: its own event, or the function, sees to it
            original = original or job.original
            results.append(
                OutputResult(variant.name, variant.bucket, variant.key, variant.rule, job.made)
            )
        calls = tuple(Call(job.id, 1, 0) for job in made.values())
        outcome = Outcome(DONE, tuple(results), original, calls, reason="by batch jobs of CI")
        if pipeline.tags:
            records.tag(self._cos, upload, pipeline, outcome)
        content = records.document(
            upload, pipeline, outcome, etag=look.found.etag, started=time.time(), seconds=0.0,
            invocation=self._invocation, attempt=1,
        )  # fmt: skip
        key = records.record_key(pipeline, upload, look.found.etag)
        records.write(self._cos, upload, key, content)
        return True


def _address(upload: Upload) -> str:
    host = f"{upload.bucket}.cos.{upload.region}.myqcloud.com"
    return f"http://{host}/{quote(upload.key, safe='/-_.~', errors='replace')}"


def trouble(message: str) -> CloudError:
    """A batch job that did not come to its end."""
    return CloudError("BatchFailed", message, status=400)

"""One invocation's share of a backfill: page after page, until the end, the deadline or a wish to
end. Everything that must outlive it is in the cursor."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os.path import commonprefix
from typing import Any

import backfill_costs
from backfill_batch import Batches, trouble
from backfill_look import WANTED, Look, Looker
from backfill_objects import Found, Page, pages
from backfill_prepare import prepare

from shared import events
from shared.backfills import CANCELLED, DONE, FAILED, REFUSED, Place, Plan
from shared.batches import BatchCos
from shared.errors import CloudError
from shared.events import ONLY
from shared.invocations import Invocation
from shared.outcomes import error_document
from shared.pace import Pace
from shared.pipelines import Pipeline, by_function
from shared.scf import Scf

THREADS = 8
PAGE, BATCH_PAGE = 200, 1000
MAX_PROBLEMS = 20
_SAVE_EVERY = 5.0  # seconds
_CHUNK = 32  # objects between two looks at the clock
INVOKED, BATCHED = "invoked", "batched"


class Run:
    """Works on `cursor` until `end` (monotonic seconds); `work` returns when it is time to stop."""

    def __init__(
        self,
        invocation: Invocation,
        cos: BatchCos,
        scf: Scf,
        place: Place,
        cursor: dict[str, Any],
        *,
        end: float,
    ) -> None:
        self.cursor = cursor
        self.progress = False
        self._plan = plan = Plan.read(cursor["plan"])
        only = frozenset(plan.pipelines) if plan.pipelines else None
        self._pipelines = invocation.pipelines.only(only) if only else invocation.pipelines
        self._invocation = invocation._replace(only=only)
        self._cos, self._scf, self._place, self._end = cos, scf, place, end
        self._pace = Pace(plan.rate, plan.rate)
        self._saved = time.monotonic()
        self._operations: dict[str, dict[str, dict[str, Any]]] = {}
        self._batches = Batches(cos, plan, place, self._operations, invocation.id)
        # What has been begun at the end must fit into what is left of the invocation then.
        reserve = invocation.deadline - end
        self._chunk = max(1, min(_CHUNK, round(plan.rate * reserve)))

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end

    def prepare(self) -> bool:
        """Check the plan against the pipelines; False, and the state refused, if it cannot be."""
        region = self._invocation.settings.region
        prepared = prepare(self._plan, self._pipelines, region)
        self._operations.update(prepared.operations)
        told = self.cursor["pipelines"]
        for name, way in prepared.ways.items():
            told[name] = {**told.get(name, {"objects": 0, "bytes": 0}), **way}
        if prepared.problems:
            self.cursor.update(state=REFUSED, problems=prepared.problems)
        return not prepared.problems

    def work(self) -> None:
        """Go on from the cursor's place. Raises `CloudError` for what is in the way."""
        looker = Looker(self._cos, self._plan, self._invocation, self.cursor["run"])
        entries = self._pipelines.entries
        all_fit = len(self._operations) == len(entries)
        batches = bool(self._operations) and not self._plan.dry_run
        limit = PAGE
        if batches:
            # A page is one step then; the invocations in it must not take too long.
            limit = BATCH_PAGE if all_fit else max(1, min(PAGE, round(self._plan.rate * 20)))
        with ThreadPoolExecutor(THREADS) as pool:
            for page in pages(
                self._cos,
                self._plan,
                self.cursor["place"],
                limit,
                near=commonprefix([each.when.prefix for each in entries]),  # noqa: RUF071
                state=self._invocation.settings.state_prefix,
            ):
                clock = time.monotonic()
                step = self._batch_page if batches else self._page
                if not step(page, looker, pool):
                    if self.cursor["state"] == CANCELLED:
                        self._batches.cancel(self.cursor["open"])
                        self.cursor["open"] = {}
                    return
                self._log(page, clock)
        self.cursor["state"] = DONE
        if self._plan.dry_run:
            self.cursor["estimate"] = backfill_costs.estimate(
                self.cursor["pipelines"], self._pipelines
            )

    def _page(self, page: Page, looker: Looker, pool: ThreadPoolExecutor) -> bool:
        """Look at a page and invoke what wants it; False when it is time to stop."""
        for start in range(0, len(page.objects), self._chunk):
            if self._must_stop():
                return False
            chunk = page.objects[start : start + self._chunk]
            for look in self._looks(chunk, looker, pool):
                self._count(look, look.pipelines)
                self._reached(look.found.key, look.found.place)
        self._reached(self.cursor["last_key"], page.place)
        return True

    def _batch_page(self, page: Page, looker: Looker, pool: ThreadPoolExecutor) -> bool:
        """The same with batch jobs: the place moves on when all of a page has ended."""
        looks: list[Look] = []
        for start in range(0, len(page.objects), self._chunk):
            if self._must_stop():
                return False
            looks += self._looks(page.objects[start : start + self._chunk], looker, pool)
        wanted: dict[str, list[Look]] = {}
        for look in looks:
            for pipeline in look.pipelines:
                if self._by_batch(look, pipeline):
                    wanted.setdefault(pipeline.name, []).append(look)
        jobs = self.cursor["open"]
        if wanted and not jobs:
            uploads = {
                name: [look.upload for look in found if look.upload]
                for name, found in wanted.items()
            }
            jobs = self._batches.submit(
                uploads,
                f"{self.cursor['run']} {self.cursor['round']} {json.dumps(self.cursor['place'])}",
            )
            ids = [job for outputs in jobs.values() for job in outputs.values()]
            told = self.cursor["batches"]
            told["jobs"] += len(ids)
            told["last"] = (told["last"] + ids)[-50:]
            self.cursor["open"] = jobs
            self.save()
        if jobs and not self._followed(jobs):
            return False
        for name, found in wanted.items():
            if not self._finish(name, found, jobs.get(name, {}), pool):
                return False
        for look in looks:
            self._count(look, look.pipelines)
        self.cursor["open"] = {}
        self._reached(page.objects[-1].key if page.objects else "", page.place)
        self.save()
        return True

    def _followed(self, jobs: dict[str, dict[str, str]]) -> bool:
        ended = self._batches.follow(jobs, self._must_stop)
        if not ended:
            self.progress = True  # CI is at work
            return False
        if isinstance(ended, str):
            if self._plan.mode == "batch":
                raise trouble(ended)
            self._note(f"{ended}; what it left is invoked")
        return True

    def _finish(
        self, name: str, looks: list[Look], jobs: dict[str, str], pool: ThreadPoolExecutor
    ) -> bool:
        """Write down what the batches of one pipeline made; invoke the function for the rest.
        False when it is time to stop: whoever goes on finds the records that are written."""
        [pipeline] = self._pipelines.only([name]).entries
        made = self._batches.results(jobs)

        def finish(look: Look) -> bool | CloudError:
            try:
                if self._batches.record(look, pipeline, made.get(look.found.key, {})):
                    return True
                self._invoke(look, [pipeline])
            except CloudError as error:
                return error
            return False

        for start in range(0, len(looks), self._chunk):
            if self._must_stop():
                return False
            results = list(pool.map(finish, looks[start : start + self._chunk]))
            self.cursor["batches"]["objects"] += sum(result is True for result in results)
            self.progress = True
            for result in results:
                if isinstance(result, CloudError):
                    raise result
        return True

    def _looks(
        self, chunk: list[Found], looker: Looker, pool: ThreadPoolExecutor
    ) -> Iterator[Look]:
        """Look at some objects at once, and invoke what wants them. Yields them in order up to the
        first that the services did not let through, and raises its `CloudError`."""

        def treat(found: Found) -> Look | CloudError:
            try:
                look = looker.look(found)
                direct = [each for each in look.pipelines if not self._by_batch(look, each)]
                if look.kind == WANTED and direct and not self._plan.dry_run:
                    self._invoke(look, direct)
            except CloudError as error:
                return error
            return look

        for result in list(pool.map(treat, chunk)):
            if isinstance(result, CloudError):
                raise result
            yield result

    def _by_batch(self, look: Look, pipeline: Pipeline) -> bool:
        # A batch does not look whether an object is still the one that its gates let pass.
        passed = look.upload.passed if look.upload else ()
        return pipeline.name in self._operations and not passed

    def _invoke(self, look: Look, pipelines: list[Pipeline]) -> None:
        upload = look.upload
        if upload is None:
            return
        for function, names in by_function(pipelines).items():
            self._pace.wait(self._invocation.deadline)
            try:
                self._scf.invoke(function, {**events.document(upload), ONLY: names})
            except CloudError as error:
                if error.throttled:
                    self._pace.refused()
                raise
            self._pace.answered()

    def _count(self, look: Look, pipelines: tuple[Pipeline, ...]) -> None:
        kind = look.kind
        if kind == WANTED and not self._plan.dry_run:
            by_batch = any(self._by_batch(look, each) for each in pipelines)
            kind = BATCHED if by_batch else INVOKED
        counts = self.cursor["counts"]
        counts["objects"] = counts.get("objects", 0) + 1
        counts[kind] = counts.get(kind, 0) + 1
        for pipeline in pipelines:
            told = self.cursor["pipelines"][pipeline.name]
            told["objects"] += 1
            told["bytes"] += look.found.size or 0
        if look.problem:
            self._note(look.problem)

    def _note(self, problem: str) -> None:
        self.cursor["problems"] = [*self.cursor["problems"], problem][-MAX_PROBLEMS:]

    def _reached(self, key: str, place: dict[str, Any]) -> None:
        self.cursor.update(last_key=key or self.cursor["last_key"], place=place, idle=0)
        self.progress = True

    def _must_stop(self) -> bool:
        """Whether the time is up or somebody wants an end; keeps the cursor now and then."""
        if time.monotonic() - self._saved >= _SAVE_EVERY:
            self.save()
        if self.over:
            return True
        if self._place.cancel_asked():
            self.cursor["state"] = CANCELLED
            return True
        return False

    def save(self) -> None:
        """Keep the cursor."""
        self.cursor["updated"] = time.time()
        self._place.write(self.cursor)
        self._saved = time.monotonic()

    def fail(self, error: CloudError) -> None:
        """Nothing can be done about `error` by going on."""
        self.cursor.update(state=FAILED, error=error_document(error))

    def _log(self, page: Page, clock: float) -> None:
        entry = {
            **self._invocation.base,
            "backfill": self._plan.name,
            "page": len(page.objects),
            "last_key": self.cursor["last_key"],
            "counts": self.cursor["counts"],
            "milliseconds": round((time.monotonic() - clock) * 1000),
        }
        print(json.dumps(entry), flush=True)
        self.save()

"""Before a run: its cursor, and whether its plan can be carried out with these pipelines."""

from __future__ import annotations

from typing import Any, NamedTuple

import backfill_costs
from backfill_fit import UnfitError, operations
from backfill_look import unknowable

from shared.backfills import RUNNING, Plan
from shared.pipelines import Pipelines


def new_cursor(plan: Plan, run: str, now: float) -> dict[str, Any]:
    """The cursor of a run that begins. `place` is where it goes on, `open` the batch jobs that it
    waits for, `idle` how many invocations in a row came no further, `round` how often it was
    started again after an end."""
    return {
        "plan": plan.document(),
        "state": RUNNING,
        "run": run,
        "round": 0,
        "hop": 0,
        "hops": 0,
        "idle": 0,
        "started": now,
        "updated": now,
        "place": {},
        "last_key": "",
        "counts": {},
        "pipelines": {},
        "batches": {"jobs": 0, "objects": 0, "last": []},
        "open": {},
        "problems": [],
        "error": None,
        "estimate": None,
    }


class Prepared(NamedTuple):
    """`operations` of batch jobs by pipeline and output, for the pipelines that fit; `ways` is how
    each pipeline is done, and why not otherwise; `problems` forbid the run."""

    operations: dict[str, dict[str, dict[str, Any]]]
    ways: dict[str, dict[str, str]]
    problems: list[str]


def prepare(plan: Plan, pipelines: Pipelines, region: str) -> Prepared:
    """Check `plan` against the `pipelines` that it names."""
    known = [entry.name for entry in pipelines.entries]
    found = Prepared({}, {}, [
        f"pipelines names {name!r}, which pipelines.yml has not"
        for name in plan.pipelines
        if name not in known
    ])  # fmt: skip
    for entry in pipelines.entries:
        if reason := unknowable(entry):
            found.problems.append(reason)
        found.ways[entry.name] = {"way": "invoke"}
        if plan.mode == "invoke":
            continue
        try:
            found.operations[entry.name] = operations(entry, plan, region)
            found.ways[entry.name] = {"way": "batch"}
        except UnfitError as error:
            found.ways[entry.name]["why_not"] = str(error)
            if plan.mode == "batch":
                found.problems.append(f"mode is batch, and {error}")
    if plan.dry_run:
        try:
            backfill_costs.load()
        except backfill_costs.PricesError as error:
            found.problems.extend(error.problems)
    return found

"""`localcloud backfill`: what is in a bucket already, through the same pipelines as uploads; in the
local cloud or in the real one.

It reads the same variables as a function: those of `localcloud env`, or a developer's own keys.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from localcloud.commands.deployed import (
    Deployed,
    chosen_bucket,
    load_settings,
    printable,
)
from localcloud.commands.failure import CommandError, UsageError
from shared.backfills import DONE, FUNCTION, MODES, RUNNING, SOURCES, Place, Plan, PlanError
from shared.cos import Cos
from shared.errors import CloudError

POLL_SECONDS = 0.5
QUIET_SECONDS = 600.0  # without a sign of life: an invocation is over by then
_GIGABYTE = 1024**3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", choices=("start", "show", "cancel"))
    parser.add_argument("name", help="what the backfill is called, to show, cancel or resume it")
    parser.add_argument("--bucket", default="", help="default: the first of COS_BUCKET")
    parser.add_argument("--json", action="store_true", help="print the cursor object itself")
    parser.add_argument("--no-wait", action="store_true", help="start: do not wait for the end")
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER",
        help="whose serverless.yml says what functions are deployed as (default: this folder)",
    )  # fmt: skip
    plan = parser.add_argument_group("the plan, for start")
    plan.add_argument("--prefix", default="", help="only keys that begin so")
    plan.add_argument("--pipeline", action="append", default=[], help="only these; repeat it")
    plan.add_argument("--source", choices=SOURCES, default=SOURCES[0])
    plan.add_argument("--manifest", default="", help="key of an inventory's manifest.json")
    plan.add_argument("--manifest-bucket", default="", help="if that is another bucket")
    plan.add_argument("--since", default="", help="time of upload: 2026-11-21, 2026-11-21T08:00Z")
    plan.add_argument("--until", default="", help="the same, the last")
    plan.add_argument("--rate", type=float, default=20.0, help="invocations a second (20)")
    plan.add_argument("--mode", choices=MODES, default=MODES[0], help="how the work is done")
    plan.add_argument("--dry-run", action="store_true", help="only count, and say what it costs")
    plan.add_argument("--force", action="store_true", help="also what was processed before")


def run(args: argparse.Namespace) -> int:
    """Start, show or cancel; the exit code is 1 if the backfill has not come to a good end."""
    settings = load_settings()
    if settings.state_bucket and not args.bucket and args.what == "start":
        raise UsageError("with STATE_BUCKET, --bucket says which bucket to go through")
    bucket = chosen_bucket(settings, args.bucket)
    cos = Cos(settings, settings.region)
    try:
        place = Place(cos, settings.state_bucket or bucket, settings.state_prefix, args.name)
        if args.what == "start":
            return _start(args, place, bucket, Deployed(settings, args.project, bucket))
        cursor = place.read()
        if cursor is None:
            raise CommandError(f"there is no backfill {args.name} in {place.bucket}")
        if args.what == "cancel":
            if cursor["state"] != RUNNING:
                raise CommandError(f"{args.name} has ended: it is {cursor['state']}")
            place.cancel()
            print(f"{args.name}: asked to end")
            return 0
        return _show(cursor, as_json=args.json)
    except CloudError as error:
        raise CommandError(f"{error}{'; ' if error.advice else ''}{error.advice}") from None


def _start(args: argparse.Namespace, place: Place, bucket: str, deployed: Deployed) -> int:
    try:
        plan = Plan.read(
            {
                "name": args.name,
                "bucket": bucket,
                "prefix": args.prefix,
                "pipelines": args.pipeline,
                "source": args.source,
                "manifest": args.manifest,
                "manifest_bucket": args.manifest_bucket,
                "since": args.since,
                "until": args.until,
                "rate": args.rate,
                "dry_run": args.dry_run,
                "mode": args.mode,
                "force": args.force,
            }
        )
    except PlanError as error:
        raise UsageError(str(error)) from None
    before = place.read()
    if before is not None and before["state"] == RUNNING and before["plan"] != plan.document():
        raise CommandError(
            f"{plan.name} is unfinished and has another plan: "
            f"`localcloud backfill cancel {plan.name}`, or choose another name"
        )
    invocation = deployed.invoke(FUNCTION, plan.document())
    print(f"{plan.name}: invoked {FUNCTION}, request {invocation}", file=sys.stderr)
    if args.no_wait:
        return 0
    return _show(_follow(place, before), as_json=args.json)


def _follow(place: Place, before: dict[str, Any] | None) -> dict[str, Any]:
    """The cursor when it has come to an end; tells of its way on stderr."""
    heard, said = time.monotonic(), ""
    last = before
    while True:
        cursor = place.read()
        if cursor is not None and cursor != last:
            heard, last = time.monotonic(), cursor
            if cursor["state"] != RUNNING:
                return cursor
            if (line := _progress(cursor)) != said:
                print(line, file=sys.stderr)
                said = line
        if time.monotonic() - heard > QUIET_SECONDS:
            raise CommandError(
                f"nothing was heard for {QUIET_SECONDS:g} seconds: the function's log says why "
                f"(`localcloud logs --function {FUNCTION}`)"
            )
        time.sleep(POLL_SECONDS)


def _progress(cursor: dict[str, Any]) -> str:
    counted = ", ".join(f"{count} {kind}" for kind, count in cursor["counts"].items())
    waiting = sum(len(jobs) for jobs in cursor["open"].values())
    batch = f"; waits for {waiting} batch jobs" if waiting else ""
    return printable(f"  {counted or 'nothing yet'}; at {cursor['last_key']!r}{batch}")


def _show(cursor: dict[str, Any], *, as_json: bool) -> int:
    good = cursor["state"] in (DONE, RUNNING)
    if as_json:
        print(json.dumps(cursor, indent=2, ensure_ascii=False))
        return 0 if good else 1
    plan = cursor["plan"]
    kind = "dry run" if plan["dry_run"] else "backfill"
    print(f"{plan['name']}: {kind} of {plan['bucket']}/{printable(plan['prefix'])} is "
          f"{cursor['state']}")  # fmt: skip
    print(_progress(cursor))
    for name, told in cursor["pipelines"].items():
        line = f"  {name}: {told['objects']} objects, {told['bytes']} bytes, by {told['way']}"
        print(printable(line + (f" ({told['why_not']})" if told.get("why_not") else "")))
    if cursor["batches"]["jobs"]:
        print(f"  batch jobs: {cursor['batches']['jobs']}; made {cursor['batches']['objects']}")
    if error := cursor["error"]:
        print(printable(f"  {error['code']}: {error['message']} {error['advice']}"))
    for problem in cursor["problems"]:
        print(printable(f"  {problem}"))
    if cursor["estimate"]:
        _show_estimate(cursor["estimate"])
    return 0 if good else 1


def _show_estimate(estimate: dict[str, Any]) -> None:
    currency, amounts = estimate["currency"], estimate["amounts"]
    print(f"  estimate in {currency}, at the prices of functions/backfill/prices.json:")
    for kind, money in estimate["money"].items():
        amount = f"{amounts[kind]:,.3f}".rstrip("0").rstrip(".") if kind in amounts else ""
        print(f"    {kind:<22}{amount:>16}{money:>14.4f}")
    unpriced = sorted(
        {each for told in estimate["pipelines"].values() for each in told["unpriced"]}
    )
    if unpriced:
        print(f"    without a price: {', '.join(unpriced)}")

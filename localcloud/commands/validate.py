"""`localcloud validate`: check pipelines.yml and serverless.yml, or show what an upload causes."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import mimetypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.commands.event import MAX_EVENT, parse_event, read_event
from localcloud.commands.failure import UsageError
from localcloud.config import DEFAULT_REGION
from localcloud.sample_events import Changes, cos_sample
from localcloud.scf import named_functions, serverless
from shared import pipelines
from shared.errors import ConfigError
from shared.events import EventError, parse, records

# The ETag of an upload whose bytes nobody has.
_NO_ETAG = "0" * 32
_OPTIONS = ("upload", "file", "event", "region", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "project", nargs="?", type=Path, default=Path(), help="the project's folder (default: .)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the requests that an upload would cause; nothing is sent",
    )
    parser.add_argument("--upload", metavar="BUCKET/KEY", help="the upload (default: a sample)")
    parser.add_argument("--file", type=Path, help="the file that --upload is, for size and type")
    parser.add_argument("--region", help=f"of --upload (default: {DEFAULT_REGION})")
    parser.add_argument("--event", metavar="FILE", help="the uploads of an event, - for stdin")
    parser.add_argument("--json", action="store_true", help="print the dry run as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what was found: one line per problem on stderr, or one line per right file."""
    given = [f"--{name}" for name in _OPTIONS if getattr(args, name)]
    if given and not args.dry_run:
        raise UsageError(f"{given[0]} belongs to --dry-run")
    event = _event(args) if args.dry_run else None
    problems: list[str] = []
    say: Callable[[str], None] = (lambda _: None) if args.json else print
    try:
        found = pipelines.load(args.project / "pipelines.yml")
        outputs = sum(len(pipeline.outputs) for pipeline in found.entries)
        say(f"pipelines.yml: {len(found.entries)} pipelines, {outputs} outputs")
    except ConfigError as error:
        problems += error.problems
    try:
        project = serverless.load(args.project, _variables(event) if args.dry_run else None)
        say(f"serverless.yml: {len(project.functions)} functions, {_count(project)} triggers")
    except ConfigError as error:
        problems += error.problems
    if not problems:
        problems += named_functions.problems(args.project / "pipelines.yml", project)
    if not problems and args.dry_run:
        return _dry_run(args, project, found, event)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _count(project: serverless.Project) -> int:
    kinds = (project.triggers, project.timers, project.topics, project.routes)
    return sum(map(len, kinds)) + len(project.unplayed)


def _event(args: argparse.Namespace) -> Any:
    """The event to run."""
    if args.event:
        if args.upload or args.file or args.region:
            raise UsageError("--event says all of --upload, --file and --region: leave them out")
        return _read(args.event)
    if not args.upload:
        if args.file or args.region:
            raise UsageError("--upload BUCKET/KEY is missing: it says where the upload goes")
        return cos_sample("put", Changes())
    bucket, _, key = args.upload.partition("/")
    if not key or not bucket.rpartition("-")[2].isdecimal():
        raise UsageError(f"--upload is {args.upload!r}: name-appid/key is expected")
    kind = mimetypes.guess_type(str(args.file or key))[0]
    changes = Changes(
        bucket=bucket, region=args.region, key=key, content_type=kind or "application/octet-stream"
    )
    event = cos_sample("put", changes)
    # Without the file nobody knows the size; an event may leave it out.
    event["Records"][0]["cos"]["cosObject"]["size"] = len(_file(args.file)) if args.file else ""
    return event


def _read(name: str) -> Any:
    if name == "-":
        return parse_event("standard input", sys.stdin.buffer.read(MAX_EVENT + 1))
    return read_event(name, Path(name))


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"--file {path}: {error.strerror}") from None


def _variables(event: Any) -> dict[str, str] | None:
    """Where the environment is silent, ${env:COS_BUCKET} is the bucket of the upload."""
    try:
        upload = parse(event)[0]
    except EventError:
        return None
    return serverless.local_variables(upload.bucket, upload.region)


def _dry_run(
    args: argparse.Namespace,
    project: serverless.Project,
    found: pipelines.Pipelines,
    event: Any,
) -> int:
    from localcloud import dry_run
    from localcloud.scf.layer import LayerError, link_layer

    try:
        layer = link_layer(args.project)
        content = _file(args.file) if args.file else b""
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest() if args.file else _NO_ETAG
        runs = asyncio.run(
            dry_run.dry_run(project, found, layer, records(event), etag=etag, content=content)
        )
    except EventError as error:
        raise UsageError(f"the event: {error}") from None
    except LayerError as error:
        raise UsageError(str(error)) from None
    if args.json:
        print(json.dumps(dry_run.document(runs), ensure_ascii=False, indent=2))
    else:
        print(f"\n{dry_run.text(runs)}")
    problems = [problem for run in runs for woken in run.woken for problem in woken.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0

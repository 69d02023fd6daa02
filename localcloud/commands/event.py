"""`localcloud event`: print a sample event, as `localcloud invoke` reads it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from localcloud.commands.failure import UsageError
from localcloud.sample_events import COS_KINDS, Changes, change, cos_sample

MAX_EVENT = 6 * 1024 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    kinds = "\n".join(f"  cos {name:<10} {kind.help}" for name, kind in COS_KINDS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"samples:\n{kinds}\n  FILE.json      any event in a file (see events/)"
    parser.add_argument("source", metavar="cos|FILE.json", help="a service, or an event in a file")
    parser.add_argument("kind", nargs="?", help="which sample of the service (default: put)")
    parser.add_argument("--bucket", help="bucket with appid, such as examplebucket-1250000000")
    parser.add_argument("--region", help="region, such as ap-guangzhou")
    parser.add_argument("--key", help="object key, as it is (not percent-encoded)")
    parser.add_argument("--size", type=int, help="size of the object in bytes")
    parser.add_argument("--event-name", help="such as cos:ObjectCreated:Put")
    parser.add_argument("--event-time", type=int, help="Unix seconds")
    parser.add_argument("--content-type", help="such as image/jpeg")


def run(args: argparse.Namespace) -> int:
    if args.bucket is not None and not args.bucket.rpartition("-")[2].isdecimal():
        raise UsageError(f"--bucket is {args.bucket!r}: a name with its appid (name-1250000000)")
    changes = Changes(
        bucket=args.bucket,
        region=args.region,
        key=args.key,
        size=args.size,
        event_name=args.event_name,
        event_time=args.event_time,
        content_type=args.content_type,
    )
    print(json.dumps(_event(args.source, args.kind, changes), ensure_ascii=False, indent=2))
    return 0


def _event(source: str, kind: str | None, changes: Changes) -> Any:
    if source == "cos":
        name = kind or "put"
        if name not in COS_KINDS:
            raise UsageError(f"no sample {name!r} of cos: one of {', '.join(COS_KINDS)}")
        return cos_sample(name, changes)
    if kind is not None:
        raise UsageError(f"{source!r} has no kinds: `cos KIND` or a file is expected")
    return change(read_event(source, Path(source)), changes)


def read_event(name: str, path: Path) -> Any:
    """The JSON of an event file. Raises `UsageError` that names the file as the user did."""
    try:
        if path.stat().st_size > MAX_EVENT:
            raise UsageError(f"{name}: an event has at most {MAX_EVENT} bytes")
        return parse_event(name, path.read_bytes())
    except OSError as error:
        hint = "" if path.suffix else " (samples: localcloud event cos put; files: events/*.json)"
        raise UsageError(f"{name}: {error.strerror}{hint}") from None


def parse_event(name: str, data: bytes) -> Any:
    """The JSON of an event. Raises `UsageError` with the place of what is wrong."""
    try:
        return json.loads(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}; an event is expected"
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise UsageError(f"{name}: not JSON in UTF-8") from None

"""`localcloud logs`: what functions logged, as it is kept in the cloud's data folder."""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from localcloud.commands import data_folder
from localcloud.commands.failure import CommandError, UsageError
from localcloud.scf.kept import KeptInvocations, Wanted
from localcloud.scf.store import MAX_INVOCATIONS, Logged
from shared.events import FORCED

_LOOK_SECONDS = 0.2
_DEFAULT_LAST = 100
_BAD_OUTCOMES = ("failed", "rejected")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--function", default="", metavar="KEY", help="as in serverless.yml")
    parser.add_argument(
        "--upload", default="", metavar="ID", help="only the lines about this upload (its id)"
    )
    parser.add_argument("--request", default="", metavar="ID", help="one request of a function")
    parser.add_argument(
        "--errors", action="store_true", help="failed invocations, and lines of failed uploads"
    )
    parser.add_argument(
        "--last",
        type=int,
        default=_DEFAULT_LAST,
        metavar="N",
        help=f"invocations to show at most (default: {_DEFAULT_LAST})",
    )
    parser.add_argument("--follow", action="store_true", help="go on with what comes")
    parser.add_argument("--json", action="store_true", help="one JSON object for each invocation")
    data_folder.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Print the invocations, the oldest first; with `--follow`, until interrupted."""
    if not 1 <= args.last <= MAX_INVOCATIONS:
        raise UsageError(f"--last is {args.last}: 1 to {MAX_INVOCATIONS} are allowed")
    kept = KeptInvocations(data_folder.find(args))
    try:
        last = 0
        shown: deque[tuple[Logged, list[str]]] = deque(maxlen=args.last)
        for logged, lines in _matching(kept, args, last):
            last = logged.id
            if lines:
                shown.append((logged, lines))
        for logged, lines in shown:
            _show(args, logged, lines)
        while args.follow:
            for logged, lines in _matching(kept, args, last):
                last = logged.id
                if lines:
                    _show(args, logged, lines)
            time.sleep(_LOOK_SECONDS)
    except sqlite3.Error as error:
        raise CommandError(f"the logs cannot be read: {error}") from None
    return 0


def _matching(
    kept: KeptInvocations, args: argparse.Namespace, after: int
) -> Iterator[tuple[Logged, list[str]]]:
    """Invocations that may be wanted, with the lines that are; none of a line: not wanted."""
    wanted = Wanted(
        functions=(args.function,) if args.function else (),
        request_id=args.request,
        # JSON escapes what is not ASCII: then the lines are looked through one by one.
        text=args.upload if args.upload.isascii() else "",
        after=after,
    )
    for logged in kept.invocations(wanted):
        yield logged, _lines(logged, args)


def _lines(logged: Logged, args: argparse.Namespace) -> list[str]:
    lines = logged.log.splitlines()
    if args.upload:
        lines = [line for line in lines if _is_about(_entry(line) or {}, args.upload)]
    if args.errors and logged.ok:
        lines = [line for line in lines if (_entry(line) or {}).get("outcome") in _BAD_OUTCOMES]
    return lines


def _is_about(entry: dict[str, Any], wanted: str) -> bool:
    """Whether a line is about an upload, or about what a person decided of it later."""
    text = str(entry.get("upload", ""))
    return text == wanted or (text.startswith(FORCED) and text.endswith(f"-{wanted}"))


def _entry(line: str) -> dict[str, Any] | None:
    """The structured line that this is, if it is one."""
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _show(args: argparse.Namespace, logged: Logged, lines: list[str]) -> None:
    if args.json:
        print(json.dumps(_document(logged, lines), ensure_ascii=False), flush=True)
        return
    began = datetime.fromtimestamp(logged.started).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    retry = f", retry {logged.retry}" if logged.retry else ""
    outcome = "ok" if logged.ok else f"failed ({logged.code})"
    print(
        f"{began} {logged.function} {logged.request_id}: {outcome}{retry}, {logged.duration:.0f} ms"
    )
    for line in lines:
        print(f"  {line}")
    print(end="", flush=True)


def _document(logged: Logged, lines: list[str]) -> dict[str, Any]:
    entries = [entry for line in lines if (entry := _entry(line)) is not None]
    return {
        "function": logged.function,
        "request": logged.request_id,
        "started": round(logged.started, 3),
        "milliseconds": round(logged.duration),
        "code": logged.code,
        "retry": logged.retry,
        "memory": logged.memory,
        "lines": entries,
    }

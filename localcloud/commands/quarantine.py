"""`localcloud quarantine`: what audits have put away; in the local cloud or in the real one.

It reads the same variables as a function: those of `localcloud env`, or a developer's own keys.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from localcloud.commands.deployed import load_settings, printable, whole_ids
from localcloud.commands.failure import CommandError, UsageError
from localcloud.commands.reviews import who
from shared.audits import Quarantine
from shared.cos import Cos
from shared.errors import CloudError
from shared.quarantine import Manifest, Store

MAX_LISTED = 10_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=("list", "show", "restore", "drop"),
        help="default: list",
    )  # fmt: skip
    parser.add_argument("id", nargs="*", help="of an object, or the first digits of it")
    parser.add_argument("--bucket", default="", help="where the quarantine is; default: COS_BUCKET")
    parser.add_argument(
        "--prefix", default=Quarantine.prefix, help="of the quarantine (default: %(default)s)"
    )
    parser.add_argument("--to", default="", metavar="KEY", help="restore: to another key")
    parser.add_argument("--by", default="", help="restore: who decides; default: the user's name")
    parser.add_argument("--json", action="store_true", help="list: one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """List, show, restore or drop. Raises `CommandError`."""
    settings = load_settings()
    # Not `settings.buckets`: that may be where the state is.
    bucket = args.bucket or os.environ.get("COS_BUCKET", "").partition(",")[0].strip()
    if not bucket:
        raise UsageError("no bucket: --bucket name-appid, or set COS_BUCKET")
    store = Store(Cos(settings, settings.region), bucket, args.prefix)
    try:
        if args.what == "list":
            return _list(store, as_json=args.json)
        for id in _wanted(args, store):
            manifest = store.read(id)
            if manifest is None:
                raise CommandError(f"{id}: it is not there any more")
            if args.what == "show":
                print(json.dumps(asdict(manifest), indent=2, ensure_ascii=False))
            elif args.what == "restore":
                store.restore(manifest, who(args.by), args.to)
                print(f"{id}: restored {printable(args.to or manifest.subject.key)}")
            else:
                store.drop(id)
                print(f"{id}: dropped {printable(manifest.subject.key)}")
    except CloudError as error:
        raise CommandError(f"{error}{'; ' if error.advice else ''}{error.advice}") from None
    return 0


def _wanted(args: argparse.Namespace, store: Store) -> list[str]:
    """The whole ids of what is asked for."""
    if not args.id or (args.to and len(args.id) > 1):
        raise UsageError(f"{args.what}: give the ids of a listing; with --to one")
    return whole_ids(args.id, store.ids(), "in quarantine")


def _list(store: Store, *, as_json: bool) -> int:
    number = 0
    for number, id in enumerate(store.ids(), 1):
        if number > MAX_LISTED:
            print(f"... and more than these {MAX_LISTED}")
            break
        manifest = store.read(id)
        if manifest is not None:
            print(json.dumps(asdict(manifest)) if as_json else _line(manifest))
    if not number and not as_json:
        print("nothing is in quarantine")
    return 0


def _line(manifest: Manifest) -> str:
    labels = manifest.verdict.get("labels") or []
    said = ", ".join(
        f"{label.get('scene')} {label.get('score', '')}".strip()
        for label in labels
        if label.get("result") == manifest.verdict.get("result")
    )
    subject = manifest.subject
    return printable(
        f"{manifest.id[:12]} {manifest.time} {manifest.pipeline} {subject.bucket}/{subject.key} "
        f"{subject.size} B: {manifest.verdict.get('result')}: {said}"
    )

"""`localcloud quarantine`: what audits have put away; in the local cloud or in the real one.

It reads the same variables as a function: those of `localcloud env`, or a developer's own keys.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from localcloud.commands.deployed import failed, load_settings, print_list, printable, whole_ids
from localcloud.commands.failure import CommandError, UsageError
from localcloud.commands.reviews import who
from shared.audits import Quarantine
from shared.cos import Cos
from shared.errors import CloudError, ConfigError
from shared.pipelines import load
from shared.quarantine import Manifest, Store


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=("list", "show", "restore", "drop"),
        help="default: list",
    )  # fmt: skip
    parser.add_argument("id", nargs="*", help="of an object, or the first digits of it")
    parser.add_argument("--bucket", default="", help="where the quarantine is; default: COS_BUCKET")
    parser.add_argument(
        "--prefix", default="", help="of the quarantine; default: those of pipelines.yml"
    )
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER",
        help="whose pipelines.yml says where quarantines are (default: this folder)",
    )  # fmt: skip
    parser.add_argument("--to", default="", metavar="KEY", help="restore: to another key")
    parser.add_argument("--by", default="", help="restore: who decides; default: the user's name")
    parser.add_argument("--json", action="store_true", help="list: one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """List, show, restore or drop. Raises `CommandError`."""
    settings = load_settings()
    stores = _stores(args, Cos(settings, settings.region))
    try:
        if args.what == "list":
            found = (store.read(id) for store in stores for id in store.ids())
            nothing = "nothing is in quarantine"
            return print_list(filter(None, found), _line, as_json=args.json, nothing=nothing)
        known = {id: store for store in stores for id in store.ids()}
        for id in _wanted(args, known):
            store = known[id]
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
        raise failed(error) from None
    return 0


def _stores(args: argparse.Namespace, cos: Cos) -> list[Store]:
    """The place that is asked for, or all that the project's audits put away to."""
    # Not `settings.buckets`: that may be where the state is.
    bucket = args.bucket or os.environ.get("COS_BUCKET", "").partition(",")[0].strip()
    if not bucket:
        raise UsageError("no bucket: --bucket name-appid, or set COS_BUCKET")
    if args.bucket or args.prefix:
        return [Store(cos, bucket, args.prefix or Quarantine.prefix)]
    places = {(bucket, Quarantine.prefix): None}
    path = args.project / "pipelines.yml"
    try:
        for pipeline in load(path).entries if path.is_file() else ():
            if pipeline.audit:
                place = pipeline.audit.quarantine
                places[place.bucket or bucket, place.prefix] = None
    except ConfigError as error:
        raise CommandError(f"{error}\nor give --prefix") from None
    return [Store(cos, *place) for place in places]


def _wanted(args: argparse.Namespace, known: Iterable[str]) -> list[str]:
    """The whole ids of what is asked for."""
    if not args.id:
        raise UsageError(f"{args.what}: give the ids of a listing")
    if args.to and len(args.id) > 1:
        raise UsageError("--to names one key: give one id")
    return whole_ids(args.id, known, "in quarantine")


def _line(manifest: Manifest) -> str:
    labels = manifest.verdict.get("labels") or []
    scenes = ", ".join(
        f"{label.get('scene')} {label.get('score', '')}".strip()
        for label in labels
        if label.get("result") == manifest.verdict.get("result")
    )
    said = scenes or manifest.verdict.get("reason", "")
    subject = manifest.subject
    return (
        f"{manifest.id[:12]} {manifest.time} {manifest.pipeline} {subject.bucket}/{subject.key} "
        f"{subject.size} B: {manifest.verdict.get('result')}: {said}"
    )

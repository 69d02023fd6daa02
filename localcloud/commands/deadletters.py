"""`localcloud deadletters`: uploads that were given up on; in the local cloud or in the real one.

It reads the same variables as a function: those of `localcloud env`, or a developer's own keys.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime

from localcloud.commands.deployed import (
    Deployed,
    chosen_bucket,
    configure_place,
    failed,
    load_settings,
    print_list,
    printable,
    whole_ids,
)
from localcloud.commands.failure import CommandError, UsageError
from shared.cos import Cos
from shared.dead_letters import DeadLetter, DeadLetters
from shared.errors import CloudError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=("list", "show", "retry", "drop"),
        help="default: list",
    )  # fmt: skip
    parser.add_argument("id", nargs="*", help="of a letter, or the first digits of it")
    parser.add_argument("--all", action="store_true", help="retry or drop all of them")
    configure_place(parser)


def run(args: argparse.Namespace) -> int:
    """List, show, retry or drop; the exit code is 1 if a letter could not be."""
    settings = load_settings()
    bucket = chosen_bucket(settings, args.bucket)
    letters = DeadLetters(Cos(settings, settings.region), bucket, settings.state_prefix)
    try:
        if args.what == "list":
            found = filter(None, map(letters.read, letters.ids()))
            return print_list(found, _line, as_json=args.json, nothing="no dead letters")
        deployed = Deployed(settings, args.project, bucket)
        for id in _wanted(args, letters):
            letter = letters.read(id)
            if letter is None:
                raise CommandError(f"{id}: there is no such letter any more")
            if args.what == "show":
                print(json.dumps(asdict(letter), indent=2, ensure_ascii=False))
            elif args.what == "retry":
                invocation = letters.retry(letter, deployed.invoke)
                print(f"{id}: invoked {letter.function}, request {invocation}")
            else:
                letters.drop(id)
                print(f"{id}: dropped {printable(letter.key)}")
    except CloudError as error:
        raise failed(error) from None
    return 0


def _wanted(args: argparse.Namespace, letters: DeadLetters) -> list[str]:
    """The whole ids of what is asked for."""
    if args.all == bool(args.id):
        raise UsageError(f"{args.what}: give the ids, or --all")
    if args.all:
        return list(letters.ids())
    return whole_ids(args.id, letters.ids(), "letters")


def _line(letter: DeadLetter) -> str:
    when = datetime.fromtimestamp(letter.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    step = "/".join(filter(None, (letter.function, letter.pipeline)))
    said = f"{letter.error.get('code')}: {letter.error.get('message')}"
    return (
        f"{letter.id[:12]} {when} {step} {letter.bucket}/{letter.key} "
        f"({letter.attempts} attempts, retried {letter.retried}): {said}"
    )

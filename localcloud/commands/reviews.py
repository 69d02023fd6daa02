"""`localcloud reviews`: what audits leave to a person; in the local cloud or in the real one.

It reads the same variables as a function: those of `localcloud env`, or a developer's own keys.
"""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Iterator
from dataclasses import asdict

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
from shared.decisions import Decision
from shared.errors import CloudError
from shared.reviews import Review, Reviews
from shared.verdicts import BLOCK, PASS


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "what", nargs="?", default="list", choices=("list", "show", PASS, BLOCK),
        help="default: list",
    )  # fmt: skip
    parser.add_argument("id", nargs="*", help="of an upload, or the first digits of it")
    parser.add_argument("--by", default="", help="who decides; default: the user's name")
    configure_place(parser)


def run(args: argparse.Namespace) -> int:
    """List, show or decide. Raises `CommandError`."""
    settings = load_settings()
    bucket = chosen_bucket(settings, args.bucket)
    reviews = Reviews(Cos(settings, settings.region), bucket)
    try:
        if args.what == "list":
            nothing = "nothing waits for a review"
            return print_list(_waiting(reviews), _line, as_json=args.json, nothing=nothing)
        if not args.id:
            raise UsageError(f"{args.what}: give the ids of a listing")
        deployed = Deployed(settings, args.project, bucket)
        for id in whole_ids(args.id, reviews.ids(), "that wait"):
            review = reviews.read(id)
            if review is None:
                raise CommandError(f"{id}: it does not wait any more")
            if args.what == "show":
                print(json.dumps(asdict(review), indent=2, ensure_ascii=False))
                continue
            deployed.name(review.function)  # it is known before anything is written
            decision = Decision(args.what, who(args.by))
            invocation = reviews.settle(review, decision, deployed.invoke)
            key = printable(review.subject.key)
            print(f"{id}: {args.what} {key}, {review.function} acts on it: request {invocation}")
    except CloudError as error:
        raise failed(error) from None
    return 0


def who(given: str) -> str:
    """Whose decision it is: as given, or the user of this machine."""
    try:
        return given or getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _waiting(reviews: Reviews) -> Iterator[Review]:
    """What still needs a person; the rest is forgotten on the way."""
    for id in reviews.ids():
        review = reviews.read(id)
        if review is not None and reviews.waits(review):
            yield review
        elif review is not None:
            reviews.drop(id)


def _line(review: Review) -> str:
    scenes = [
        f"{label.get('scene')} {label.get('score', '')}".strip()
        for label in review.verdict.get("labels") or []
        if label.get("result") == review.verdict.get("result")
    ]
    said = "; ".join(filter(None, [str(review.verdict.get("reason") or ""), ", ".join(scenes)]))
    subject = review.subject
    return (
        f"{review.id[:12]} {review.time} {review.pipeline} {subject.bucket}/{subject.key} "
        f"{subject.size} B: {said}"
    )

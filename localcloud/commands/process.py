"""`localcloud process RULE IN OUT`: apply an image rule to a file, without any cloud."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from localcloud.commands.failure import CommandError, UsageError
from localcloud.imaging import ImageError, process
from shared.rules import Rule, RuleError, parse


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("rule", metavar="RULE", help="such as 'imageMogr2/thumbnail/300x'")
    parser.add_argument("source", metavar="IN", type=Path, help="the picture")
    parser.add_argument(
        "target", metavar="OUT", type=Path, nargs="?",
        help="where the result goes; without it the JSON of an information rule is printed",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the result and say what it is, or print the JSON."""
    rule = _rule(args.rule)
    if args.target is None and not rule.is_info:
        raise UsageError("OUT is missing: only information rules print to the terminal")
    try:
        if not args.source.is_file():
            raise CommandError(f"{args.source}: no such file")
        result = process(args.source, rule)
        if args.target is None:
            sys.stdout.write(f"{result.data.decode()}\n")
            return 0
        args.target.parent.mkdir(parents=True, exist_ok=True)
        args.target.write_bytes(result.data)
    except ImageError as error:
        raise CommandError(f"{args.source}: {error.message} ({error.number})") from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    size = "" if rule.is_info else f" {result.width}x{result.height}"
    print(f"{args.target}: {result.format}{size}, {len(result.data)} bytes")
    return 0


def _rule(text: str) -> Rule:
    try:
        rule = parse(text)
    except RuleError as error:
        raise UsageError(str(error)) from None
    if rule.style is not None:
        raise UsageError(f"RULE is {text!r}: a style belongs to a bucket, give its rule instead")
    return rule

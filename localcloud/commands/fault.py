"""`localcloud fault`: make a running local cloud misbehave, and stop it doing so."""

from __future__ import annotations

import argparse
from typing import Any

from localcloud import admin_client
from localcloud.commands.failure import CommandError
from localcloud.config import DEFAULT_PORT, Config


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "fault", nargs="*", metavar="OPERATION=WHAT", help="to add; none: show what there is"
    )
    parser.add_argument("--clear", action="store_true", help="forget all others first")
    parser.add_argument("--seed", type=int, default=0, help="with --clear (default: 0)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"default: {DEFAULT_PORT}")


def run(args: argparse.Namespace) -> int:
    """Change the faults as asked, then print one line for each that there is."""
    method = "PUT" if args.clear else "POST" if args.fault else "GET"
    document = None
    if method != "GET":
        document = {"faults": args.fault} | ({"seed": args.seed} if args.clear else {})
    try:
        told = admin_client.call(Config(), args.port, method, "faults", document)
    except admin_client.AdminError as error:
        raise CommandError(str(error)) from None
    for fault in told["faults"]:
        print(f"{fault['fault']}  ({_counts(fault)})")
    if not told["faults"]:
        print("no faults")
    return 0


def _counts(fault: dict[str, Any]) -> str:
    counts = [
        f"{operation or 'no operation'} {fault['struck'].get(operation, 0)} of {seen}"
        for operation, seen in fault["seen"].items()
    ]
    return ", ".join(counts) or "nothing yet"

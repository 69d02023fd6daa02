"""The console script `localcloud`.

Every subcommand is a module in `localcloud.commands` and is imported only when it is asked for, so
that `localcloud --help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from localcloud.commands.failure import CommandError

COMMANDS = {
    "serve": "run the local cloud: COS, CI and the functions of serverless.yml",
    "env": "print the variables that point a program at the local cloud",
    "fault": "make a running local cloud misbehave",
    "deadletters": "list, show, retry or drop the uploads that were given up on",
    "backfill": "process what is in a bucket already: start, show or cancel",
    "reviews": "list, show, pass or block what audits leave to a person",
    "quarantine": "list, show, restore or drop what audits have put away",
    "demo": "upload real photos to a local cloud and show what becomes of them",
    "invoke": "run one function as SCF does, and print what it returns and logs",
    "logs": "show what functions logged, by upload, request or function",
    "messages": "show what CMQ topics and queues hold: dead letters, above all",
    "event": "print a sample event to invoke a function with",
    "audit": "judge a file as CI's content audit does",
    "process": "apply an image rule to a file",
    "validate": "check pipelines.yml and serverless.yml",
    "package": "build the zip files of the layer and the functions",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns its exit code (0 done, 1 failed, 2 wrong use)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except CommandError as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `localcloud event ... | head`: the reader left. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: list[str]) -> int:
    wanted = next((word for word in arguments if not word.startswith("-")), "")
    parser = argparse.ArgumentParser(
        prog="localcloud", description="Tencent Cloud's COS, CI and SCF on this machine."
    )
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = None
    for name, text in COMMANDS.items():
        child = choices.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == wanted:
            module = _load(name)
            module.configure(child)
            run = module.run
    namespace = parser.parse_args(arguments)
    return int(run(namespace)) if run else 2


def _load(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"localcloud.commands.{name}")
    except ModuleNotFoundError as error:
        # The layer's packages alone are a valid installation: say what the rest takes.
        raise CommandError(
            f"{name} needs the Python module {error.name}, which is not installed: "
            "run `make setup`, or install cos-pipelines[localcloud]"
        ) from None


if __name__ == "__main__":
    sys.exit(main())

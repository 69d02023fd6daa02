"""`localcloud messages`: what CMQ topics and queues hold, such as SCF's dead letters."""

from __future__ import annotations

import argparse
import json
import sqlite3
from datetime import datetime

from localcloud.commands import data_folder
from localcloud.commands.failure import CommandError
from localcloud.scf.kept import KeptInvocations
from localcloud.scf.store import Message


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", default="", help="of a topic or queue (default: all)")
    parser.add_argument("--json", action="store_true", help="one message a line, with its body")
    data_folder.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each message, the oldest first."""
    try:
        found = KeptInvocations(data_folder.find(args)).messages(args.name)
    except sqlite3.Error as error:
        raise CommandError(f"the messages cannot be read: {error}") from None
    for message in found:
        print(_document(message) if args.json else _line(message))
    if not found and not args.json:
        print(f"no messages{f' in {args.name}' if args.name else ''}")
    return 0


def _document(message: Message) -> str:
    return json.dumps(
        {
            "type": message.type,
            "name": message.name,
            "tag": message.tag,
            "request": message.request_id,
            "published": round(message.published, 3),
            "body": json.loads(message.body),
        },
        ensure_ascii=False,
    )


def _line(message: Message) -> str:
    body = json.loads(message.body)
    when = datetime.fromtimestamp(message.published).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    reason = str(body["ErrorMessage"]).strip().splitlines()[-1:] or [""]
    return (
        f"{when} {message.type} {message.name}: {body['Body']['FunctionName']} "
        f"{message.request_id}: {body['ErrorCode']} {reason[0]}"
    )

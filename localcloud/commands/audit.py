"""`localcloud audit FILE`: judge one file as CI's audit would, and print the verdict."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import mimetypes
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.commands.failure import CommandError, UsageError
from shared import audit_kinds
from shared.audits import Audit
from shared.errors import ConfigError
from shared.verdicts import KINDS

if TYPE_CHECKING:
    from localcloud.ci.audit.judging import Outcome
    from localcloud.ci.audit.kinds import Kind
    from localcloud.ci.audit.policy import AuditPolicy

_WORDS = {0: "pass", 1: "block", 2: "review"}
_STYLES = {0: "green", 1: "bold red", 2: "yellow"}
# 1 and 2 are what every command says of failure and of wrong use.
_EXIT_CODES = {0: 0, 1: 3, 2: 4}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--kind", choices=KINDS, help="default: by its suffix and its content")
    parser.add_argument("--scenes", metavar="A,B", help="default: those of the policy or the kind")
    parser.add_argument("--biz-type", default="", help="one of the policy file's strategies")
    parser.add_argument("--audit-policy", type=Path, metavar="FILE", help="as serve takes it")
    parser.add_argument("--json", action="store_true", help="what CI answers, as JSON")
    parser.epilog = "Exit code: 0 pass, 3 block, 4 review, 1 not judged, 2 wrong use."


def run(args: argparse.Namespace) -> int:
    """Judge and print; the exit code tells the verdict."""
    from localcloud.ci.audit import kinds as ci_kinds

    policy = _policy(args)
    if not args.file.is_file():
        raise CommandError(f"{args.file}: no such file")
    wanted = _kinds(args)
    if wanted.doubt:
        print(f"{args.file}: {_WORDS[2]}: {wanted.doubt}")
    results = [2] if wanted.doubt else []
    for name in wanted.names:
        kind = ci_kinds.KINDS[name]
        outcome, seconds = asyncio.run(_judge(args, kind, policy))
        results.append(
            _print_json(kind, outcome) if args.json else _print(args, kind, outcome, seconds)
        )
    return max(map(_EXIT_CODES.__getitem__, results), key=(0, 4, 3).index)


def _kinds(args: argparse.Namespace) -> audit_kinds.Kinds:
    """As what the function `audit` would have the file judged."""
    if args.kind:
        return audit_kinds.Kinds((args.kind,))
    guessed = mimetypes.guess_type(args.file.name)[0] or ""
    kinds = audit_kinds.Kinds(audit_kinds.named(Audit(), args.file.name, guessed))
    with args.file.open("rb") as file:
        start = file.read(audit_kinds.LOOK)
    if start and audit_kinds.needs_look(kinds.names):
        kinds = audit_kinds.decide(Audit(), kinds.names, start)
    if not kinds.names and not kinds.doubt:
        raise UsageError(
            f"{args.file}: neither its name nor its content tells a kind: give --kind "
            f"{'|'.join(KINDS)}"
        )
    return kinds


def _policy(args: argparse.Namespace) -> AuditPolicy:
    from localcloud.ci.audit.policy import AuditPolicy
    from localcloud.ci.audit.policy_file import load

    try:
        policy = load(args.audit_policy) if args.audit_policy else AuditPolicy()
    except ConfigError as error:
        raise UsageError(f"--audit-policy: {error}") from None
    if policy.strategy(args.biz_type) is None:
        raise UsageError(f"--biz-type is {args.biz_type!r}: the policy file has no such strategy")
    return policy


async def _judge(
    args: argparse.Namespace, kind: Kind, policy: AuditPolicy
) -> tuple[Outcome, float]:
    from localcloud.ci.audit import judging
    from localcloud.ci.audit.contents import check_size
    from localcloud.ci.audit.errors import AuditError
    from localcloud.ci.audit.requests import Conf, Input, scenes_of_words
    from localcloud.detectors import open_judge
    from localcloud.errors import ServiceError

    engines = open_judge() if policy.engines else None
    try:
        has_scenes = args.scenes and (args.kind or kind.name != "virus")
        scenes = scenes_of_words("--scenes", args.scenes, kind) if has_scenes else None
        wanted = Input(object=args.file.name, large=True)
        content = await asyncio.to_thread(_content, args.file)
        check_size(content, wanted, kind)
        task = judging.Task(kind, "", wanted, Conf(biz_type=args.biz_type, scenes=scenes), content)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            outcome = await judging.judge(
                lambda: Path(folder, uuid.uuid4().hex), engines, policy, task
            )
            return outcome, time.perf_counter() - began
    except ServiceError as error:
        raise UsageError(error.message) from None
    except (AuditError, OSError) as error:
        raise CommandError(f"{args.file}: {error}") from None
    finally:
        if engines is not None:
            await engines.close()


def _content(path: Path) -> Any:
    from localcloud.ci.audit.contents import Content
    from localcloud.storage import StoredObject

    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    size = path.stat().st_size
    stored = StoredObject("", path.name, size, md5, "", "", path.stat().st_mtime, path.resolve())
    return Content(size, stored, steady=True)


def _print_json(kind: Kind, outcome: Outcome) -> int:
    from localcloud.ci.audit import shapes, tree

    found = tree.pruned(shapes.result(kind, outcome))
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return _result(outcome)


def _print(args: argparse.Namespace, kind: Kind, outcome: Outcome, seconds: float) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from localcloud.ci.audit.shapes import by_scene

    result = _result(outcome)
    table = Table("scene", "verdict", "score", "label", "found", "engine", "reason")
    for finding in by_scene(outcome.pieces):
        found = (*finding.keywords, *(seen.name for seen in finding.objects))
        table.add_row(
            finding.scene,
            Text(_WORDS[finding.result], _STYLES[finding.result]),
            str(finding.score),
            finding.label,
            Text(", ".join(dict.fromkeys(found))[:80]),
            finding.engine or "none",
            Text(finding.reason[:120]),
        )
    if outcome.viruses is not None:
        for virus in outcome.viruses.viruses or (None,):
            name = virus.name if virus else ""
            table.add_row(
                "Virus", Text(_WORDS[result], _STYLES[result]), "", name,
                Text(virus.file if virus else ""), outcome.viruses.engine or "none",
                Text(outcome.viruses.reason[:120]),
            )  # fmt: skip
    count = len(outcome.pieces)
    console = Console(highlight=False)
    console.print(table)
    pieces = f", {count} pieces" if count > 1 else ""
    said = Text(f"{args.file} ({kind.name}{pieces}, {seconds:.2f} s): ")
    console.print(said + Text(_WORDS[result], _STYLES[result]), soft_wrap=True)
    return result


def _result(outcome: Outcome) -> int:
    from localcloud.ci.audit.shapes import by_scene
    from localcloud.detectors.judgement import gravity

    if outcome.viruses is not None:
        return outcome.viruses.result
    return max(by_scene(outcome.pieces), key=gravity).result

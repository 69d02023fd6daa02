"""`localcloud validate`: check pipelines.yml and serverless.yml without running anything."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from localcloud.scf import serverless
from shared import pipelines
from shared.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "project", nargs="?", type=Path, default=Path(), help="the project's folder (default: .)"
    )


def run(args: argparse.Namespace) -> int:
    """Print what was found: one line per problem on stderr, or one line per right file."""
    problems: list[str] = []
    try:
        found = pipelines.load(args.project / "pipelines.yml").entries
        outputs = sum(len(pipeline.outputs) for pipeline in found)
        print(f"pipelines.yml: {len(found)} pipelines, {outputs} outputs")
    except ConfigError as error:
        problems += error.problems
    try:
        project = serverless.load(args.project)
        print(
            f"serverless.yml: {len(project.functions)} functions, {len(project.triggers)} triggers"
        )
    except ConfigError as error:
        problems += error.problems
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0

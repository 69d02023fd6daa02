"""`localcloud env`: the variables that point a program at the local cloud, as shell exports."""

from __future__ import annotations

import argparse
import shlex

from localcloud.config import DEFAULT_BUCKET, DEFAULT_REGION, Config, client_environment


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", type=int, default=9000, help="of the local cloud (default: 9000)")
    parser.add_argument("--bucket", default=DEFAULT_BUCKET)
    parser.add_argument("--region", default=DEFAULT_REGION)


def run(args: argparse.Namespace) -> int:
    """Print one `export` line for each variable."""
    config = Config(port=args.port, buckets=(args.bucket,), region=args.region)
    for name, value in client_environment(f"http://127.0.0.1:{args.port}", config).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0

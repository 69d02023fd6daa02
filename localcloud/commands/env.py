"""`localcloud env`: the variables that point a program at the local cloud, as shell exports."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from localcloud import admin_client
from localcloud.config import DEFAULT_BUCKET, DEFAULT_REGION, Config, Trust, client_environment


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", type=int, default=9000, help="of the local cloud (default: 9000)")
    parser.add_argument("--bucket", default=DEFAULT_BUCKET)
    parser.add_argument("--region", default=DEFAULT_REGION)


def run(args: argparse.Namespace) -> int:
    """Print one `export` line for each variable; those of HTTPS when the cloud speaks it."""
    config = Config(port=args.port, buckets=(args.bucket,), region=args.region)
    config = replace(config, trust=_trust(config, args.port))
    for name, value in client_environment(f"http://127.0.0.1:{args.port}", config).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _trust(config: Config, port: int) -> Trust | None:
    """What the cloud that runs at `port` says of its certificates; None without one."""
    try:
        files = admin_client.call(config, port, "GET", "status").get("tls")
    except admin_client.NotRunningError:
        return None  # the variables are right for one that is started later, without --tls
    except admin_client.AdminError as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return None
    return Trust(Path(files["authority"]), Path(files["bundle"])) if files else None

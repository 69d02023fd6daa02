"""Which data folder a command is about: the one it is told, a running cloud's, or the usual."""

from __future__ import annotations

import argparse
from pathlib import Path

from localcloud import admin_client
from localcloud.commands.failure import CommandError
from localcloud.config import DEFAULT_DATA, DEFAULT_PORT, Config


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare `--port` and `--data`."""
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"of the running cloud (default: {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help=f"folder of a cloud, running or not (default: that of --port, else {DEFAULT_DATA})",
    )


def find(args: argparse.Namespace) -> Path:
    """The folder. Raises `CommandError` when there is none."""
    folder: Path | None = args.data
    if folder is None:
        try:
            folder = Path(admin_client.call(Config(), args.port, "GET", "status")["data"])
        except admin_client.NotRunningError as error:
            folder = DEFAULT_DATA
            if not folder.is_dir():
                raise CommandError(f"{error}; and there is no folder {DEFAULT_DATA}") from None
        except (admin_client.AdminError, KeyError) as error:
            raise CommandError(str(error)) from None
    if not folder.is_dir():
        raise CommandError(f"--data {folder}: no such folder")
    return folder

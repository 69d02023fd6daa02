"""`localcloud package`: build what is deployed, the layer's and the functions' zip files."""

from __future__ import annotations

import argparse
from pathlib import Path

from localcloud.commands.failure import CommandError, UsageError
from localcloud.packaging import Package, PackageError, build_function, build_layer
from localcloud.scf.serverless import load
from shared.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder of the zip files")
    parser.add_argument("--project", type=Path, default=Path(), help="folder of serverless.yml")


def run(args: argparse.Namespace) -> int:
    """Build all zip files and print their sizes."""
    try:
        project = load(args.project)
        _print(build_layer(args.project, args.out / "layer.zip"))
        for function in project.functions.values():
            _print(build_function(function, args.out / f"{function.key}.zip"))
    except ConfigError as error:
        raise UsageError(str(error)) from None
    except PackageError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    return 0


def _print(package: Package) -> None:
    print(
        f"{package.path}  {package.size:,} bytes "
        f"({package.files} files, {package.unpacked:,} bytes unpacked)"
    )

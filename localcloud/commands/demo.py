"""`localcloud demo`: real photos through the real function, shown in the terminal and on a page."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from localcloud.commands.failure import CommandError, UsageError

PAGE = "index.html"
DEADLINE_SECONDS = 60.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--project", type=Path, help="folder of serverless.yml and pipelines.yml")
    parser.add_argument("--samples", type=Path, help="pictures to upload (default: events/objects)")
    parser.add_argument(
        "--data", type=Path, help="keep the bucket in this folder (default: a temporary one)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), help=f"folder for {PAGE} (%(default)s)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the local cloud running until Ctrl-C"
    )
    parser.add_argument(
        "--deadline", type=float, default=DEADLINE_SECONDS, help="seconds to wait (%(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table and the page's path; 1 if an outcome is not what the sample is there for."""
    from localcloud.child import ChildError, serve
    from localcloud.demo import page, samples, table
    from localcloud.demo.run import run as demonstrate

    project = _project(args.project)
    if not args.deadline > 0:
        raise UsageError(f"--deadline is {args.deadline:g}: seconds above 0 are expected")
    # So that a SIGTERM stops the local cloud as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    out = table.console()
    try:
        chosen = samples.load(args.samples or project / "events" / "objects")
        with _data(args.data) as data, serve(data, "--project", str(project)) as cloud:
            with _progress() as progress:
                results = demonstrate(
                    chosen, project, cloud, seconds=args.deadline, progress=progress
                )
            out.print(table.build(results))
            args.out.mkdir(parents=True, exist_ok=True)
            path = args.out / PAGE
            path.write_text(page.render(results), "utf-8", "backslashreplace")
            surprises = [result.surprise for result in results if result.surprise]
            variants = sum(len(result.outputs) for result in results)
            print(f"{len(results)} uploads, {variants} variants. Originals beside them: {path}")
            if surprises:
                print(f"\nThe local cloud's log ends with:\n{cloud.log_tail()}", file=sys.stderr)
                raise CommandError("; ".join(surprises))
            if args.keep:
                print(f"The local cloud stays at {cloud.endpoint} until Ctrl-C.", flush=True)
                cloud.process.wait()
    except (ChildError, samples.DemoError) as error:
        raise CommandError(str(error)) from None
    return 0


def _project(given: Path | None) -> Path:
    """The project's folder: as given, else here, else the source tree of this program."""
    source = Path(__file__).resolve().parents[2]
    for folder in [given] if given else [Path(), source]:
        if (folder / "serverless.yml").is_file():
            return folder.resolve()
    raise UsageError(f"{given or Path().resolve()} holds no serverless.yml: use --project DIR")


@contextlib.contextmanager
def _data(given: Path | None) -> Iterator[Path]:
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="localcloud-demo-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere nothing, so that logs stay readable."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Uploads processed", total=None)
        yield lambda done, all_of_them: bar.update(task, completed=done, total=all_of_them)

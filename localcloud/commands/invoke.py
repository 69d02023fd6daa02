"""`localcloud invoke`: run one function as SCF does, against a running or a short-lived cloud."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from localcloud import admin_client
from localcloud.child import ChildError, serve
from localcloud.commands.event import MAX_EVENT, parse_event, read_event
from localcloud.commands.failure import CommandError, UsageError
from localcloud.config import Config, client_environment
from localcloud.scf.invocation import Invocation
from localcloud.scf.layer import LayerError, link_layer
from localcloud.scf.runner import Runner
from localcloud.scf.serverless import Function, Project, load, local_variables
from shared.errors import ConfigError
from shared.events import EventError, Upload, parse
from shared.settings import Credentials

LOG_SHOWN = 4000  # characters
IDLE_SECONDS = 60.0
POLL_SECONDS = 0.05


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("function", help="the function's key in serverless.yml")
    parser.add_argument("event", nargs="?", default="-", help="JSON file, or - for standard input")
    parser.add_argument("--project", type=Path, default=Path(), help="folder of serverless.yml")
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("LOCALCLOUD_ENDPOINT", ""),
        help="a running local cloud (http://127.0.0.1:PORT); default: one for this invocation",
    )
    parser.add_argument("--file", type=Path, help="upload this file as the event's object first")
    parser.add_argument("--timeout", type=int, help="seconds, instead of serverless.yml's")
    parser.add_argument("--memory", type=int, help="MB, instead of serverless.yml's")
    parser.add_argument("--quiet", action="store_true", help="do not print the log")


def run(args: argparse.Namespace) -> int:
    """Print the log on stderr and the returned value (or SCF's error) on stdout as JSON."""
    event = _read(args.event)
    uploads = _uploads(event)
    config = _config(uploads)
    try:
        project = load(args.project, local_variables(config.buckets[0], config.region))
        function = _function(project, args)
        with _cloud(args, uploads) as endpoint:
            _put_objects(endpoint, config, uploads, args)
            invocation = asyncio.run(_invoke(args, function, event, endpoint, config))
            if not args.endpoint:
                _wait_until_idle(endpoint, config)
    except (ConfigError, LayerError) as error:
        raise UsageError(str(error)) from None
    except ChildError as error:
        raise CommandError(str(error)) from None
    if not args.quiet:
        print(invocation.report(), file=sys.stderr)
    value = invocation.result if invocation.ok else invocation.error
    print(json.dumps(value, ensure_ascii=False, indent=2))
    return 0 if invocation.ok else 1


def _read(name: str) -> Any:
    if name != "-":
        return read_event(name, Path(name))
    if sys.stdin.isatty():
        raise UsageError(
            "an event is expected: a file, or piped in (localcloud event cos put | localcloud "
            "invoke ...)"
        )
    return parse_event("standard input", sys.stdin.buffer.read(MAX_EVENT + 1))


def _uploads(event: Any) -> list[Upload]:
    try:
        return parse(event)
    except EventError:
        return []  # what the function makes of it is what the user wants to see


def _config(uploads: list[Upload]) -> Config:
    """Keys as the environment says, bucket and region as the event does."""
    if not uploads:
        return Config()
    buckets = tuple(dict.fromkeys(upload.bucket for upload in uploads))
    return Config(buckets=buckets, region=uploads[0].region)


def _function(project: Project, args: argparse.Namespace) -> Function:
    function = project.function(args.function)
    if function is None:
        known = ", ".join(project.functions)
        raise UsageError(f"no function {args.function!r} in serverless.yml: one of {known}")
    for option, value, allowed in (
        ("--timeout", args.timeout, range(1, 901)),
        ("--memory", args.memory, range(64, 3073)),
    ):
        if value is not None and value not in allowed:
            low, high = allowed.start, allowed.stop - 1
            raise UsageError(f"{option} is {value}: {low} to {high} is expected")
    return replace(
        function,
        timeout=args.timeout or function.timeout,
        memory=args.memory or function.memory,
    )


@contextlib.contextmanager
def _cloud(args: argparse.Namespace, uploads: list[Upload]) -> Iterator[str]:
    """The endpoint of the cloud to use; one of our own ends with the block, and its data too."""
    if args.endpoint:
        yield args.endpoint
        return
    # Its functions are there for those that the invoked one invokes.
    project = ["--project", str(args.project)]
    options = [*project, "--no-triggers", "--retry-seconds", "0"]
    for bucket in dict.fromkeys(upload.bucket for upload in uploads):
        options += ["--bucket", bucket]
    if uploads:
        options += ["--region", uploads[0].region]
    with (
        tempfile.TemporaryDirectory(prefix="localcloud-") as folder,
        serve(Path(folder), *options) as cloud,
    ):
        yield cloud.endpoint
        # The folder goes in a moment, and "its log says where" must not be an empty promise.
        said = cloud.log_tail(LOG_SHOWN)
        if said and not args.quiet:
            print(f"localcloud: the temporary cloud logged:\n{said}", file=sys.stderr)


def _wait_until_idle(endpoint: str, config: Config) -> None:
    """Let the functions that were invoked finish: their cloud ends after them."""
    port = int(endpoint.rpartition(":")[2])
    deadline = time.monotonic() + IDLE_SECONDS
    pause = threading.Event()
    try:
        while not admin_client.call(config, port, "GET", "status")["idle"]:
            if time.monotonic() > deadline:
                print(f"localcloud: after {IDLE_SECONDS:g} seconds functions still run",
                      file=sys.stderr)  # fmt: skip
                return
            pause.wait(POLL_SECONDS)
    except admin_client.AdminError as error:
        raise CommandError(str(error)) from None


def _put_objects(
    endpoint: str, config: Config, uploads: list[Upload], args: argparse.Namespace
) -> None:
    """Put what the event speaks of into the cloud: `--file`, or a sample file of the same name.

    Into a running cloud only `--file` goes: the objects there are the user's own.
    """
    if args.file is not None:
        if not args.file.is_file():
            raise UsageError(f"--file {args.file}: no such file")
        if not uploads:
            raise UsageError("--file needs an event that names an object")
        _put_object(endpoint, config, uploads[0], args.file)
    elif not args.endpoint:
        for upload in uploads:
            sample = args.project / "events" / "objects" / upload.key.rpartition("/")[2]
            if upload.created and "\0" not in str(sample) and sample.is_file():
                _put_object(endpoint, config, upload, sample)
    if not args.endpoint and not args.quiet:
        print(
            "localcloud: a temporary cloud is used and thrown away; to look at the outputs, start "
            "`localcloud serve` and give its address with --endpoint",
            file=sys.stderr,
        )


def _put_object(endpoint: str, config: Config, upload: Upload, file: Path) -> None:
    """Upload a file under the event's bucket and key, with the SDK that the functions use."""
    from qcloud_cos import CosClientError, CosConfig, CosS3Client, CosServiceError

    client = CosS3Client(
        CosConfig(
            Region=upload.region,
            SecretId=config.secret_id,
            SecretKey=config.secret_key,
            Scheme="http",
            Proxies={"http": endpoint},
        ),
        retry=0,
    )
    logging.getLogger("qcloud_cos").setLevel(logging.CRITICAL)  # its log shows keys
    options = {"ContentType": upload.content_type} if upload.content_type else {}
    try:
        with file.open("rb") as body:
            client.put_object(upload.bucket, body, upload.key, **options)
    except CosServiceError as error:
        raise CommandError(
            f"{file} was not stored in {upload.bucket}: {error.get_error_code()}: "
            f"{error.get_error_msg()}"
        ) from None
    except CosClientError as error:
        raise CommandError(f"no local cloud answers at {endpoint}: {error}") from None


async def _invoke(
    args: argparse.Namespace, function: Function, event: Any, endpoint: str, config: Config
) -> Invocation:
    layer = link_layer(args.project)
    for note in layer.notes:
        print(f"localcloud: layer: {note}", file=sys.stderr)
    runner = Runner(
        args.project,
        layer,
        appid=config.appid,
        credentials=lambda: Credentials(config.secret_id, config.secret_key),
        route=client_environment(endpoint, config),
    )
    try:
        return await runner.invoke(function, event)
    finally:
        await runner.stop()

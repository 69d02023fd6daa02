"""`localcloud serve`: run COS, CI and the functions of serverless.yml until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path

from localcloud import allocator
from localcloud.cloud import Cloud
from localcloud.commands.failure import CommandError, UsageError
from localcloud.config import DEFAULT_BUCKET, DEFAULT_DATA, DEFAULT_PORT, DEFAULT_REGION, Config
from localcloud.cos.buckets import check_name
from localcloud.errors import ServiceError
from localcloud.server import Server
from localcloud.storage import Bucket
from localcloud.storage.directory import DataFolderError, DirectoryStorage
from shared.errors import ConfigError

_TEMPORARY_SECONDS = 7200  # how long the keys of a function's role are good


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"0: any (default: {DEFAULT_PORT})"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: loopback)")
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help=f"folder (default: {DEFAULT_DATA})"
    )
    parser.add_argument(
        "--bucket", action="append", metavar="NAME-APPID", help=f"default: {DEFAULT_BUCKET}"
    )
    parser.add_argument("--region", default=DEFAULT_REGION, help=f"default: {DEFAULT_REGION}")
    parser.add_argument("--no-functions", action="store_true", help="uploads trigger nothing")
    parser.add_argument(
        "--project", type=Path, default=Path(), help="folder of serverless.yml (default: .)"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; prints one line on stdout when ready."""
    logging.basicConfig(format="localcloud: %(message)s", level=logging.WARNING)
    buckets = tuple(args.bucket or [DEFAULT_BUCKET])
    for name in buckets:
        try:
            check_name(name)
        except ServiceError as error:
            raise UsageError(f"--bucket: {error.message}") from None
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port is {args.port}: 0 to 65535 are allowed")
    config = Config(
        port=args.port,
        data=args.data,
        buckets=buckets,
        region=args.region,
        functions=not args.no_functions and (args.project / "serverless.yml").is_file(),
        host=args.host,
    )
    allocator.bound()
    try:
        asyncio.run(_serve(config, args.project))
    except (DataFolderError, ConfigError) as error:
        raise CommandError(str(error)) from None
    return 0


async def _serve(config: Config, project: Path) -> None:
    async with contextlib.AsyncExitStack() as ending:
        storage = DirectoryStorage(config.data)
        ending.callback(storage.close)
        _create_buckets(storage, config)
        cloud = Cloud(config, storage)
        ending.callback(cloud.pool.shutdown, wait=False, cancel_futures=True)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        server = Server(cloud)
        try:
            endpoint = await server.start(config.host, config.port)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise CommandError(f"cannot listen on {config.host}:{config.port}: {reason}") from None
        ending.push_async_callback(server.stop)
        if config.functions:
            await _start_functions(cloud, project, endpoint, ending)
        print(f"localcloud ready {endpoint}", flush=True)
        await stopped.wait()


async def _start_functions(
    cloud: Cloud, project: Path, endpoint: str, ending: contextlib.AsyncExitStack
) -> None:
    """Run the functions of serverless.yml until `ending` does."""
    from localcloud.scf import FunctionHost, LayerError

    functions = FunctionHost(
        project,
        endpoint,
        cloud.config,
        _log,
        credentials=lambda: cloud.credentials.issue(_TEMPORARY_SECONDS),
    )
    try:
        await functions.start()
    except LayerError as error:
        raise CommandError(str(error)) from None
    # Functions need the cloud to finish, so they are stopped before it.
    ending.push_async_callback(functions.stop)
    cloud.subscribe(functions.on_cos_event)


def _create_buckets(storage: DirectoryStorage, config: Config) -> None:
    there = {bucket.name: bucket for bucket in storage.buckets()}
    for name in config.buckets:
        if name not in there:
            storage.create_bucket(Bucket(name, config.region, time.time()))
        elif there[name].region != config.region:
            _log(f"bucket {name} stays in {there[name].region}, where it was created")


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

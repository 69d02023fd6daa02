"""`localcloud serve`: run COS, CI and the functions of serverless.yml until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from localcloud import allocator
from localcloud.addressing import plays
from localcloud.admin import parse_faults
from localcloud.cloud import Cloud
from localcloud.commands.failure import CommandError, UsageError
from localcloud.config import (
    DEFAULT_BUCKET,
    DEFAULT_DATA,
    DEFAULT_PORT,
    DEFAULT_REGION,
    OWNER_UIN,
    Config,
)
from localcloud.cos.buckets import check_name
from localcloud.cos.settings import expiry
from localcloud.errors import ServiceError
from localcloud.faults.rules import FaultError, Rule
from localcloud.identity import users
from localcloud.limits import MAX_CONNECTIONS
from localcloud.server import Server
from localcloud.storage import Bucket, Storage, StorageUnavailable
from localcloud.storage.directory import DirectoryStorage
from localcloud.storage.folder import DataFolderError
from localcloud.tls import AuthorityError
from localcloud.tls.contexts import Contexts
from shared.errors import ConfigError

_DAY = 86_400.0
_MAX_AHEAD = 36_500
_MAX_INSTANCES = 64
_KEY_SECONDS = 7200.0  # how long the keys of a function's role are good
_RETRY_SECONDS = 60.0  # between two tries of an asynchronous event
_DIRECTORY = "directory"


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
        "--storage",
        default=_DIRECTORY,
        metavar="WHERE",
        help="'directory', in the folder of --data (default), or s3://bucket/prefix, which several "
        "local clouds may share; credentials from the AWS variables",
    )
    parser.add_argument(
        "--s3-endpoint", metavar="URL", help="of the S3 store (default: AWS_ENDPOINT_URL, or AWS)"
    )
    parser.add_argument(
        "--bucket", action="append", metavar="NAME-APPID", help=f"default: {DEFAULT_BUCKET}"
    )
    parser.add_argument("--region", default=DEFAULT_REGION, help=f"default: {DEFAULT_REGION}")
    parser.add_argument(
        "--sync", action="store_true", help="answer a write when a power failure cannot undo it"
    )
    parser.add_argument("--no-functions", action="store_true", help="uploads trigger nothing")
    parser.add_argument(
        "--no-triggers", action="store_true", help="functions run only when they are invoked"
    )
    parser.add_argument("--tls", action="store_true", help="answer https and CONNECT as well")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="OPERATION=WHAT",
        help="misbehave, as in PutObject=slowdown,percent=30 (docs/local-cloud.md, Faults)",
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="process every download anew, from the original"
    )
    parser.add_argument("--fault-seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--users",
        type=Path,
        metavar="FILE",
        help="JSON list of further keys, each with its account, user and policy",
    )
    parser.add_argument(
        "--audit-policy",
        type=Path,
        metavar="FILE",
        help="YAML of BizTypes, and of verdicts decided in advance (docs/audit.md)",
    )
    parser.add_argument(
        "--days-ahead",
        type=float,
        default=0.0,
        metavar="DAYS",
        help="lifecycle rules run as if it were so many days later (default: 0)",
    )
    parser.add_argument(
        "--callback",
        action="append",
        default=[],
        metavar="http://127.0.0.1:PORT",
        help="where the callbacks of CI's jobs may go; to nowhere else",
    )
    parser.add_argument(
        "--ci-rate",
        type=float,
        default=0.0,
        metavar="N",
        help="persistent processing requests a second that CI takes; 100 in the service "
        "(default: 0, any number)",
    )
    parser.add_argument(
        "--instances",
        type=int,
        default=0,
        metavar="N",
        help="functions that asynchronous events run at once (default: twice the processors)",
    )
    parser.add_argument(
        "--retry-seconds",
        type=float,
        default=_RETRY_SECONDS,
        metavar="SECONDS",
        help=f"until a failed asynchronous event is tried again (default: {_RETRY_SECONDS:g})",
    )
    parser.add_argument(
        "--key-seconds",
        type=float,
        default=_KEY_SECONDS,
        metavar="SECONDS",
        help=f"life of the temporary keys of functions (default: {_KEY_SECONDS:g})",
    )
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
    try:
        faults = parse_faults(args.fault)
    except FaultError as error:
        raise UsageError(f"--fault: {error}") from None
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port is {args.port}: 0 to 65535 are allowed")
    if not 0 <= args.days_ahead <= _MAX_AHEAD:
        raise UsageError(f"--days-ahead is {args.days_ahead}: 0 to {_MAX_AHEAD} are allowed")
    for option, value, highest in (
        ("--ci-rate", args.ci_rate, 10_000),
        ("--instances", args.instances, _MAX_INSTANCES),
        ("--retry-seconds", args.retry_seconds, 3600),
        ("--key-seconds", args.key_seconds, 43_200),
    ):
        if not 0 <= value <= highest:
            raise UsageError(f"{option} is {value}: 0 to {highest} are allowed")
    _check_storage(args)
    config = Config(
        port=args.port,
        data=args.data,
        buckets=buckets,
        region=args.region,
        functions=not args.no_functions and (args.project / "serverless.yml").is_file(),
        host=args.host,
        storage=args.storage,
        s3_endpoint=args.s3_endpoint,
        sync=args.sync,
        cache=not args.no_cache,
        users=_users(args.users),
        callbacks=tuple(map(_origin, args.callback)),
        ci_rate=args.ci_rate,
        audit_policy=_checked(args.audit_policy),
    )
    allocator.bound()
    _allow_files()
    try:
        asyncio.run(_serve(config, args, faults))
    except (
        DataFolderError, StorageUnavailable, AuthorityError, FaultError, ConfigError,
    ) as error:  # fmt: skip
        raise CommandError(str(error)) from None
    return 0


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if (
        (parts.scheme, parts.path, parts.query) != ("http", parts.path.strip("/"), "")
        or parts.hostname not in ("127.0.0.1", "localhost", "::1")
        or port is None
    ):
        raise UsageError(f"--callback is {text[:100]!r}: http://127.0.0.1:PORT is allowed")
    return f"http://{parts.netloc}"


def _allow_files() -> None:
    """Enough open files for all connections, and one for each to send, if the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * MAX_CONNECTIONS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _check_storage(args: argparse.Namespace) -> None:
    if args.storage == _DIRECTORY:
        if args.s3_endpoint is not None:
            raise UsageError("--s3-endpoint is for --storage s3://...")
        return
    from localcloud.storage import s3

    if args.sync:
        raise UsageError("--sync is for --storage directory: an S3 store keeps what it has taken")
    try:
        s3.check(args.storage, args.s3_endpoint)
    except ValueError as error:
        raise UsageError(f"--storage, --s3-endpoint: {error}") from None


def _open_storage(config: Config) -> Storage:
    if config.storage == _DIRECTORY:
        return DirectoryStorage(config.data, sync=config.sync)
    # boto3 takes 40 MB and most of a second.
    from localcloud.storage import s3

    return s3.open_storage(config.storage, config.s3_endpoint, config.data)


def _users(path: Path | None) -> tuple[users.User, ...]:
    try:
        return users.load(path, OWNER_UIN) if path else ()
    except ConfigError as error:
        raise UsageError(f"--users: {error}") from None


def _checked(path: Path | None) -> Path | None:
    if path is not None:
        from localcloud.ci.audit.policy_file import load

        try:
            load(path)
        except ConfigError as error:
            raise UsageError(f"--audit-policy: {error}") from None
    return path


async def _serve(config: Config, args: argparse.Namespace, faults: list[Rule]) -> None:
    async with contextlib.AsyncExitStack() as ending:
        storage = _open_storage(config)
        ending.callback(storage.close)
        _create_buckets(storage, config)
        contexts = None
        if args.tls:
            config, contexts = _open_tls(config)
        cloud = Cloud(config, storage)
        cloud.clock = lambda: time.time() + args.days_ahead * _DAY
        ending.callback(cloud.pool.shutdown, wait=False, cancel_futures=True)
        ending.push_async_callback(cloud.stop_jobs)
        cloud.faults.replace(faults, args.fault_seed)
        ending.callback(cloud.faults.close)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        ending.callback(_close_functions, cloud)  # after the server: uploads still send events
        server = Server(cloud, contexts)
        try:
            endpoint = await server.start(config.host, config.port)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise CommandError(f"cannot listen on {config.host}:{config.port}: {reason}") from None
        ending.push_async_callback(server.stop)
        if config.functions:
            await _start_functions(cloud, args, endpoint, ending)
            _check_pipelines(args.project)
        elif not args.no_functions:
            _log(f"no serverless.yml in {args.project.absolute()}: uploads trigger nothing")
        cloud.resume_jobs()
        rounds = asyncio.create_task(expiry.run(cloud))
        ending.callback(rounds.cancel)
        print(f"localcloud ready {endpoint}", flush=True)
        await stopped.wait()


def _check_pipelines(project: Path) -> None:
    """Say what would only show in the log of each function: it may be mended without a restart."""
    from shared import pipelines

    try:
        pipelines.load(project / "pipelines.yml")
    except ConfigError as error:
        _log(f"{error}\nfunctions fail until that is right; no restart is needed")


def _open_tls(config: Config) -> tuple[Config, Contexts]:
    # Costs 50 ms, which a cloud without TLS saves.
    from localcloud.tls.authority import open_authority
    from localcloud.tls.trust import publish

    folder = config.data / "tls"
    authority = open_authority(folder, _log)
    trust = publish(authority, folder)
    _log(f"https: clients have to trust {trust.authority}; `localcloud env` makes them")
    return replace(config, trust=trust), Contexts(authority, plays, folder)


def _close_functions(cloud: Cloud) -> None:
    if cloud.functions is not None:
        cloud.functions.close()


async def _start_functions(
    cloud: Cloud, args: argparse.Namespace, endpoint: str, ending: contextlib.AsyncExitStack
) -> None:
    """Run the functions of serverless.yml until `ending` does."""
    from localcloud.scf import FunctionHost, LayerError
    from localcloud.scf.role_keys import RoleKeys

    functions = FunctionHost(
        args.project,
        endpoint,
        cloud.config,
        _log,
        credentials=RoleKeys(cloud.credentials.issue, args.key_seconds),
        clock=cloud.clock,
        retry_seconds=args.retry_seconds,
        instances=args.instances,
        triggers=not args.no_triggers,
    )
    try:
        await functions.start()
    except LayerError as error:
        raise CommandError(str(error)) from None
    # Functions need the cloud to finish, so they are stopped before it.
    ending.push_async_callback(functions.stop)
    cloud.functions = functions
    cloud.subscribe(functions.on_cos_event)


def _create_buckets(storage: Storage, config: Config) -> None:
    there = {bucket.name: bucket for bucket in storage.buckets()}
    for name in config.buckets:
        if name not in there:
            storage.create_bucket(Bucket(name, config.region, time.time()))
        elif there[name].region != config.region:
            _log(f"bucket {name} stays in {there[name].region}, where it was created")


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

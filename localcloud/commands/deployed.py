"""The functions of a project as a developer's command reaches them, in the local cloud or the real
one."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from localcloud.commands.failure import CommandError, UsageError
from localcloud.scf.serverless import load, local_variables
from shared.errors import CloudError, ConfigError
from shared.scf import Scf
from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T", bound="DataclassInstance")
MAX_LISTED = 10_000


def configure_place(parser: argparse.ArgumentParser) -> None:
    """Declare where the state is, and whose functions act on it."""
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER",
        help="whose serverless.yml says what functions are deployed as (default: this folder)",
    )  # fmt: skip
    parser.add_argument("--bucket", default="", help="default: STATE_BUCKET or COS_BUCKET")
    parser.add_argument("--json", action="store_true", help="list: one JSON object a line")


def load_settings() -> Settings:
    """The environment, as a function reads it. Raises `CommandError`."""
    try:
        return Settings.load()
    except SettingsError as error:
        raise CommandError(f"{error}; `localcloud env` prints what leads to a local one") from None


def chosen_bucket(settings: Settings, asked: str) -> str:
    """The bucket that is meant. Raises `UsageError` if none is."""
    bucket = asked or next(iter(settings.buckets), "")
    if not bucket:
        raise UsageError("no bucket: --bucket name-appid, or set COS_BUCKET")
    return bucket


# For what serverless.yml needs and is not set here: the functions' secrets are none of a command's.
_UNSET = "a-variable-that-is-not-set"


class Deployed:
    """The functions under the names that serverless.yml gives them."""

    def __init__(self, settings: Settings, project: Path, bucket: str) -> None:
        self._scf = Scf(settings, settings.region, "")
        self._prefix = settings.function_prefix
        self._variables = local_variables(bucket, settings.region)
        self._project = project

    def name(self, function: str) -> str:
        """What a function is deployed as. Raises `CommandError`."""
        if self._prefix:
            return self._prefix + function
        try:
            project = load(self._project, self._variables, unset=_UNSET)
        except ConfigError as error:
            raise CommandError(f"{error}\nor set FUNCTION_PREFIX") from None
        found = project.functions.get(function)
        if found is None:
            raise CommandError(f"serverless.yml has no function {function}")
        if _UNSET in found.name:
            raise CommandError(f"the name of {function} needs a variable that is not set")
        return found.name

    def invoke(self, function: str, event: Mapping[str, Any]) -> str:
        """Begin an asynchronous invocation. Raises `CloudError` or `CommandError`."""
        return self._scf.invoke(self.name(function), event)


def failed(error: CloudError) -> CommandError:
    """What a command says when the service did not do it."""
    if error.code == "NetworkError":
        where = os.environ.get("HTTP_PROXY") or os.environ.get("http_proxy")
        said = f"nothing answers at {where}: is `localcloud serve` running there?"
        return CommandError(said if where else f"the service could not be reached: {error.message}")
    return CommandError(f"{error}{'; ' if error.advice else ''}{error.advice}")


def print_list(
    found: Iterable[_T], line: Callable[[_T], str], *, as_json: bool, nothing: str
) -> int:
    """Print a line, or a JSON object, for each of some dataclasses; the exit code."""
    number = 0
    for number, each in enumerate(found, 1):
        if number > MAX_LISTED:
            print(f"... and more than these {MAX_LISTED}")
            break
        print(json.dumps(asdict(each)) if as_json else printable(line(each)))
    if not number and not as_json:
        print(nothing)
    return 0


def whole_ids(starts: Sequence[str], ids: Iterable[str], noun: str) -> list[str]:
    """The ids that begin so, one for each of `starts`. Raises `CommandError`."""
    known, found = list(ids), []
    for start in starts:
        matching = [id for id in known if id.startswith(start)]
        if len(matching) != 1:
            what = f"is the start of {len(matching)}" if matching else "names none"
            raise CommandError(f"{start!r} {what} of the {len(known)} {noun}")
        found += matching
    return found


def printable(text: str) -> str:
    """Keys come from outside: nothing in them moves the terminal's cursor."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)

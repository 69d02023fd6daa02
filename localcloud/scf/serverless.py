"""serverless.yml of the component `multi-scf` -> the functions and triggers that it binds.

The fields are those of the component's configuration document. A function inherits the fields of
`inputs`; a field that it gives itself replaces the inherited one whole (`environments` too).
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.addressing import FUNCTIONS
from localcloud.config import DEFAULT_BUCKET, DEFAULT_PORT, DEFAULT_REGION, OWNER_APPID
from localcloud.scf import bindings, dotenv
from localcloud.scf.document import Field
from localcloud.scf.routes import Route
from localcloud.scf.timers import TimerTrigger
from localcloud.scf.topics import CmqTrigger
from localcloud.scf.triggers import CosTrigger
from shared.errors import ConfigError
from shared.located import Node, read

FILE_NAME = "serverless.yml"
TOP_FIELDS = {"app", "stage", "component", "name", "org", "inputs"}
COMMON_FIELDS = {
    *(
        "asyncRunEnable",
        "cfs",
        "cls",
        "deadLetter",
        "description",
        "eip",
        "environment",
        "environments",
    ),
    *("ignoreTriggers", "initTimeout", "installDependency", "layers", "memorySize", "namespace"),
    *("nodeSpec", "nodeType", "publicAccess", "role", "runtime", "src", "tags", "timeout"),
    *("traceEnable", "type", "vpc", "vpcConfig"),
}
INPUT_FIELDS = COMMON_FIELDS | {
    *("functions", "isAutoPublish", "publishDescription", "region", "triggers"),
}
FUNCTION_FIELDS = COMMON_FIELDS | {"code", "handler", "image", "key", "name"}
MEMORY_SIZES = (64, *range(128, 3073, 128))
RUNTIMES = ("Python3.10", "Python3.9")
DEFAULT_MEMORY, DEFAULT_TIMEOUT, DEFAULT_INIT_TIMEOUT = 128, 3, 65
RESERVED_ENVIRONMENT = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")


@dataclass(frozen=True)
class DeadLetterTarget:
    """A CMQ topic or queue. `tag` is what messages to a topic carry."""

    type: str
    name: str
    tag: str = ""


@dataclass(frozen=True)
class Function:
    """One cloud function. Times in seconds, memory in MB; `code` is the root of its package."""

    key: str
    name: str
    handler: str
    code: Path
    memory: int = DEFAULT_MEMORY
    timeout: int = DEFAULT_TIMEOUT
    init_timeout: int = DEFAULT_INIT_TIMEOUT
    environment: tuple[tuple[str, str], ...] = ()
    namespace: str = "default"
    region: str = "ap-guangzhou"
    runtime: str = RUNTIMES[0]
    description: str = ""
    role: str = ""
    dead_letter: DeadLetterTarget | None = None
    long_running: bool = False


@dataclass(frozen=True)
class Project:
    """A project folder and what its serverless.yml binds; `triggers` are those of COS.

    `unplayed` names the triggers that the local cloud does not play.
    """

    root: Path
    region: str
    functions: Mapping[str, Function]
    triggers: tuple[CosTrigger, ...]
    timers: tuple[TimerTrigger, ...]
    topics: tuple[CmqTrigger, ...]
    routes: tuple[Route, ...]
    unplayed: tuple[str, ...]

    def without_triggers(self) -> Project:
        """The same functions, which nothing wakes."""
        return replace(self, triggers=(), timers=(), topics=(), routes=(), unplayed=())

    def function(self, name: str) -> Function | None:
        """A function by its key in serverless.yml, or by the name that it is deployed under."""
        by_name = (found for found in self.functions.values() if found.name == name)
        return self.functions.get(name) or next(by_name, None)


def load(
    root: Path,
    variables: Mapping[str, str] | None = None,
    *,
    appid: str = OWNER_APPID,
    unset: str | None = None,
) -> Project:
    """Read `root`/serverless.yml. Raises `ConfigError` with every problem found.

    `variables` fill in `${env:NAME}`, by default `local_variables()`, and what they lack the file
    .env; `unset` stands for those that are set nowhere, which is a problem without it. The
    addresses of HTTP triggers have the account's `appid` in them.
    """
    path = root / FILE_NAME
    environment = {**dotenv.read(root), **(local_variables() if variables is None else variables)}
    known = {f"env:{name}": value for name, value in environment.items()}
    if unset is not None and path.is_file():
        for name in re.findall(r"\$\{(env:\w+)\}", path.read_text("utf-8", "replace")):
            known.setdefault(name, unset)
    projects: list[Project] = []

    def build(node: Node) -> None:
        top = Field(node, "", node, known)
        for name, default in (("app", ""), ("stage", "dev"), ("name", "")):
            known[name] = top.child(name).text(default)
        projects.append(_project(root, top, appid))

    try:
        read(path, build)
    except ConfigError as error:
        # The same field can be read for several functions: say each problem once.
        raise ConfigError(list(dict.fromkeys(error.problems))) from None
    return projects[0]


def local_variables(
    bucket: str = DEFAULT_BUCKET,
    region: str = DEFAULT_REGION,
    endpoint: str = f"http://127.0.0.1:{DEFAULT_PORT}",
) -> dict[str, str]:
    """What `${env:NAME}` stands for here: the environment, and the local cloud's own names.

    Among them is where CI's callbacks go, the function `callback` of the cloud at `endpoint`, with
    a token that is made anew each time.
    """
    own = {
        "COS_BUCKET": bucket,
        "COS_REGION": region,
        "CALLBACK_URL": f"{endpoint}/{FUNCTIONS}/callback",
        "CALLBACK_TOKEN": secrets.token_urlsafe(32),
    }
    return {**own, **os.environ}


def _project(root: Path, top: Field, appid: str) -> Project:
    top.mapping(TOP_FIELDS)
    top.child("component").text(pattern="multi-scf", expected="multi-scf")
    inputs = top.child("inputs")
    inputs.mapping(INPUT_FIELDS)
    prefix = "-".join(top.variables[part] for part in ("name", "stage", "app"))
    region = inputs.child("region").text(
        "ap-guangzhou", pattern=r"[a-z]+-[a-z0-9-]+", expected="a region such as ap-guangzhou"
    )
    functions: dict[str, Function] = {}
    declared = inputs.child("functions").mapping()
    if not declared:
        inputs.child("functions").problem("is missing: at least one function is expected")
    for key, entry in declared.items():
        if not re.fullmatch(r"[A-Za-z](?:[\w-]{0,58}[A-Za-z0-9])?", key):
            entry.problem("is no function name: a letter, then letters, digits, `-` and `_`")
        functions[key] = _function(root, entry, inputs, prefix=prefix, region=region)
    names = {key: function.name for key, function in functions.items()}
    bound = bindings.read(inputs, names, file=FILE_NAME, appid=appid, region=region)
    return Project(
        root,
        region,
        functions,
        triggers=tuple(bound.uploads),
        timers=tuple(bound.timers),
        topics=tuple(bound.topics),
        routes=tuple(bound.routes),
        unplayed=tuple(bound.unplayed),
    )


def _function(root: Path, entry: Field, inputs: Field, *, prefix: str, region: str) -> Function:
    key = entry.name
    entry.mapping(FUNCTION_FIELDS)

    def inherited(name: str) -> Field:
        own = entry.child(name)
        return own if own.present else inputs.child(name)

    inherited("type").text("event", pattern="event", expected="event")
    memory = inherited("memorySize").integer(
        DEFAULT_MEMORY, MEMORY_SIZES, "64 or 128 to 3072 in steps of 128 (MB)"
    )
    return Function(
        key=key,
        name=entry.child("name").text(f"{prefix}-{key}"),
        handler=entry.child("handler").text(
            pattern=r"[A-Za-z_]\w*\.[A-Za-z_]\w*", expected="file.function (index.main_handler)"
        ),
        code=_code(root, entry.child("src")),
        memory=memory,
        timeout=inherited("timeout").integer(DEFAULT_TIMEOUT, range(1, 901), "1 to 900 seconds"),
        init_timeout=inherited("initTimeout").integer(
            DEFAULT_INIT_TIMEOUT, range(3, 301), "3 to 300 seconds"
        ),
        environment=tuple(_environment(inherited("environments"), inherited("environment"))),
        namespace=inherited("namespace").text("default"),
        region=region,
        runtime=inherited("runtime").text(
            pattern="|".join(RUNTIMES).replace(".", r"\."), expected=" or ".join(RUNTIMES)
        ),
        description=inherited("description").text(""),
        role=inherited("role").text(""),
        dead_letter=_dead_letter(inherited("deadLetter")),
        long_running=inherited("asyncRunEnable").boolean(False),
    )


def _dead_letter(field: Field) -> DeadLetterTarget | None:
    """`deadLetter: {type, name, filterType}`, as the component `scf` has it."""
    if not field.present:
        return None
    field.mapping({"type", "name", "filterType"})
    return DeadLetterTarget(
        type=field.child("type").text(pattern="topic|queue", expected="topic or queue"),
        name=field.child("name").text(
            pattern=r"[A-Za-z][\w-]{0,63}", expected="a name of letters, digits, `-` and `_`"
        ),
        tag=field.child("filterType").text(""),
    )


def _code(root: Path, source: Field) -> Path:
    """The folder of a function's code: it must lie inside the project."""
    name = source.text("./")
    folder = Path(os.path.normpath(root / name))
    if ".." in folder.parts or not folder.is_relative_to(os.path.normpath(root)):
        source.problem(f"is {name!r}: a folder inside the project is expected")
    elif not folder.is_dir():
        source.problem(f"is {name!r}: there is no such folder in {root}")
    return folder.resolve()


def _environment(listed: Field, older: Field) -> list[tuple[str, str]]:
    """`environments` (a list of key and value), or the older `environment: {variables: {...}}`."""
    pairs: list[tuple[str, str]] = []
    for entry in listed.items():
        entry.mapping({"key", "value"})
        pairs.append((_name(entry.child("key")), entry.child("value").text()))
    if not listed.present and older.present:
        older.mapping({"variables"})
        for name, value in older.child("variables").mapping().items():
            pairs.append((name, value.text()))
    return pairs


def _name(field: Field) -> str:
    name = field.text(pattern=r"[A-Za-z]\w*", expected="a letter, then letters, digits and `_`")
    if name.upper().startswith(RESERVED_ENVIRONMENT):
        reserved = ", ".join(RESERVED_ENVIRONMENT)
        field.problem(f"is {name!r}: names that start with {reserved} belong to the service")
    return name

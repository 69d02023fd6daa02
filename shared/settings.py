"""The environment of an invocation -> one frozen `Settings`. Nothing else reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# The layer unpacks to /opt/shared and /opt/pipelines.yml; the source tree has the same shape.
DEFAULT_PIPELINES = Path(__file__).parent.parent / "pipelines.yml"
# Compiled by the first value that needs one: a cold start meets few of them.
_REGION = r"[a-z]{2,}(?:-[a-z0-9]+)+"
_PREFIX = r"(?=.{2,100}$)(?:(?!\.{1,2}/)[A-Za-z0-9._-]+/)+"
_FUNCTION_PREFIX = r"[A-Za-z][A-Za-z0-9_-]{0,58}"
_BUCKET = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-[0-9]+"
_ADDRESS = r"https?://[A-Za-z0-9\[][^\s?#]{0,500}"
_SECRET = r"[A-Za-z0-9_-]{32,128}"  # noqa: S105 - a shape
_MAX_TOKENS = 5
# SCF's role credentials first: they rotate, and a developer's variables never reach SCF.
_CREDENTIALS = (
    ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"),
    ("COS_SECRET_ID", "COS_SECRET_KEY", "COS_TOKEN"),
)


class SettingsError(ValueError):
    """Variables that are missing or wrong; `problems` holds one sentence for each of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Credentials:
    """A secret id and key, and the token that temporary ones need. Never shown in a repr."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything an invocation is told from outside.

    `scheme` is how COS is reached (`http` only against a local cloud); `region` is where a call
    goes that no upload names; `timeout` in seconds bounds one call, `attempts` counts its tries.
    `state_prefix` (and `state_bucket`, if not the upload's own) is where the ledger and the dead
    letters are. `retries` is how often SCF invokes again what failed. `ci_rate` is how many
    requests a second CI takes of the account, `ci_instances` how many instances share them.
    `buckets` are those whose state the sweep looks after, `sweep_grace` is how many seconds after
    its lease it leaves a claim to SCF's own retries, and `sweep_rest` how long a dead letter rests
    before it is sent again for the first time.
    `function_name` and `namespace` are what the function is deployed as; `function_prefix` is what
    all functions' names begin with, where that name does not tell.
    `callback_url` is where `callback` can be reached from outside, `callback_tokens` are the
    secrets that may end its path, the one in use first, and `callback_rate` is how many callbacks a
    second an instance takes. `notify_secret` signs what webhooks are told.
    """

    credentials: Credentials
    region: str = ""
    scheme: str = "https"
    pipelines: Path = DEFAULT_PIPELINES
    timeout: float = 30.0
    attempts: int = 3
    state_prefix: str = ".pipelines/"
    state_bucket: str = ""
    retries: int = 2
    ci_rate: float = 100.0
    ci_instances: int = 20
    buckets: tuple[str, ...] = ()
    sweep_grace: float = 180.0
    sweep_rest: float = 300.0
    function_name: str = ""
    namespace: str = "default"
    function_prefix: str = ""
    callback_url: str = ""
    callback_tokens: tuple[str, ...] = field(default=(), repr=False)
    callback_rate: float = 50.0
    notify_secret: str = field(default="", repr=False)

    @property
    def callback(self) -> str:
        """The address that CI tells results to; empty without one. Its path holds a secret."""
        if not self.callback_url or not self.callback_tokens:
            return ""
        return f"{self.callback_url.rstrip('/')}/{self.callback_tokens[0]}"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises `SettingsError` with all problems at once.

        Called for each invocation: SCF replaces the credentials of a warm instance.
        """
        env = os.environ if environ is None else environ
        problems: list[str] = []
        settings = cls(
            credentials=_credentials(env, problems),
            region=_region(env, problems),
            scheme=_choice(env, "COS_SCHEME", ("https", "http"), problems),
            pipelines=Path(env.get("PIPELINES_FILE") or DEFAULT_PIPELINES),
            timeout=_number(env, "COS_TIMEOUT", 30.0, (0.1, 900.0), problems),
            attempts=int(_number(env, "COS_ATTEMPTS", 3, (1, 10), problems)),
            state_prefix=_prefix(env, problems),
            state_bucket=_bucket(env, problems),
            retries=int(_number(env, "SCF_RETRIES", 2, (0, 10), problems)),
            ci_rate=_number(env, "CI_RATE", 100.0, (0.2, 10_000.0), problems),
            ci_instances=int(_number(env, "CI_INSTANCES", 20, (1, 10_000), problems)),
            buckets=_buckets(env, problems),
            sweep_grace=_number(env, "SWEEP_GRACE", 180.0, (0.0, 86_400.0), problems),
            sweep_rest=_number(env, "SWEEP_REST", 300.0, (0.0, 86_400.0), problems),
            function_name=env.get("SCF_FUNCTIONNAME", ""),
            namespace=env.get("SCF_NAMESPACE") or "default",
            function_prefix=_function_prefix(env, problems),
            callback_url=_callback_url(env, problems),
            callback_tokens=_callback_tokens(env, problems),
            callback_rate=_number(env, "CALLBACK_RATE", 50.0, (0.1, 10_000.0), problems),
            notify_secret=_secret(env, "NOTIFY_SECRET", problems),
        )
        if problems:
            raise SettingsError(problems)
        return settings


def _credentials(env: Mapping[str, str], problems: list[str]) -> Credentials:
    for id_name, key_name, token_name in _CREDENTIALS:
        secret_id, secret_key = env.get(id_name, ""), env.get(key_name, "")
        if secret_id and secret_key:
            return Credentials(secret_id, secret_key, env.get(token_name, ""))
        if secret_id or secret_key:
            missing = key_name if secret_id else id_name
            problems.append(f"{missing} is not set although its other half is")
            return Credentials("", "")
    problems.append(
        "no credentials: give the function a running role (SCF then sets TENCENTCLOUD_SECRETID, "
        "TENCENTCLOUD_SECRETKEY and TENCENTCLOUD_SESSIONTOKEN), or set COS_SECRET_ID and "
        "COS_SECRET_KEY"
    )
    return Credentials("", "")


def _region(env: Mapping[str, str], problems: list[str]) -> str:
    name = "TENCENTCLOUD_REGION" if env.get("TENCENTCLOUD_REGION") else "COS_REGION"
    region = env.get(name, "")
    if region and not re.fullmatch(_REGION, region):
        problems.append(f"{name} is {region!r}: a region such as ap-guangzhou is expected")
    return region


def _prefix(env: Mapping[str, str], problems: list[str]) -> str:
    prefix = env.get("STATE_PREFIX") or Settings.state_prefix
    if prefix != Settings.state_prefix and not re.fullmatch(_PREFIX, prefix):
        problems.append(
            f"STATE_PREFIX is {prefix!r}: a folder such as .pipelines/ is expected, at most 100 "
            "letters, digits, dots, dashes and underlines between slashes, a slash at the end"
        )
    return prefix


def _bucket(env: Mapping[str, str], problems: list[str]) -> str:
    bucket = env.get("STATE_BUCKET", "")
    if bucket and not re.fullmatch(_BUCKET, bucket):
        problems.append(f"STATE_BUCKET is {bucket!r}: name-appid is expected, as state-1250000000")
    return bucket


def _buckets(env: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    name = "STATE_BUCKET" if env.get("STATE_BUCKET") else "COS_BUCKET"
    buckets = tuple(part.strip() for part in env.get(name, "").split(",") if part.strip())
    if name == "COS_BUCKET" and not all(re.fullmatch(_BUCKET, bucket) for bucket in buckets):
        problems.append(
            f"COS_BUCKET is {env[name]!r}: name-appid is expected, as photos-1250000000, or "
            "several with commas between"
        )
    return buckets


def _function_prefix(env: Mapping[str, str], problems: list[str]) -> str:
    prefix = env.get("FUNCTION_PREFIX", "")
    if prefix and not re.fullmatch(_FUNCTION_PREFIX, prefix):
        problems.append(
            f"FUNCTION_PREFIX is {prefix!r}: a letter, then letters, digits, `-` and `_` are "
            "expected, as in pipelines-dev-app-"
        )
    return prefix


def _callback_url(env: Mapping[str, str], problems: list[str]) -> str:
    url = env.get("CALLBACK_URL", "")
    if url and not re.fullmatch(_ADDRESS, url):
        problems.append(f"CALLBACK_URL is {url!r}: https:// or http:// and a host are expected")
    if url and not env.get("CALLBACK_TOKEN"):
        problems.append("CALLBACK_TOKEN is not set although CALLBACK_URL is")
    return url


def _callback_tokens(env: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    """Several are for changing one: the new one goes first, until no job knows the old one."""
    given = env.get("CALLBACK_TOKEN", "")
    tokens = tuple(part.strip() for part in given.split(",") if part.strip())
    # The values are secrets: no problem shows one.
    if len(tokens) > _MAX_TOKENS:
        problems.append(f"CALLBACK_TOKEN holds {len(tokens)} secrets: {_MAX_TOKENS} are allowed")
    for token in tokens:
        _secret({"CALLBACK_TOKEN": token}, "CALLBACK_TOKEN", problems)
    return tokens


def _secret(env: Mapping[str, str], name: str, problems: list[str]) -> str:
    secret = env.get(name, "")
    if secret and not re.fullmatch(_SECRET, secret):
        problems.append(
            f"{name} has {len(secret)} characters: 32 to 128 letters, digits, - and _ are expected"
        )
    return secret


def _choice(
    env: Mapping[str, str], name: str, allowed: tuple[str, ...], problems: list[str]
) -> str:
    value = env.get(name) or allowed[0]
    if value not in allowed:
        problems.append(f"{name} is {value!r}: allowed are {', '.join(allowed)}")
    return value


def _number(
    env: Mapping[str, str],
    name: str,
    default: float,
    bounds: tuple[float, float],
    problems: list[str],
) -> float:
    text = env.get(name)
    if not text:
        return default
    low, high = bounds
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        problems.append(f"{name} is {text!r}: a number from {low:g} to {high:g} is expected")
        return default
    return value

"""Further accounts and users of a local cloud, from a file: other callers to test rules with.

The file is a JSON list; each entry has `secret_id` and `secret_key`, and any of
  `account`  uin of the main account (default: the cloud's own)
  `uin`      uin of the user (default: the main account itself, which may do everything of its own)
  `appid`    the appid of another account: buckets that end in it are its own
  `policy`   what the user may do, as a CAM policy (a user without one may do nothing by itself)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.identity.callers import Caller
from localcloud.identity.policies import Policy, PolicyError, parse
from shared.errors import ConfigError

MAX_FILE = 1024 * 1024
MAX_USERS = 1000
_FIELDS = frozenset(("secret_id", "secret_key", "account", "uin", "appid", "policy"))


@dataclass(frozen=True)
class User:
    """One permanent key. `appid` is empty for users of the cloud's own account."""

    secret_id: str
    secret_key: str = field(repr=False)
    caller: Caller
    appid: str = ""


def load(path: Path, own_account: str) -> tuple[User, ...]:
    """Read the file. Raises `ConfigError` naming the entry and the field."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise _wrong(f"{path} has over {MAX_FILE} bytes, the most allowed")
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(entries, list) or len(entries) > MAX_USERS:
        raise _wrong(f"{path} must be a list of at most {MAX_USERS} users")
    users = tuple(
        _user(entry, f"{path}: [{index}]", own_account) for index, entry in enumerate(entries)
    )
    ids = [user.secret_id for user in users]
    if len(set(ids)) != len(ids):
        raise _wrong(f"{path}: a secret_id stands twice")
    return users


def _user(entry: object, where: str, own_account: str) -> User:
    if not isinstance(entry, dict) or not set(entry) <= _FIELDS:
        raise _wrong(f"{where}: allowed are {', '.join(sorted(_FIELDS))}")
    account = _digits(entry, "account", own_account, where)
    uin = _digits(entry, "uin", account, where)
    appid = _digits(entry, "appid", "", where)
    if bool(appid) != (account != own_account):
        raise _wrong(f"{where}: appid and account go together, for another main account")
    policy = None if uin == account else Policy(())
    if "policy" in entry:
        try:
            policy = parse(json.dumps(entry["policy"]), principals=False)
        except PolicyError as error:
            raise _wrong(f"{where}.policy: {error}") from None
    secret_id, secret_key = _text(entry, "secret_id", where), _text(entry, "secret_key", where)
    return User(secret_id, secret_key, Caller(account, uin, policy), appid)


def _text(entry: Mapping[str, object], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(f"{where}.{name} must be a text that is not empty")
    return value


def _wrong(problem: str) -> ConfigError:
    return ConfigError([problem])


def _digits(entry: Mapping[str, object], name: str, default: str, where: str) -> str:
    value = str(entry.get(name, default))
    if value and not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise _wrong(f"{where}.{name} is {value[:40]!r}: digits are expected")
    return value

"""The keys that a cloud knows: permanent ones, and temporary ones as STS hands them out."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from localcloud.config import OWNER_APPID, OWNER_UIN, Config
from localcloud.identity.callers import Caller
from shared.settings import Credentials

MAX_TEMPORARY = 10_000
SERVICE_ROLE = "SCF_ExecuteRole"


@dataclass(frozen=True)
class Key:
    """A key that the cloud knows; `expires` is in Unix seconds, None for a permanent one."""

    secret_key: str = field(repr=False)
    caller: Caller
    token: str = field(default="", repr=False)
    expires: float | None = None


class CredentialStore:
    """All keys of a cloud, and which account owns which bucket. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._lock = threading.Lock()
        own = Caller(OWNER_UIN, OWNER_UIN)
        self._permanent = {
            user.secret_id: Key(user.secret_key, user.caller) for user in config.users
        }
        self._permanent[config.secret_id] = Key(config.secret_key, own)
        self._accounts = {user.appid: user.caller.account for user in config.users if user.appid}
        self._temporary: OrderedDict[str, Key] = OrderedDict()

    def issue(self, ttl_seconds: float, caller: Caller | None = None) -> Credentials:
        """New temporary credentials, by default those of a function's role, which may do
        everything. The oldest go first when there are `MAX_TEMPORARY`."""
        caller = caller or Caller(OWNER_UIN, OWNER_UIN, role=SERVICE_ROLE, session_name="scf")
        issued = Credentials(
            secret_id=f"AKIDtmp{secrets.token_hex(12)}",
            secret_key=secrets.token_urlsafe(24),
            token=secrets.token_urlsafe(48),
        )
        key = Key(issued.secret_key, caller, issued.token, time.time() + ttl_seconds)
        with self._lock:
            self._temporary[issued.secret_id] = key
            while len(self._temporary) > MAX_TEMPORARY:
                self._temporary.popitem(last=False)
        return issued

    def find(self, secret_id: str) -> Key | None:
        """The key of a secret id, expired ones too."""
        with self._lock:
            return self._permanent.get(secret_id) or self._temporary.get(secret_id)

    def owner(self, bucket: str) -> str:
        """The main account whose appid the bucket's name ends in; the cloud's own has all appids
        that no other account claims."""
        return self._accounts.get(bucket.rpartition("-")[2], OWNER_UIN)

    def appid(self, account: str) -> str:
        """The appid of a main account; for the cloud's own the one of its default bucket."""
        found = (appid for appid, owner in self._accounts.items() if owner == account)
        return next(found, OWNER_APPID)

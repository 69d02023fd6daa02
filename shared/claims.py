"""What the ledger writes, and what it decides from what it reads: no effects, so all of it is
checked for every interleaving of workers (tests/shared/test_ledger_model.py).

A *chain* is what happened to one key in one pipeline: objects numbered from 1, of which the highest
counts. Each is one *claim*: open while somebody works, closed by a text of `CLOSED_SIZE` bytes, so
that a listing alone tells open from closed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.errors import CloudError
from shared.events import FORCED, LISTED, Upload

RUNNING, SUBMITTED, RELEASED = "running", "submitted", "released"
DEAD = "dead"
MAX_ATTEMPTS = 9  # at one version that came to no end: after them nobody tries again by himself
CLOSED_SIZE = 72
_LAST = 999_999  # generations count down in names: a listing shows the newest first
_CLOSED = r"closed ([a-z]{1,8}) +([0-9]{3}) ([0-9]{12}) ([0-9a-f]{32}) *\n"


class Step(NamedTuple):
    """What is done once: one pipeline of one function, for one key. `digest` names its chain."""

    bucket: str
    key: str
    function: str
    pipeline: str

    @property
    def digest(self) -> str:
        text = "\0".join((self.bucket, self.key, self.function, self.pipeline))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


class Version(NamedTuple):
    """Which upload of a key: `token` is its identity, `time` its event time in Unix seconds.

    `listed`: found in a listing, which tells when the object was written and not by which upload.
    Any upload of that second or later is then the same.
    """

    token: str
    time: int
    listed: bool = False

    @classmethod
    def of(cls, upload: Upload) -> Version:
        """The version id; without versions the id of the upload's own request, which duplicates of
        its event share; without that the time and the size."""
        identity = upload.version_id or upload.request_id
        if not identity:
            identity = f"{upload.event_time}-{upload.size}"
        if upload.request_id.startswith(FORCED):
            identity = upload.request_id
        return cls(
            hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32],
            upload.event_time,
            listed=upload.request_id.startswith(LISTED) and not upload.version_id,
        )

    def is_told_by(self, other: Version) -> bool:
        """Whether `other`, which the ledger knows, is this very upload."""
        return self.token == other.token or (self.listed and other.time >= self.time)


class Claim(NamedTuple):
    """One generation of a chain, open.

    `holder` is the invocation that works, `nonce` this very call for it. `attempt` counts all
    attempts at this version, `tries` those of the holder, which SCF repeats under the same id.
    `lease` is how many seconds after the claim was written the holder is dead for sure. `details`
    is what a successor needs: the event, and the ids of submitted jobs.
    """

    chain: str
    version: Version
    holder: str
    nonce: str
    lease: float
    generation: int = 1
    attempt: int = 1
    tries: int = 1
    state: str = RUNNING
    details: Mapping[str, Any] = {}

    @property
    def key(self) -> str:
        return generation_key(self.chain, self.generation)

    def to_bytes(self) -> bytes:
        version = {"token": self.version.token, "time": self.version.time}
        document = {**self._asdict(), "version": version}
        del document["chain"], document["generation"]
        # Longer than a closed claim, whatever it holds.
        return json.dumps(document, ensure_ascii=True).encode().ljust(CLOSED_SIZE * 2)


class Closed(NamedTuple):
    """A claim whose work has ended: `outcome`, at which attempt, for which version."""

    outcome: str
    attempt: int
    version: Version

    def to_bytes(self) -> bytes:
        text = f"closed {self.outcome:<8} {min(self.attempt, 999):03d} {self.version.time:012d} "
        return (text + self.version.token).ljust(CLOSED_SIZE - 1).encode() + b"\n"


class Refusal(NamedTuple):
    """Why there is nothing to do. `wait`: somebody works on it, and may fail."""

    reason: str
    wait: bool = False


def generation_key(chain: str, generation: int) -> str:
    """The key of a generation, from 1. `chain` ends in a slash."""
    return f"{chain}{_LAST - generation:06d}"


def generation_of(key: str) -> int:
    """The generation that a key of a chain names. Raises `CloudError` InvalidState."""
    name = key.rpartition("/")[2]
    if not re.fullmatch(r"[0-9]{6}", name):
        raise _invalid(key, "its name is no generation")
    return _LAST - int(name)


def read(key: str, body: bytes) -> Claim | Closed:
    """What the object `key` of a chain says. Raises `CloudError` InvalidState."""
    if found := re.fullmatch(_CLOSED, body.decode("ascii", "replace")):
        return Closed(found[1], int(found[2]), Version(found[4], int(found[3])))
    try:
        document = json.loads(body)
        version = Version(str(document["version"]["token"]), int(document["version"]["time"]))
        return Claim(
            chain=key.rpartition("/")[0] + "/",
            version=version,
            holder=str(document["holder"]),
            nonce=str(document["nonce"]),
            lease=float(document["lease"]),
            generation=generation_of(key),
            attempt=int(document["attempt"]),
            tries=int(document["tries"]),
            state=str(document["state"]),
            details=dict(document["details"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _invalid(key, f"{type(error).__name__} at {error}") from None


def decide(
    wanted: Claim, last: Claim | Closed, generation: int, age: float, *, dead_too: bool = False
) -> Claim | Refusal:
    """What becomes of the wish to hold `wanted`, given the newest claim of its chain, `age` seconds
    old: the claim to write as the next generation, or why not. `dead_too`: also what was given up,
    which its dead letter brings again and no other event."""
    same = wanted.version.is_told_by(last.version)
    if not same and last.version.time > wanted.version.time:
        return Refusal("a newer upload of this key is processed in its place")
    following = wanted._replace(
        generation=generation + 1, attempt=last.attempt + 1 if same else 1, tries=1
    )
    if isinstance(last, Closed):
        if same and last.outcome != DEAD:
            return Refusal(f"this upload was processed before: {last.outcome}")
        if same and not (dead_too or wanted.version.listed):
            return Refusal("this upload was given up: its dead letter brings it again")
        return following
    if last.holder == wanted.holder and last.state != SUBMITTED:
        # SCF invokes again only after the attempt before has ended, whatever it left behind.
        return following._replace(tries=last.tries + 1 if same else 1)
    return _of_another(last, following, age, same=same)


def _of_another(last: Claim, following: Claim, age: float, *, same: bool) -> Claim | Refusal:
    if last.state == SUBMITTED and same and age <= last.lease:
        return Refusal("its jobs were submitted before")
    # What was submitted belongs to its own version: a newer one need not wait for it.
    if last.state in (SUBMITTED, RELEASED) or age > last.lease:
        return following
    left = max(0.0, last.lease - age)
    return Refusal(f"another invocation works on this key, for {left:.0f} s at most", wait=True)


def _invalid(key: str, what: str) -> CloudError:
    return CloudError("InvalidState", f"the ledger's object {key} cannot be read: {what}",
                      status=400)  # fmt: skip

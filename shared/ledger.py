"""Each version of an upload is processed once by each pipeline, however often its event comes.

The ledger lives in the bucket, under the state prefix. A step is claimed by writing an object that
must not exist yet (`x-cos-forbid-overwrite`), which COS lets one of many writers do, and closed by
writing the outcome over it. That is two requests for an upload that nobody else works on, nearly
all of them. Whoever finds the claim taken lists the chain (one key) and reads it (one more).

COS ignores `x-cos-forbid-overwrite` in a bucket that has or had versions: `Ledger` refuses such a
bucket, and STATE_BUCKET names another.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from shared.claims import (
    RELEASED,
    RUNNING,
    SUBMITTED,
    Claim,
    Closed,
    Refusal,
    Step,
    Version,
    decide,
    generation_key,
    generation_of,
    read,
)
from shared.cos import Cos
from shared.errors import CloudError

_ROUNDS = 50  # of reading and trying: more means that somebody writes without end
_PAUSE = 0.25  # seconds before the second look at somebody else's claim; doubled each time
_UNVERSIONED: set[str] = set()  # buckets that were asked, for the life of the process


class Store(Protocol):
    """What the ledger needs of a bucket."""

    def put_new(self, key: str, body: bytes) -> bool:
        """Write an object; False, and nothing changed, if there is one already."""

    def put(self, key: str, body: bytes) -> None:
        """Write an object over whatever is there."""

    def first(self, prefix: str) -> str | None:
        """The first key that starts with `prefix`."""

    def get(self, key: str) -> tuple[bytes, float] | None:
        """An object, and how many seconds ago it was written."""


class CosStore:
    """A bucket of COS as the ledger's store. Methods raise `CloudError`."""

    def __init__(self, cos: Cos, bucket: str) -> None:
        self.cos = cos
        self.bucket = bucket

    def put_new(self, key: str, body: bytes) -> bool:
        if self.bucket not in _UNVERSIONED:
            if self.cos.was_versioned(self.bucket):
                raise CloudError(
                    "VersionedStateBucket",
                    f"{self.bucket} has or had versions: COS keeps no claim exclusive there",
                    status=409,
                )
            _UNVERSIONED.add(self.bucket)
        headers = {"x-cos-forbid-overwrite": "true"}
        try:
            self.cos.put_object(self.bucket, key, body, "application/json", headers=headers)
        except CloudError as error:
            if error.code == "FileAlreadyExists":
                return False
            raise
        return True

    def put(self, key: str, body: bytes) -> None:
        self.cos.put_object(self.bucket, key, body, "text/plain")

    def first(self, prefix: str) -> str | None:
        found, _ = self.cos.list_objects(self.bucket, prefix, limit=1)
        return found[0].key if found else None

    def get(self, key: str) -> tuple[bytes, float] | None:
        found = self.cos.read_object(self.bucket, key)
        return (found.body, found.age) if found else None


class Newest(NamedTuple):
    """A claim, its generation, and how many seconds ago it was written."""

    claim: Claim | Closed
    generation: int
    age: float


class Ledger:
    """The ledger as one invocation uses it.

    `prefix` is the state prefix, `holder` the invocation's request id. `patience` is how many
    seconds to watch somebody else's claim before giving up. Methods raise `CloudError`.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        holder: str,
        patience: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store = store
        self.prefix = prefix
        self.holder = holder
        self.patience = patience
        self.sleep = sleep

    def chain(self, step: Step) -> str:
        """The prefix of all claims of a step."""
        return f"{self.prefix}claims/{step.digest}/"

    def claim(
        self,
        step: Step,
        version: Version,
        lease: float,
        details: Mapping[str, Any],
        *,
        dead_too: bool = False,
    ) -> Claim | Refusal:
        """Hold `step` for `version`, or say why not. `dead_too`: also if it was given up.

        `lease` is how many seconds from now this invocation cannot outlive; after them another may
        take over. `details` travel with the claim.
        """
        chain, nonce = self.chain(step), secrets.token_hex(8)
        wanted = Claim(chain, version, self.holder, nonce, lease, details=dict(details))
        if self.store.put_new(wanted.key, wanted.to_bytes()):
            return wanted
        pause, waited = _PAUSE, 0.0
        for _ in range(_ROUNDS):
            last = self.newest(chain)
            if last is not None and isinstance(last.claim, Claim) and last.claim.nonce == nonce:
                # Written by an attempt of this call whose answer was lost.
                return last.claim
            decision = self._decide(wanted, last, dead_too=dead_too)
            if isinstance(decision, Claim):
                if self.store.put_new(decision.key, decision.to_bytes()):
                    return decision
            elif not decision.wait or waited >= self.patience:
                return decision
            else:
                self.sleep(pause)
                waited, pause = waited + pause, pause * 2
        return Refusal("too many others work on this key", wait=True)

    @staticmethod
    def _decide(wanted: Claim, last: Newest | None, *, dead_too: bool) -> Claim | Refusal:
        if last is None:
            return wanted
        return decide(wanted, last.claim, last.generation, last.age, dead_too=dead_too)

    def newest(self, chain: str) -> Newest | None:
        """The generation of a chain that counts; None if the chain is empty."""
        key = self.store.first(chain)
        found = self.store.get(key) if key is not None else None
        if key is None or found is None:
            # Expired between two looks: the chain begins anew.
            return None
        return Newest(read(key, found[0]), generation_of(key), found[1])

    def close(self, claim: Claim, outcome: str) -> None:
        """The work has ended: no event of this version does it again (unless it is `dead`)."""
        text = Closed(outcome, claim.attempt, claim.version).to_bytes()
        self.store.put(claim.key, text)
        if claim.generation > 1:
            # A lifecycle rule deletes by age, and the first must not go before the last: where it
            # is missing, the chain begins anew.
            self.store.put(generation_key(claim.chain, 1), text)

    def release(self, claim: Claim) -> None:
        """The attempt has failed: whoever comes next may take over at once."""
        self.store.put(claim.key, claim._replace(state=RELEASED).to_bytes())

    def submit(self, claim: Claim, lease: float, details: Mapping[str, Any]) -> Claim:
        """The work goes on as jobs of CI, which `details` name, for `lease` seconds at most."""
        submitted = claim._replace(
            state=SUBMITTED, lease=lease, details={**claim.details, **details}
        )
        self.store.put(claim.key, submitted.to_bytes())
        return submitted

    def resume(self, found: Newest, lease: float) -> Claim | None:
        """Take over a claim whose work was submitted, to finish it: the next generation, which one
        of many finishers can write. None if another has, or is at it.
        """
        last = found.claim
        if isinstance(last, Closed):
            return None
        own = last.holder == self.holder and last.state != SUBMITTED
        if not own and last.state not in (SUBMITTED, RELEASED) and found.age <= last.lease:
            return None
        claim = last._replace(
            generation=found.generation + 1,
            attempt=last.attempt + (not own and last.state != SUBMITTED),
            tries=last.tries + 1 if own else 1,
            holder=self.holder,
            nonce=secrets.token_hex(8),
            lease=lease,
            state=RUNNING,
        )
        if self.store.put_new(claim.key, claim.to_bytes()):
            return claim
        written = self.newest(claim.chain)
        # Written by an attempt of this call whose answer was lost.
        if written is not None and isinstance(written.claim, Claim):
            return claim if written.claim.nonce == claim.nonce else None
        return None

"""Which claim waits for a job, and whether it still does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from callback_notice import Notice

from shared.claims import RELEASED, SUBMITTED, Claim
from shared.cos import Cos
from shared.events import EventError
from shared.jobs import ID, Jobs
from shared.ledger import CosStore, Ledger
from shared.settings import Settings

OWN = "callback"
MAX_CLAIMS = 100  # of one event
MAX_BUCKETS = 10  # that a job is looked for in
_NAME = re.compile(r"claims/[0-9a-f]{40}/[0-9]{6}")


class Waiting(NamedTuple):
    """The key of a claim that a job was submitted under, the state bucket that it lies in, and
    what counts now of its chain."""

    bucket: str
    key: str
    newest: Claim

    @property
    def finisher(self) -> str:
        """The function that asks CI and finishes the work: the one that `sweep` would wake."""
        return str(self.newest.details.get("finisher") or OWN)


def of_notice(notice: Notice, settings: Settings, cos: Cos) -> tuple[list[Waiting], bool]:
    """The claims that wait for the jobs of a callback, and whether one of the jobs is not known: it
    is none of ours, or whoever submitted it has not written it down yet. Three requests for a job
    that is ours.

    Raises `CloudError` when it cannot be known.
    """
    found: dict[str, Waiting] = {}
    is_unknown = False
    for id in notice.jobs:
        for bucket in _places(notice, settings) if ID.fullmatch(id) else ():
            job = Jobs(cos, bucket, settings.state_prefix).read(id)
            if job is None:
                continue
            theirs = not notice.bucket or job.bucket == notice.bucket
            if theirs and is_key(job.claim, settings):
                ledger = Ledger(CosStore(cos, bucket), settings.state_prefix, OWN, patience=0)
                newest = ledger.newest(job.claim.rpartition("/")[0] + "/")
                claim = newest.claim if newest else None
                if isinstance(claim, Claim) and claim.state in (SUBMITTED, RELEASED):
                    found[job.claim] = Waiting(bucket, job.claim, claim)
            break
        else:
            is_unknown = True
    return list(found.values()), is_unknown


def _places(notice: Notice, settings: Settings) -> tuple[str, ...]:
    if settings.state_bucket or not notice.bucket:
        return settings.buckets[:MAX_BUCKETS]
    return (notice.bucket,) if notice.bucket in settings.buckets else ()


def events_of(found: Iterable[Waiting]) -> dict[str, dict[str, Any]]:
    """By finisher, the event that has the claims finished: the one that `sweep` sends too."""
    claims: dict[str, list[dict[str, str]]] = {}
    for waiting in found:
        entry = {"bucket": waiting.bucket, "key": waiting.key}
        claims.setdefault(waiting.finisher, []).append(entry)
    return {finisher: {"Claims": entries} for finisher, entries in claims.items()}


def is_claims_event(event: object) -> bool:
    return isinstance(event, dict) and "Claims" in event


def of_event(event: Any, settings: Settings) -> list[tuple[str, str]]:
    """The claims of an event, as (state bucket, key). Raises `EventError`."""
    entries = event["Claims"]
    if not isinstance(entries, list) or len(entries) > MAX_CLAIMS:
        raise EventError(f"Claims is no list of at most {MAX_CLAIMS} claims")
    found = []
    for index, entry in enumerate(entries):
        bucket, key = (
            (entry.get("bucket"), entry.get("key")) if isinstance(entry, dict) else (None, None)
        )
        if not isinstance(bucket, str) or bucket not in settings.buckets:
            raise EventError(
                f"Claims[{index}].bucket is {str(bucket)[:80]!r}: COS_BUCKET or STATE_BUCKET names "
                f"{', '.join(settings.buckets) or 'none'}"
            )
        if not isinstance(key, str) or not is_key(key, settings):
            raise EventError(
                f"Claims[{index}].key is {str(key)[:120]!r}: one below "
                f"{settings.state_prefix}claims/ is expected"
            )
        found.append((bucket, key))
    return found


def is_key(key: str, settings: Settings) -> bool:
    """Whether a key can be one of a claim."""
    prefix = settings.state_prefix
    return key.startswith(prefix) and _NAME.fullmatch(key[len(prefix) :]) is not None

"""Carries the lifecycle rules of all buckets out, by the cloud's clock; inventories as well.

Nothing is told to functions: the service triggers none for what a rule removes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from localcloud.cloud import Cloud
from localcloud.cos import retention
from localcloud.cos.settings import lifecycle
from localcloud.cos.settings.lifecycle import CLASSES, Move, Rule
from localcloud.cos.settings.stored import find_all
from localcloud.errors import ServiceError
from localcloud.storage import NULL_VERSION, StorageUnavailable, StoredObject

_log = logging.getLogger("localcloud")
_PAGE = 200
_PAUSE = 3600.0  # seconds between two rounds; rules count in days
_CLASS = "x-cos-storage-class"


@dataclass
class Done:
    """What a round did, counted."""

    removed: int = 0
    moved: int = 0
    aborted: int = 0


async def run(cloud: Cloud) -> None:
    """A round now and then one each hour, until cancelled."""
    while True:
        try:
            done = await cloud.storage.serving(sweep(cloud))
            await cloud.storage.serving(_list(cloud))
        except StorageUnavailable as error:
            _log.warning("a round of the lifecycle rules failed: %s", error)
        except Exception:  # noqa: BLE001 - the next round may do better; requests go on
            _log.exception("a round of the lifecycle rules and inventories failed")
        else:
            if done != Done():
                said = "lifecycle: %d removed, %d moved, %d uploads aborted"
                _log.warning(said, done.removed, done.moved, done.aborted)
        await asyncio.sleep(_PAUSE)


async def _list(cloud: Cloud) -> None:
    """Write the inventories that are due."""
    if any(find_all(cloud, bucket.name, "inventory") for bucket in cloud.storage.buckets()):
        from localcloud.cos.settings import inventory  # seldom needed, and needs much

        if written := await inventory.sweep(cloud):
            _log.warning("inventory: %d lists written", written)


async def sweep(cloud: Cloud) -> Done:
    """One round over all buckets that have rules; other requests get their turn in between."""
    done, now = Done(), cloud.clock()
    for bucket in cloud.storage.buckets():
        if rules := lifecycle.rules(cloud, bucket.name):
            await _Round(cloud, bucket.name, rules, now, done).run()
    return done


@dataclass
class _Round:
    """One round over one bucket; `now` in Unix seconds."""

    cloud: Cloud
    bucket: str
    rules: list[Rule]
    now: float
    done: Done = field(default_factory=Done)

    async def run(self) -> None:
        for upload in self.cloud.storage.uploads(self.bucket):
            if any(
                upload.key.startswith(rule.prefix) and rule.abort.has_come(upload.created, self.now)
                for rule in self.rules
            ):
                self.cloud.storage.drop_upload(upload)
                self.done.aborted += 1
                await asyncio.sleep(0)
        async for item, newer, alone in self._versions():
            rules = [rule for rule in self.rules if rule.covers(item)]
            if newer is not None:
                self._noncurrent(rules, item, newer.last_modified)
            elif item.marker:
                self._marker(rules, item, alone=alone)
            else:
                self._current(rules, item)

    async def _versions(self) -> AsyncIterator[tuple[StoredObject, StoredObject | None, bool]]:
        """Each version, the newer one that replaced it (None: it is the current one), and whether
        it is its key's only one."""
        prefix = _common([rule.prefix for rule in self.rules])
        after: tuple[str, int] = ("", 0)
        before: StoredObject | None = None
        newer: StoredObject | None = None
        while page := self.cloud.storage.scan_versions(self.bucket, prefix, after, _PAGE):
            for item in page:
                same = before is not None and before.key == item.key
                if before is not None:
                    yield before, newer, newer is None and not same
                before, newer = item, before if same else None
            after = (page[-1].key, page[-1].sequence)
            await asyncio.sleep(0)
        if before is not None:
            yield before, newer, newer is None

    def _current(self, rules: list[Rule], item: StoredObject) -> None:
        since = item.last_modified
        if any(rule.expiration.has_come(since, self.now) for rule in rules):
            with suppress(ServiceError):  # locked, or replaced meanwhile
                retention.check_delete(self.cloud, item.bucket, item.key, "")
                self.cloud.storage.delete(item.bucket, item.key, over=item)
                self.done.removed += 1
        else:
            self._move(item, [move for rule in rules for move in rule.moves], since)

    def _noncurrent(self, rules: list[Rule], item: StoredObject, since: float) -> None:
        if any(rule.noncurrent.has_come(since, self.now) for rule in rules):
            self._remove_version(item)
        elif not item.marker:
            self._move(item, [move for rule in rules for move in rule.noncurrent_moves], since)

    def _marker(self, rules: list[Rule], item: StoredObject, *, alone: bool) -> None:
        if alone and any(rule.expired_markers for rule in rules):
            self._remove_version(item)

    def _remove_version(self, item: StoredObject) -> None:
        with suppress(ServiceError):  # locked, or replaced meanwhile
            retention.check(item, self.now)
            version = item.version or NULL_VERSION
            self.cloud.storage.delete(item.bucket, item.key, version, over=item)
            self.done.removed += 1

    def _move(self, item: StoredObject, moves: list[Move], since: float) -> None:
        """To the coldest class whose time has come; never to a warmer one."""
        due = [move.storage_class for move in moves if move.when.has_come(since, self.now)]
        coldest = max(due, key=CLASSES.__getitem__, default="STANDARD")
        present = item.headers.get(_CLASS, "STANDARD").upper()
        if CLASSES[coldest] > CLASSES.get(present, 0):
            headers = {**item.headers, _CLASS: coldest}
            self.cloud.storage.set_headers(item, headers)
            self.done.moved += 1


def _common(prefixes: list[str]) -> str:
    """What all prefixes begin with: the least that has to be looked at."""
    lowest, highest = min(prefixes), max(prefixes)
    length = next((n for n, c in enumerate(lowest) if highest[n] != c), len(lowest))
    return lowest[:length]

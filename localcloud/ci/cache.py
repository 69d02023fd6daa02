"""Finished results of processing on download, kept in memory for the next equal request.

Nothing is decided here: whether the request is allowed, and which object, rule and marks it means,
is settled for every request before its key is made. So what is kept needs no removal when an
object, a mark, a style or a right changes: its key does not come again, and it grows old.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.imaging import ImageResult
from localcloud.limits import KIB, MAX_RESULT

_OVERHEAD = KIB  # what an entry takes beside its data, so that small ones are bounded too
Make = Callable[[], Coroutine[Any, Any, ImageResult]]


@dataclass
class _Flight:
    """A result that is being made, and how many requests wait for it."""

    task: asyncio.Task[ImageResult]
    waiting: int = 0


class Results:
    """The `room` bytes of results that were asked for last. Lives on one event loop.

    With no room nothing is kept or shared. `hits` counts answers that were kept, `made` those that
    were computed, `joined` the requests that waited for one of these.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[bytes, ImageResult] = OrderedDict()
        self._flights: dict[bytes, _Flight] = {}
        self.size = self.hits = self.made = self.joined = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: bytes, make: Make, *, original: int) -> ImageResult:
        """What is kept under `key`, else what `make()` gives; equal requests that come together
        share one call. Raises what `make()` raises, and keeps no failure.

        `original` is the size of the source in bytes: a result of that size is the source itself
        (`ignore-error`, `size-limit`), for which memory would be wasted.
        """
        if not self._room:
            self.made += 1
            return await make()
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            self.hits += 1
            return found
        flight = self._flights.get(key)
        if flight is None:
            self.made += 1
            flight = self._flights[key] = _Flight(asyncio.ensure_future(make()))
            flight.task.add_done_callback(partial(self._landed, key, flight, original))
        else:
            self.joined += 1
        return await self._wait(key, flight)

    async def _wait(self, key: bytes, flight: _Flight) -> ImageResult:
        flight.waiting += 1
        try:
            # Who gives up leaves the others their result.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()

    def _landed(
        self, key: bytes, flight: _Flight, original: int, task: asyncio.Task[ImageResult]
    ) -> None:
        self._forget(key, flight)
        if not task.cancelled() and task.exception() is None:
            result = task.result()
            if len(result.data) != original and len(result.data) <= MAX_RESULT:
                self._keep(key, result)

    def _forget(self, key: bytes, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _keep(self, key: bytes, result: ImageResult) -> None:
        before = self._kept.pop(key, None)
        if before is not None:
            self.size -= len(before.data) + _OVERHEAD
        self.size += len(result.data) + _OVERHEAD
        self._kept[key] = result
        while self.size > self._room:
            _, oldest = self._kept.popitem(last=False)
            self.size -= len(oldest.data) + _OVERHEAD

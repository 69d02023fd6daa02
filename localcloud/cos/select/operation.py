"""`POST ?select&select-type=2`: the query runs on worker threads, a slice of time at once.

Between two slices nothing runs: a client that reads slowly, or not at all, holds no thread. What a
query may take is bounded by the time that it has worked.
https://cloud.tencent.com/document/product/436/37641
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator

from localcloud.ci.audit import freeze
from localcloud.cloud import Cloud
from localcloud.cos import restore, sse, symlink, xml
from localcloud.cos.select import framing, parser, records, results, serialization
from localcloud.cos.select.errors import SelectError
from localcloud.cos.select.expressions import truth_of
from localcloud.cos.select.framing import Progress
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, Stream
from localcloud.limits import MAX_SELECT_SECONDS, MAX_XML
from localcloud.storage import StoredObject

_SLICE = 0.2  # seconds of work at once
_PAYLOAD = 128 * 1024  # bytes of records in one event
_LOOK = 64  # records between two looks at the time
_SILENCE = 5.0  # seconds without an event before one says that the query is at work

# Whole events; None where there is nothing to send yet.
_Events = Generator[bytes | None, None, None]


async def select_object(cloud: Cloud, request: Request) -> Response:
    """SELECT Object Content. What is wrong before the first event is answered with its status."""
    wanted = serialization.read(xml.parse(await request.read(MAX_XML), "SelectRequest"))
    query = parser.parse(wanted.expression)
    stored = symlink.follow(
        cloud, request, cloud.storage.head(request.bucket, request.key, request.get("versionId"))
    )
    restore.check_readable(stored, cloud.clock())
    freeze.check(stored)
    sse.refuse_customers(stored)
    cloud.storage.fetch(stored)
    work = _Work(_run(query, wanted, stored))
    first = await cloud.run(work.step)
    return Response(
        200, {"Content-Type": "application/octet-stream"}, Stream(_stream(cloud, work, first), None)
    )


async def _stream(cloud: Cloud, work: _Work, first: bytes) -> AsyncGenerator[bytes, None]:
    last_word = time.monotonic()
    data = first
    try:
        while True:
            now = time.monotonic()
            if data:
                yield data
                last_word = now
            elif now - last_word > _SILENCE:
                yield framing.keep_alive()
                last_word = now
            if work.ended:
                return
            try:
                data = await cloud.run(work.step)
            except ServiceError as error:
                yield framing.error(error.code, error.message)
                return
    finally:
        work.close()


class _Work:
    """A query that is advanced step by step, on whichever thread."""

    def __init__(self, events: _Events) -> None:
        self._events, self._spent, self.ended = events, 0.0, False

    def step(self) -> bytes:
        """Events of one slice of time. Raises `SelectError`, Busy when all time is spent."""
        began, found = time.monotonic(), bytearray()
        try:
            while len(found) < _PAYLOAD:
                found += next(self._events) or b""
                spent = time.monotonic() - began
                if self._spent + spent > MAX_SELECT_SECONDS:
                    raise SelectError(
                        "Busy", f"the query worked for {MAX_SELECT_SECONDS:g} seconds"
                    )
                if spent > _SLICE:
                    break
        except StopIteration:
            self.ended = True
        except RecursionError:
            raise SelectError("ExpressionTooDeep", "the expression is nested too deep") from None
        self._spent += time.monotonic() - began
        return bytes(found)

    def close(self) -> None:
        """Let go of the object's file."""
        self._events.close()


def _run(query: parser.Query, wanted: serialization.SelectRequest, stored: StoredObject) -> _Events:
    with stored.path.open("rb") as file:
        source = records.Source(file, stored.size, wanted.compression)
        pending, returned, taken = bytearray(), 0, 0
        found = records.read(source, wanted.input, query.source)
        limit, condition = query.limit, query.condition
        for count, record in enumerate(found, 1):
            if limit is not None and taken >= limit and not query.aggregates:
                break
            if condition is None or truth_of(condition.evaluate(record)):
                taken += 1
                if query.aggregates:
                    for aggregate in query.aggregates:
                        aggregate.add(record)
                else:
                    pending += results.written(results.row_of(query, record), wanted.output)
            if len(pending) >= _PAYLOAD:
                returned += len(pending)
                yield framing.records(bytes(pending))
                pending.clear()
                if wanted.progress:
                    yield framing.progress(Progress(source.scanned, source.processed, returned))
            elif count % _LOOK == 0:
                yield None
        if query.aggregates and limit != 0:
            empty = records.JsonRecord({})
            pending += results.written(results.row_of(query, empty), wanted.output)
        if pending:
            returned += len(pending)
            yield framing.records(bytes(pending))
        state = Progress(source.scanned, source.processed, returned)
        if wanted.progress:
            yield framing.progress(state)
        yield framing.stats(state)
        yield framing.end()

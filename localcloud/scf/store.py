"""What SCF keeps: asynchronous events, invocations with their logs, CMQ messages, settings.

One SQLite file in the data folder, written in WAL mode: an event that was accepted survives the
end of the process, however it comes. Other processes may read it meanwhile. Finished events and
invocations are kept up to a bound, the oldest go first.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

FILE_NAME = "functions.sqlite3"
QUEUED, FINISHED, FAILED, ABORTED = "QUEUED", "FINISHED", "FAILED", "ABORTED"
MAX_FINISHED = 5_000  # events whose end is known
MAX_INVOCATIONS = 10_000
MAX_LOG_BYTES = 64 * 1024 * 1024  # of all kept invocations together
MAX_RESULT = 64 * 1024  # characters of a kept result
MAX_MESSAGES = 10_000
_EVERY = 100  # rows between two rounds of removing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    request_id TEXT PRIMARY KEY, function TEXT NOT NULL, source TEXT NOT NULL,
    accepted REAL NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL, status TEXT NOT NULL,
    code INTEGER NOT NULL, started REAL, ended REAL, payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ended_events ON events (ended);
CREATE TABLE IF NOT EXISTS invocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL, function TEXT NOT NULL,
    started REAL NOT NULL, duration REAL NOT NULL, memory INTEGER NOT NULL, code INTEGER NOT NULL,
    retry INTEGER NOT NULL, result TEXT NOT NULL, log TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS invocations_of_requests ON invocations (request_id);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, name TEXT NOT NULL,
    tag TEXT NOT NULL, request_id TEXT NOT NULL, published REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (
    function TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (function, name));
"""


@dataclass(frozen=True)
class AsyncEvent:
    """An event that waits for `function` (a key of serverless.yml), or did. Times in Unix seconds.

    `tries` counts the failed ones; `source` is what sent it; `code` is SCF's status code once
    `status` is no longer QUEUED.
    """

    request_id: str
    function: str
    source: str
    accepted: float
    due: float
    tries: int = 0
    status: str = QUEUED
    code: int = 0
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Logged:
    """One finished invocation. `duration` in ms, `memory` in bytes, `code` SCF's status code.

    `retry` is how many tries went before; `result` is the returned value or the error, as JSON;
    `log` is in SCF's form.
    """

    id: int
    request_id: str
    function: str
    started: float
    duration: float
    memory: int
    code: int
    retry: int
    result: str
    log: str

    @property
    def ok(self) -> bool:
        """Whether the handler returned."""
        return self.code == 200


@dataclass(frozen=True)
class Message:
    """A message that a CMQ topic or queue keeps. `published` in Unix seconds."""

    id: int
    type: str
    name: str
    tag: str
    request_id: str
    published: float
    body: str


_EVENT = ", ".join(field.name for field in fields(AsyncEvent))


class FunctionStore:
    """The tables, for one thread. `path` is the file; `sync` waits for the disk at each change."""

    def __init__(self, path: Path, *, sync: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
        self._base.executescript(_SCHEMA)
        self._log_bytes = self._number("SELECT total(length(log)) FROM invocations")
        self._until_removal = _EVERY

    def close(self) -> None:
        """Give the file back."""
        self._base.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none. Blocks may be nested."""
        if self._base.in_transaction:
            yield
            return
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    # Asynchronous events

    def add_event(self, event: AsyncEvent, payload: str) -> None:
        """Keep a new event."""
        row = (*astuple(event), payload)
        self._insert("events", row)

    def waiting(self) -> list[AsyncEvent]:
        """All events that have not ended, the oldest first."""
        return self._events("status = 'QUEUED' ORDER BY accepted, rowid", ())

    def event(self, request_id: str) -> AsyncEvent | None:
        """One event, waiting or ended."""
        return next(iter(self._events("request_id = ?", (request_id,))), None)

    def events_of(self, function: str) -> list[AsyncEvent]:
        """All that is known of a function's events."""
        return self._events("function = ?", (function,))

    def payload(self, request_id: str) -> str:
        """The event itself, as JSON text; empty once it has ended."""
        row = self._base.execute(
            "SELECT payload FROM events WHERE request_id = ?", (request_id,)
        ).fetchone()
        return str(row[0]) if row else ""

    def postpone(self, event: AsyncEvent) -> None:
        """Note when an event is due again, and after how many tries."""
        self._base.execute(
            "UPDATE events SET due = ?, tries = ? WHERE request_id = ?",
            (event.due, event.tries, event.request_id),
        )

    def end_event(self, event: AsyncEvent, status: str, code: int, ended: float) -> None:
        """Note how an event ended; its payload goes."""
        self._base.execute(
            "UPDATE events SET status = ?, code = ?, tries = ?, started = ?, ended = ?, "
            "payload = '' WHERE request_id = ?",
            (status, code, event.tries, event.started, ended, event.request_id),
        )
        self._sometimes_remove()

    # Invocations

    def add_invocation(self, logged: Logged) -> None:
        """Keep a finished invocation (its `id` is given here)."""
        row = astuple(replace(logged, result=logged.result[:MAX_RESULT]))
        self._insert("invocations", (None, *row[1:]))
        self._log_bytes += len(logged.log)
        self._sometimes_remove()

    # CMQ

    def add_message(self, message: Message) -> None:
        """Keep a message (its `id` is given here); beyond `MAX_MESSAGES` the oldest goes."""
        self._insert("messages", (None, *astuple(message)[1:]))
        self._base.execute(
            "DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - ?", (MAX_MESSAGES,)
        )

    # Settings

    def setting(self, function: str, name: str) -> int | None:
        """A number that the API was told to keep for a function."""
        row = self._base.execute(
            "SELECT value FROM settings WHERE function = ? AND name = ?", (function, name)
        ).fetchone()
        return int(row[0]) if row else None

    def set_setting(self, function: str, name: str, value: int | None) -> None:
        """Keep a number for a function, or forget it (None)."""
        if value is None:
            self._base.execute(
                "DELETE FROM settings WHERE function = ? AND name = ?", (function, name)
            )
        else:
            self._base.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (function, name, value)
            )

    def _insert(self, table: str, row: tuple[Any, ...]) -> None:
        # JSON can carry halves of surrogate pairs, which no UTF-8 text can hold.
        row = tuple(
            value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for value in row
        )
        places = ", ".join("?" * len(row))
        self._base.execute(f"INSERT INTO {table} VALUES ({places})", row)  # noqa: S608 - our names

    def _events(self, where: str, values: tuple[Any, ...]) -> list[AsyncEvent]:
        query = f"SELECT {_EVENT} FROM events WHERE {where}"  # noqa: S608 - fixed texts
        return [AsyncEvent(*row) for row in self._base.execute(query, values)]

    def _number(self, query: str) -> int:
        return int(self._base.execute(query).fetchone()[0] or 0)

    def _sometimes_remove(self) -> None:
        self._until_removal -= 1
        if self._until_removal > 0 and self._log_bytes <= MAX_LOG_BYTES:
            return
        self._until_removal = _EVERY
        with self.transaction():
            self._base.execute(
                "DELETE FROM events WHERE status != 'QUEUED' AND ended <= (SELECT ended FROM events"
                " WHERE status != 'QUEUED' ORDER BY ended DESC LIMIT 1 OFFSET ?)",
                (MAX_FINISHED,),
            )
            self._base.execute(
                "DELETE FROM invocations WHERE id <= (SELECT max(id) FROM invocations) - ?",
                (MAX_INVOCATIONS,),
            )
            self._log_bytes = self._number("SELECT total(length(log)) FROM invocations")
            while self._log_bytes > MAX_LOG_BYTES * 0.9:
                self._base.execute(
                    "DELETE FROM invocations WHERE id IN "
                    "(SELECT id FROM invocations ORDER BY id LIMIT 50)"
                )
                self._log_bytes = self._number("SELECT total(length(log)) FROM invocations")

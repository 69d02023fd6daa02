"""The jobs of all buckets: rows in a SQLite file of their own, made with the first job.

Belongs to the event loop's thread. Every change is one transaction, so that a process that is
killed leaves each job either as it was or as it became.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.cloud import JOBS_FILE
from localcloud.storage.directory import DataFolderError

PICTURE, BATCH = "picture", "batch"
STATES = ("Submitted", "Running", "Success", "Failed", "Pause", "Cancel")
OPEN = ("Submitted", "Running", "Pause")
_LETTER = {PICTURE: "c", BATCH: "b"}  # as ids begin in the manual's samples
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    bucket TEXT NOT NULL, tag TEXT NOT NULL, queue TEXT NOT NULL, state TEXT NOT NULL,
    level INTEGER NOT NULL, parent TEXT NOT NULL, object TEXT NOT NULL, name TEXT NOT NULL,
    document TEXT NOT NULL, created REAL NOT NULL, started REAL, ended REAL,
    code TEXT NOT NULL DEFAULT 'Success', message TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '', cursor TEXT NOT NULL DEFAULT '',
    callbacks INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_of_bucket ON jobs (bucket, kind, sequence);
CREATE INDEX IF NOT EXISTS jobs_of_batch ON jobs (parent, state);
CREATE INDEX IF NOT EXISTS jobs_to_do ON jobs (kind, state, level DESC, sequence);
CREATE INDEX IF NOT EXISTS jobs_to_tell ON jobs (ended) WHERE callbacks > 0;
"""
_NEW = ("id", "kind", "bucket", "tag", "queue", "state", "level", "parent", "object", "name",
        "document", "created", "code", "message", "callbacks")  # fmt: skip
_NEW_NAMES = ", ".join(_NEW)
_NEW_PLACES = ", ".join("?" for _ in _NEW)


@dataclass(frozen=True)
class Job:
    """One job. Times in Unix seconds.

    `kind` is PICTURE or BATCH; `parent` the id of the batch that made it; `object` the key of its
    input. `document` is what was asked for, as JSON, empty for a job whose batch says it. `cursor`
    is how far a batch has read its input, as JSON. `callbacks` are the tries left to tell of it.
    """

    id: str
    kind: str
    bucket: str
    tag: str
    queue: str
    state: str
    created: float
    document: str = ""
    level: int = 0
    parent: str = ""
    object: str = ""
    name: str = ""
    started: float | None = None
    ended: float | None = None
    code: str = "Success"
    message: str = ""
    result: str = ""
    cursor: str = ""
    callbacks: int = 0
    sequence: int = 0


@dataclass(frozen=True)
class Wanted:
    """Which jobs a listing asks for. `token` is the sequence to go on behind, 0: from the start."""

    kind: str
    bucket: str
    states: Sequence[str] = STATES
    tag: str = ""
    queue: str = ""
    parent: str = ""
    object: str = ""
    name: str = ""
    id: str = ""
    since: float | None = None
    until: float | None = None
    exclusive: bool = False
    newest_first: bool = True
    token: int = 0


def new_id(kind: str) -> str:
    """An id of the service's form, a letter and 32 hexadecimal digits."""
    return _LETTER[kind] + uuid.uuid4().hex


class JobTable:
    """One connection, on one thread."""

    def __init__(self, folder: Path, *, sync: bool = False) -> None:
        """Raises DataFolderError for a file that is no such table."""
        file = folder / JOBS_FILE
        try:
            self._db = sqlite3.connect(file, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if sync else 'NORMAL'}")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise DataFolderError(f"{file} cannot hold jobs: {error}") from None

    def close(self) -> None:
        self._db.close()

    def recover(self) -> None:
        """What ran when the process ended has to run again."""
        self._db.execute(
            "UPDATE jobs SET state = 'Submitted', started = NULL "
            "WHERE kind = ? AND state = 'Running'",
            (PICTURE,),
        )

    def add(self, job: Job) -> None:
        self._insert([job])

    def add_children(self, batch: str, children: Iterable[Job], cursor: str) -> None:
        """The jobs of some more of a batch's objects, and how far it has come, at once."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._insert(children)
            self._db.execute("UPDATE jobs SET cursor = ? WHERE id = ?", (cursor, batch))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def find(self, job_id: str) -> Job | None:
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _job(row) if row else None

    def next(self) -> Job | None:
        """The picture job whose turn it is: the highest level, then the oldest."""
        query = (
            "SELECT * FROM jobs WHERE kind = ? AND state = 'Submitted' "
            "ORDER BY level DESC, sequence LIMIT 1"
        )
        row = self._db.execute(query, (PICTURE,)).fetchone()
        return _job(row) if row else None

    def open_batches(self) -> list[Job]:
        """Batches that wait or run, the oldest first."""
        query = (
            "SELECT * FROM jobs WHERE kind = ? AND state IN ('Submitted', 'Running') "
            "ORDER BY level DESC, sequence"
        )
        return [_job(row) for row in self._db.execute(query, (BATCH,))]

    def to_tell(self) -> Job | None:
        """A job that has ended and whose callback is still to be sent."""
        query = "SELECT * FROM jobs WHERE callbacks > 0 AND ended IS NOT NULL LIMIT 1"
        row = self._db.execute(query).fetchone()
        return _job(row) if row else None

    def set(self, job_id: str, **values: object) -> None:
        """Change columns of one job; the names are the program's own."""
        columns = ", ".join(f"{name} = ?" for name in values)
        query = f"UPDATE jobs SET {columns} WHERE id = ?"  # noqa: S608
        self._db.execute(query, (*values.values(), job_id))

    def cancel_children(self, batch: str, now: float) -> None:
        """End the jobs of a batch that have not begun."""
        self._db.execute(
            "UPDATE jobs SET state = 'Cancel', ended = ?, callbacks = 0 "
            "WHERE parent = ? AND state IN ('Submitted', 'Pause')",
            (now, batch),
        )

    def pause(self, bucket: str, queue: str, *, paused: bool) -> None:
        """Hold the jobs of a queue that have not begun, or let them go on."""
        before, after = ("Submitted", "Pause") if paused else ("Pause", "Submitted")
        self._db.execute(
            "UPDATE jobs SET state = ? WHERE bucket = ? AND queue = ? AND state = ?",
            (after, bucket, queue, before),
        )

    def counts(self, batch: str) -> dict[str, int]:
        """How many jobs of a batch are in each state."""
        query = "SELECT state, COUNT(*) AS many FROM jobs WHERE parent = ? GROUP BY state"
        return {row["state"]: row["many"] for row in self._db.execute(query, (batch,))}

    def is_open(self, batch: str) -> bool:
        """Whether a batch has jobs that have not ended."""
        places = ", ".join("?" for _ in OPEN)
        query = f"SELECT 1 FROM jobs WHERE parent = ? AND state IN ({places}) LIMIT 1"  # noqa: S608
        return self._db.execute(query, (batch, *OPEN)).fetchone() is not None

    def waiting_of(self, batch: str) -> int:
        """How many jobs of a batch have not begun."""
        query = (
            "SELECT COUNT(*) AS many FROM jobs WHERE parent = ? AND state IN ('Submitted', 'Pause')"
        )
        return int(self._db.execute(query, (batch,)).fetchone()["many"])

    def waiting(self, bucket: str, queue: str) -> int:
        """How many picture jobs of a queue have not begun."""
        query = (
            "SELECT COUNT(*) AS many FROM jobs WHERE kind = ? AND bucket = ? AND queue = ? "
            "AND state IN ('Submitted', 'Pause')"
        )
        return int(self._db.execute(query, (PICTURE, bucket, queue)).fetchone()["many"])

    def list(self, wanted: Wanted, limit: int) -> list[Job]:
        """Up to `limit` jobs, by the order of their creation."""
        asked: list[tuple[str, object]] = [("bucket = ?", wanted.bucket), ("kind = ?", wanted.kind)]
        for column in ("tag", "queue", "parent", "object", "name", "id"):
            if value := getattr(wanted, column):
                asked.append((f"{column} = ?", value))
        equal = "" if wanted.exclusive else "="
        # Times are told in whole seconds, and compared as they are told.
        if wanted.since is not None:
            asked.append((f"CAST(created AS INTEGER) >{equal} ?", wanted.since))
        if wanted.until is not None:
            asked.append((f"CAST(created AS INTEGER) <{equal} ?", wanted.until))
        if wanted.token:
            asked.append((f"sequence {'<' if wanted.newest_first else '>'} ?", wanted.token))
        places = ", ".join("?" for _ in wanted.states)
        conditions = " AND ".join(condition for condition, _ in asked)
        order = "DESC" if wanted.newest_first else "ASC"
        query = (
            f"SELECT * FROM jobs WHERE {conditions} AND state IN ({places}) "  # noqa: S608
            f"ORDER BY sequence {order} LIMIT ?"
        )
        values = [value for _, value in asked]
        rows = self._db.execute(query, (*values, *wanted.states, limit))
        return [_job(row) for row in rows]

    def forget(self, bucket: str) -> None:
        """Remove all jobs of a bucket."""
        self._db.execute("DELETE FROM jobs WHERE bucket = ?", (bucket,))

    def trim(self, most: int) -> None:
        """Remove the oldest jobs that have ended, so that about `most` of all stay."""
        self._db.execute(
            "DELETE FROM jobs WHERE ended IS NOT NULL AND callbacks = 0 AND sequence <= "
            "(SELECT MAX(sequence) FROM jobs) - ?",
            (most,),
        )

    def _insert(self, jobs: Iterable[Job]) -> None:
        query = f"INSERT INTO jobs ({_NEW_NAMES}, ended) VALUES ({_NEW_PLACES}, ?)"  # noqa: S608
        rows = [(*(getattr(job, name) for name in _NEW), job.ended) for job in jobs]
        self._db.executemany(query, rows)


def cursor_of(job: Job) -> dict[str, Any]:
    """How far a batch has come, empty before it began."""
    found: dict[str, Any] = json.loads(job.cursor or "{}")
    return found


def _job(row: sqlite3.Row) -> Job:
    return Job(**dict(row))

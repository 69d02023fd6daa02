"""Audit jobs on disk: one row each in SQLite beside the objects' own, so that they survive."""

from __future__ import annotations

import json
import os
import sqlite3
import uuid
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from localcloud.ci.audit.kinds import KINDS, Kind
from localcloud.ci.audit.requests import Conf, Input
from localcloud.limits import MAX_AUDITS
from localcloud.storage.directory import DataFolderError

FILE = "audits.sqlite3"
SUBMITTED, SNAPSHOTING, AUDITING = "Submitted", "Snapshoting", "Auditing"
SUCCESS, FAILED = "Success", "Failed"
DONE = (SUCCESS, FAILED)
_KEPT = 30 * 86_400.0  # seconds: the service keeps jobs for a month
_LOOK = 60.0
_SECRETS = ("Key", "IV")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, bucket TEXT NOT NULL,
    created REAL NOT NULL, state TEXT NOT NULL, callback TEXT NOT NULL, job TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS open_jobs ON jobs (sequence)
    WHERE state NOT IN ('Success', 'Failed') OR callback = 'pending';
CREATE TABLE IF NOT EXISTS feedback (
    sequence INTEGER PRIMARY KEY, bucket TEXT NOT NULL, created REAL NOT NULL,
    report TEXT NOT NULL);
"""
_OPEN = "state NOT IN ('Success', 'Failed') OR callback = 'pending'"


@dataclass
class Job:
    """One audit. `detail` are the verdict's elements, `code` and `message` of a failed job;
    `forbid` is 1 once the object is frozen; `callback` is "", pending, delivered or failed."""

    id: str
    bucket: str
    region: str
    kind: Kind
    wanted: Input
    conf: Conf
    created: float
    state: str = SUBMITTED
    code: str = ""
    message: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    forbid: int = 0
    callback: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.state in DONE

    def finish(self) -> None:
        """Forget what only the judging needed: keys, and content that is no answer's part."""
        kept = {n: v for n, v in self.wanted.encryption.items() if n not in _SECRETS}
        content = self.wanted.content if self.kind.name == "text" else ""
        self.wanted = replace(self.wanted, encryption=kept, content=content)


def new_id(kind: Kind) -> str:
    """Its two letters and 32 hex digits, as CI's."""
    return kind.prefix + uuid.uuid4().hex


class Store:
    """Used on the cloud's one thread."""

    def __init__(self, folder: Path) -> None:
        """Raises DataFolderError for a file that is no such database."""
        path = folder / FILE
        self._forgotten = 0.0
        try:
            # It holds the keys of encrypted content while a job waits.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise DataFolderError(f"{path} cannot hold the audits: {error}") from None

    def close(self) -> None:
        self._db.close()

    def put(self, job: Job) -> None:
        """Insert or replace."""
        values = (job.bucket, job.created, job.state, job.callback, _encode(job))
        changed = self._db.execute(
            "UPDATE jobs SET bucket = ?, created = ?, state = ?, callback = ?, job = ? "
            "WHERE id = ?",
            (*values, job.id),
        )
        if not changed.rowcount:
            self._db.execute(
                "INSERT INTO jobs (bucket, created, state, callback, job, id) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*values, job.id),
            )

    def find(self, job_id: str) -> Job | None:
        row = self._db.execute("SELECT job FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _decode(row[0]) if row else None

    def unfinished(self) -> list[Job]:
        """Jobs that were not judged, or whose callback did not get through, the oldest first."""
        rows = self._db.execute(f"SELECT job FROM jobs WHERE {_OPEN} ORDER BY sequence")  # noqa: S608
        return [_decode(row[0]) for row in rows]

    def forget(self, now: float) -> None:
        """Drop what is over a month old, and the oldest beyond `MAX_AUDITS`; never an open job.

        Looks once a minute: it walks over all of them.
        """
        if now < self._forgotten + _LOOK:
            return
        self._forgotten = now
        for table, condition in (("jobs", f"AND NOT ({_OPEN})"), ("feedback", "")):
            self._db.execute(
                f"DELETE FROM {table} WHERE (created < ? OR sequence <= "  # noqa: S608
                f"(SELECT MAX(sequence) FROM {table}) - ?) {condition}",
                (now - _KEPT, MAX_AUDITS),
            )

    def add_feedback(self, bucket: str, now: float, report: dict[str, Any]) -> None:
        """Keep what a person says of a verdict."""
        self._db.execute(
            "INSERT INTO feedback (bucket, created, report) VALUES (?, ?, ?)",
            (bucket, now, json.dumps(report)),
        )

    def feedback(self, bucket: str) -> list[dict[str, Any]]:
        """What was reported on a bucket, the oldest first."""
        rows = self._db.execute(
            "SELECT report FROM feedback WHERE bucket = ? ORDER BY sequence", (bucket,)
        )
        return [json.loads(row[0]) for row in rows]


def _encode(job: Job) -> str:
    values = {item.name: getattr(job, item.name) for item in fields(Job)}
    values |= {
        "kind": job.kind.name,
        "wanted": asdict(job.wanted),
        "conf": asdict(job.conf),
    }
    return json.dumps(values)


def _decode(text: str) -> Job:
    values = json.loads(text)
    conf = values["conf"]
    if conf["scenes"] is not None:
        conf["scenes"] = tuple(conf["scenes"])
    values |= {
        "kind": KINDS[values["kind"]],
        "wanted": Input(**values["wanted"]),
        "conf": Conf(**conf),
    }
    return Job(**values)

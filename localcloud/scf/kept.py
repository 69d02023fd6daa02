"""Looking into what SCF keeps: invocations and messages, from any process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from localcloud.scf.store import FILE_NAME, Logged, Message

_LOGGED = ", ".join(field.name for field in fields(Logged))
_MESSAGE = ", ".join(field.name for field in fields(Message))


@dataclass(frozen=True)
class Wanted:
    """Which invocations; what is empty or None does not matter. `text` is a part of the log."""

    functions: tuple[str, ...] = ()
    request_id: str = ""
    text: str = ""
    since: float | None = None
    until: float | None = None
    ok: bool | None = None
    after: int = 0  # the id of an invocation


class KeptInvocations:
    """A reader of the file in the data folder `folder`, which need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def invocations(self, wanted: Wanted) -> Iterator[Logged]:
        """The invocations in the order in which they ended."""
        conditions, values = _conditions(wanted)
        query = f"SELECT {_LOGGED} FROM invocations WHERE {conditions} ORDER BY id"  # noqa: S608
        for row in self._rows(query, values):
            yield Logged(*row)

    def messages(self, name: str = "") -> list[Message]:
        """The messages that topics and queues keep, the oldest first."""
        query = f"SELECT {_MESSAGE} FROM messages WHERE ? IN ('', name) ORDER BY id"  # noqa: S608
        return [Message(*row) for row in self._rows(query, [name])]

    def _rows(self, query: str, values: list[object]) -> Iterator[tuple[object, ...]]:
        if not self._path.is_file():
            return
        base = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            yield from base.execute(query, values)
        finally:
            base.close()


def _conditions(wanted: Wanted) -> tuple[str, list[object]]:
    parts, values = ["id > ?"], list[object]([wanted.after])
    if wanted.functions:
        parts.append(f"function IN ({', '.join('?' * len(wanted.functions))})")
        values += wanted.functions
    for part, value in (
        ("request_id = ?", wanted.request_id),
        ("instr(log, ?) > 0", wanted.text),
        ("started >= ?", wanted.since),
        ("started < ?", wanted.until),
    ):
        if value not in ("", None):
            parts.append(part)
            values.append(value)
    if wanted.ok is not None:
        parts.append("code = 200" if wanted.ok else "code != 200")
    return " AND ".join(parts), values

"""The folder that one process works in: locked, with a place for files that are not finished."""

from __future__ import annotations

import fcntl
import re
import uuid
from pathlib import Path
from typing import IO

_SCRATCH = re.compile(r"[0-9a-f]{32}")


class DataFolderError(RuntimeError):
    """The folder cannot be used; the message says why."""


class Folder:
    """`path`, made if it is not there, until `close`. Raises DataFolderError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scratch = path / "scratch"
        try:
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path / "lock")
        except OSError as error:
            raise DataFolderError(f"{path} cannot hold the data: {error}") from None

    def scratch(self) -> Path:
        """A name for a new file."""
        return self._scratch / uuid.uuid4().hex

    def remove_strays(self) -> None:
        """Remove what an earlier process did not finish, and nothing that is not ours."""
        for path in self._scratch.iterdir():
            if _SCRATCH.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another process have it."""
        self._lock.close()


def _lock(path: Path) -> IO[str]:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataFolderError(f"{path.parent} is in use by another local cloud") from None
    return file

"""Bodies that nothing refers to any more leave the store a while later.

Another process may have just read where a body lies, so it stays for a moment. Who is killed before
leaves it there: nobody is shown it, it takes space.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable

from localcloud.limits import STOP_SECONDS
from localcloud.storage import StorageUnavailable
from localcloud.storage.s3.store import Store

_log = logging.getLogger("localcloud")
_WAIT = 60.0  # seconds


class Removal:
    """Removes names, and all names with a prefix, from the store on a thread of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due: deque[tuple[float, str]] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="s3-removal", daemon=True)
        self._thread.start()

    def add(self, names: Iterable[str]) -> None:
        """Remove these in a while; one that ends in a slash stands for all that begins with it."""
        due = time.monotonic() + _WAIT
        with self._changed:
            self._due.extend((due, name) for name in names)
            self._changed.notify()

    def close(self) -> None:
        """Remove what is left now, as far as a stop may take."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while (name := self._next()) is not None:
            try:
                if name.endswith("/"):
                    for entry in list(self._store.entries(name)):
                        self._store.remove(entry.name)
                else:
                    self._store.remove(name)
            except StorageUnavailable as error:
                _log.warning("%s stays in the store: %s", name, error)
                if self._ending:
                    return

    def _next(self) -> str | None:
        """The next name that is due; None when all is done."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._due and (self._ending or self._due[0][0] <= now):
                    return self._due.popleft()[1]
                if self._ending:
                    return None
                self._changed.wait(self._due[0][0] - now if self._due else None)

"""Bodies: written to the store once under names of their own, read through a folder of files.

What lies under a name never changes, so a file of it is never out of date. The folder is bounded;
the files that were used last stay, and one that was used within the last minute always does.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from localcloud.storage import StorageUnavailable
from localcloud.storage.s3 import waiting
from localcloud.storage.s3.store import Store

_IN_USE = 60.0  # seconds within which a path that was handed out is opened
_THREADS = 16
_OURS = re.compile(r"[0-9a-f]{32}(\.part)?")


class Bodies:
    """The bodies of all objects, and the files of some of them in `folder`, up to `room` bytes."""

    def __init__(self, store: Store, folder: Path, room: int) -> None:
        self._store, self._folder, self._room = store, folder, room
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3-body")
        self._lock = threading.Lock()
        self._coming: dict[str, threading.Lock] = {}
        # Size and time of the last use, the longest unused first.
        self._files: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._size = 0
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if _OURS.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def path_of(self, place: str) -> Path:
        """The file for what lies at `place`, whether or not it is there."""
        return self._folder / place[-32:]

    def add(self, place: str, file: Path) -> None:
        """Store a finished file, which becomes the local one."""
        waiting.run(self._executor, self._store.upload, place, file)
        size = file.stat().st_size
        file.rename(self.path_of(place))
        self._use(place, size)

    def fetch(self, place: str) -> bool:
        """Have the file of a body here; False when the store has it no more."""
        return self._is_here(place) or waiting.run(self._executor, self._download, place)

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _is_here(self, place: str) -> bool:
        with self._lock:
            if place not in self._files:
                return False
            size, _ = self._files[place]
            self._files[place] = size, time.monotonic()
            self._files.move_to_end(place)
            return True

    def _download(self, place: str) -> bool:
        with self._lock:
            coming = self._coming.setdefault(place, threading.Lock())
        try:
            with coming:
                return self._is_here(place) or self._download_alone(place)
        finally:
            with self._lock:
                self._coming.pop(place, None)

    def _download_alone(self, place: str) -> bool:
        file = self._folder / f"{uuid.uuid4().hex}.part"
        try:
            with file.open("wb") as into:
                if not self._store.download(place, into):
                    return False
                size = into.tell()
            file.rename(self.path_of(place))
        except OSError as error:
            raise StorageUnavailable(f"{self._folder} cannot hold a body: {error}") from None
        finally:
            file.unlink(missing_ok=True)
        self._use(place, size)
        return True

    def _use(self, place: str, size: int) -> None:
        now = time.monotonic()
        with self._lock:
            self._size += size
            self._files[place] = size, now
            while self._size > self._room:
                oldest, (_, used) = next(iter(self._files.items()))
                if now - used < _IN_USE:
                    return
                self._drop(oldest)

    def _drop(self, place: str) -> None:
        size, _ = self._files.pop(place, (0, 0.0))
        self._size -= size
        with suppress(OSError):
            self.path_of(place).unlink(missing_ok=True)

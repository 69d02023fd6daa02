"""Mid-size renditions of large pictures, as files, for the sizes that are asked for next.

A picture gets its rendition when a second result is made of it: what is served at one size only
costs nothing more. Files, because the pixels of one take megabytes; cleared at each start, so that
none is older than what is known of it, and a crash leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.imaging import ImageResult, process
from localcloud.limits import MAX_PROXY, MAX_SEEN
from localcloud.storage import StoredObject
from shared.rules import Rule

if TYPE_CHECKING:
    from localcloud.imaging.proxy import Proxy

_NAME = re.compile(r"[0-9a-f]{32}")
_Key = tuple[str, ...]


class Proxies:
    """Up to `room` bytes of renditions in `folder`, the ones used last. Thread-safe.

    With no room none is made. `made` counts renditions, `served` the results that came from one.
    """

    def __init__(self, folder: Path, room: int) -> None:
        self._folder, self._room = folder, room
        self._lock = threading.Lock()
        self._files: OrderedDict[_Key, tuple[Path, int]] = OrderedDict()
        self._seen: OrderedDict[_Key, None] = OrderedDict()
        self._making: set[_Key] = set()
        self.size = self.made = self.served = 0
        # Only names of our own making: the folder may hold files that somebody else put there.
        for path in folder.iterdir() if folder.is_dir() else ():
            if _NAME.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._files)

    def process(
        self,
        stored: StoredObject,
        read: Callable[[], bytes],
        rule: Rule,
        marks: Mapping[str, bytes],
        slow_jpeg: bool,
    ) -> ImageResult:
        """`rule` on the object whose bytes `read()` gives. Raises ImageError."""
        if not self._room or rule.is_info:
            return process(read(), rule, marks=marks, slow_jpeg=slow_jpeg)
        found = self._load(_key(stored))
        result = found and found.render(rule, marks=marks, slow_jpeg=slow_jpeg)
        if result is None:
            source = read()
            made = self._made(stored, source, rule) if found is None else None
            result = made and made.render(rule, marks=marks, slow_jpeg=slow_jpeg)
            if result is None:
                return process(source, rule, marks=marks, slow_jpeg=slow_jpeg)
        with self._lock:
            self.served += 1
        return result

    def discard(self, bucket: str, key: str) -> None:
        """Remove renditions of the object's bodies that are no more."""
        with self._lock:
            for known in [known for known in self._files if known[:2] == (bucket, key)]:
                if not Path(known[2]).exists():
                    self._remove(known)

    def _load(self, key: _Key) -> Proxy | None:
        with self._lock:
            path, _ = self._files.get(key, (None, 0))
            if path is None:
                return None
            self._files.move_to_end(key)
        from localcloud.imaging import proxy

        try:
            found = proxy.read(path.read_bytes())
        except OSError:
            found = None
        if found is None:
            with self._lock:
                self._remove(key)
        return found

    def _made(self, stored: StoredObject, source: bytes, rule: Rule) -> Proxy | None:
        """A rendition that is new; None for the first result, or while another request makes it."""
        key = _key(stored)
        with self._lock:
            second = key in self._seen
            self._seen[key] = None
            self._seen.move_to_end(key)
            if len(self._seen) > MAX_SEEN:
                self._seen.popitem(last=False)
            if not second or key in self._making:
                return None
            self._making.add(key)
        # Like all that loads an image library, not before there is a picture.
        from localcloud.imaging import proxy

        try:
            made = proxy.make(source, rule, most_bytes=min(MAX_PROXY, self._room))
            if made is not None:
                # A full disk is no reason to fail: the next request tries again.
                with contextlib.suppress(OSError):
                    self._store(stored, made.to_bytes())
            return made
        finally:
            with self._lock:
                self._making.discard(key)

    def _store(self, stored: StoredObject, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / uuid.uuid4().hex
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        key = _key(stored)
        with self._lock:
            self._remove(key)
            self._files[key] = (path, len(data))
            self.size += len(data)
            self.made += 1
            while self.size > self._room:
                self._remove(next(iter(self._files)))
        # The object may have gone meanwhile, and its removal found nothing to discard.
        self.discard(stored.bucket, stored.key)

    def _remove(self, key: _Key) -> None:
        path, size = self._files.pop(key, (None, 0))
        self.size -= size
        if path is not None:
            path.unlink(missing_ok=True)


def _key(stored: StoredObject) -> _Key:
    """Of one body: whatever is put under the same key has another."""
    return stored.bucket, stored.key, str(stored.path), stored.etag, str(stored.size)

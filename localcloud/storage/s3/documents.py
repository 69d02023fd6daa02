"""The documents in the store: read through a cache, changed by compare and swap.

A document is what its ETag says, so one that was read stays good for as long as the store shows the
same ETag: a listing then costs no reads, and reading what did not change moves no bytes.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from localcloud.errors import ServiceError
from localcloud.storage import StorageUnavailable
from localcloud.storage.s3 import waiting
from localcloud.storage.s3.store import CONNECTIONS, Conflict, Entry, Store

_T = TypeVar("_T")
_TRIES = 100
_PAUSE = 0.02  # seconds, at most, between two tries of writers that got into each other's way


@dataclass(frozen=True)
class Document(Generic[_T]):
    """What was read: `content` as it was at `etag`; without an ETag there was none."""

    content: _T
    etag: str | None
    size: int = 0


class Documents(Generic[_T]):
    """Those of one kind. `decode(name, data)` gives the content, `encode(content)` the data;
    `nothing` is the content of none, which is never encoded."""

    def __init__(
        self,
        store: Store,
        executor: ThreadPoolExecutor,
        decode: Callable[[str, bytes], _T],
        encode: Callable[[Any], bytes],
        *,
        nothing: _T,
        room: int,
    ) -> None:
        self._store, self._executor = store, executor
        self._decode, self._encode, self._nothing = decode, encode, nothing
        self._kept: OrderedDict[str, Document[_T]] = OrderedDict()
        self._room, self._size = room, 0

    def known(self, name: str) -> Document[_T]:
        """As it was when it was last seen here: it may have changed."""
        return self._kept.get(name) or Document(self._nothing, None)

    def read(self, name: str) -> Document[_T]:
        """As it is now."""
        before = self._kept.get(name)
        found = waiting.run(self._executor, self._store.read, name, before.etag if before else None)
        return self._taken(name, found, before)

    def read_all(self, entries: Sequence[Entry]) -> list[_T]:
        """Those of a listing, without those that are gone since; unchanged ones are not read."""
        known = [self._kept.get(entry.name) for entry in entries]
        wanted = [
            entry.name
            for entry, kept in zip(entries, known, strict=True)
            if kept is None or kept.etag != entry.etag
        ]
        found = {}
        if wanted:
            read = waiting.run(self._executor, self._read_many, wanted)
            found = dict(zip(wanted, read, strict=True))
        documents = [
            self._taken(entry.name, found[entry.name], None)
            if kept is None or kept.etag != entry.etag
            else kept
            for entry, kept in zip(entries, known, strict=True)
        ]
        return [document.content for document in documents if document.content != self._nothing]

    def list(self, prefix: str, after: str, page: int) -> Iterator[list[Entry]]:
        """The names of all documents with this prefix, page by page."""
        while True:
            entries = waiting.run(self._executor, self._store.page, prefix, after, page)
            if entries:
                yield entries
            if len(entries) < page:
                return
            after = entries[-1].name

    def change(
        self, name: str, decide: Callable[[_T], _T], is_done: Callable[[_T], bool] | None = None
    ) -> tuple[_T, _T]:
        """Replace a document by what `decide` makes of it: (before, after).

        `decide` is asked again when somebody else was faster, and decides by what it is given: it
        refuses by raising ServiceError. It is first given what is known here; a refusal, or a
        wish to change nothing, counts only for what was just read. `is_done` recognises a change
        that was made although its answer got lost.
        """
        document, is_fresh = self.known(name), False
        for _ in range(_TRIES):
            try:
                after = decide(document.content)
            except ServiceError:
                if is_fresh:
                    raise
            else:
                if after != document.content:
                    if self._write(name, document, after):
                        return document.content, after
                    waiting.run(self._executor, time.sleep, random.uniform(0, _PAUSE))  # noqa: S311
                elif is_fresh:
                    return document.content, after
            document, is_fresh = self.read(name), True
            if is_done is not None and is_done(document.content):
                return document.content, document.content
        raise ServiceError("SlowDown", "too many write to the same place at the same time")

    def _write(self, name: str, before: Document[_T], content: _T) -> bool:
        try:
            if content != self._nothing:
                data = self._encode(content)
                etag = waiting.run(self._executor, self._store.write, name, data, before.etag)
                self._keep(name, Document(content, etag, len(data)))
            elif self._store.deletes_conditionally:
                waiting.run(self._executor, self._store.remove_same, name, before.etag)
                self._forget(name)
            else:
                # Removing it could remove what somebody else has just written: an empty one stays.
                waiting.run(self._executor, self._store.write, name, b"", before.etag)
                self._forget(name)
        except Conflict:
            self._forget(name)
            return False
        return True

    def _read_many(self, names: Sequence[str]) -> list[tuple[bytes, str] | str | None]:
        if len(names) == 1:
            return [self._store.read(names[0])]
        with ThreadPoolExecutor(min(len(names), CONNECTIONS // 2)) as readers:
            return list(readers.map(self._store.read, names))

    def _taken(
        self, name: str, found: tuple[bytes, str] | str | None, before: Document[_T] | None
    ) -> Document[_T]:
        if isinstance(found, str) and before is not None:
            if name in self._kept:
                self._kept.move_to_end(name)
            return before
        if not isinstance(found, tuple):
            self._forget(name)
            return Document(self._nothing, None)
        data, etag = found
        if not data:
            self._forget(name)
            return Document(self._nothing, etag)
        try:
            content = self._decode(name, data)
        except (ValueError, KeyError, TypeError):
            raise StorageUnavailable(
                f"{name} in the S3 store is not what this version writes"
            ) from None
        document = Document(content, etag, len(data))
        self._keep(name, document)
        return document

    def _keep(self, name: str, document: Document[_T]) -> None:
        self._forget(name)
        self._kept[name] = document
        self._size += document.size
        while self._size > self._room and self._kept:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size

    def _forget(self, name: str) -> None:
        before = self._kept.pop(name, None)
        if before is not None:
            self._size -= before.size

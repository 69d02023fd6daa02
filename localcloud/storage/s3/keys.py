"""The keys of a bucket in the store: a document for each, read, changed and walked in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localcloud.limits import MIB
from localcloud.storage.s3 import history, names
from localcloud.storage.s3.documents import Documents
from localcloud.storage.s3.history import History
from localcloud.storage.s3.store import Entry, Store

_ROOM = 6 * MIB  # of documents that are kept in memory, where they take ten times as much
_LARGEST_PAGE = 1000


class Keys:
    """What every bucket has, by the bucket's `folder` and the key."""

    def __init__(
        self, store: Store, executor: ThreadPoolExecutor, path_of: Callable[[str], Path]
    ) -> None:
        self._path_of = path_of
        self._documents: Documents[History] = Documents(
            store, executor, self._decode, history.to_json, nothing=(), room=_ROOM
        )

    def read(self, folder: str, key: str) -> History:
        """As it is now; empty for a key that has nothing."""
        return self._documents.read(_document(folder, key)).content

    def change(
        self,
        folder: str,
        key: str,
        decide: Callable[[History], History],
        is_done: Callable[[History], bool] | None = None,
    ) -> tuple[History, History]:
        """Compare and swap: (before, after). See `Documents.change`."""
        return self._documents.change(_document(folder, key), decide, is_done)

    def walk(self, folder: str, prefix: str, after: str, page: int) -> Iterator[History]:
        """Those of all keys behind `after` that begin with `prefix`, in the order of their UTF-8
        bytes; `page` is about how many will be wanted."""
        where = f"{folder}objects/"
        start = where + names.beginning_of(after) if after else ""
        page = max(1, min(page, _LARGEST_PAGE))
        pages = self._documents.list(where + names.beginning_of(prefix), start, page)
        for entries in _with_whole_runs(pages, len(where)):
            found = [item for item in self._documents.read_all(entries) if item]
            # All in order already but for what is in runs.
            found.sort(key=lambda item: item[0].key)
            for item in found:
                if item[0].key > after and item[0].key.startswith(prefix):
                    yield item

    def _decode(self, _: str, data: bytes) -> History:
        return history.from_json(data, self._path_of)


def _with_whole_runs(pages: Iterator[list[Entry]], skipped: int) -> Iterator[list[Entry]]:
    """The pages, none of which ends within a run of names; `skipped` characters stand before."""
    held: list[Entry] = []
    for page in pages:
        held += page
        end = len(held)
        run = names.run_of(held[-1].name[skipped:])
        while run and end and names.run_of(held[end - 1].name[skipped:]) == run:
            end -= 1
        if end:
            yield held[:end]
        held = held[end:]
    if held:
        yield held


def _document(folder: str, key: str) -> str:
    return f"{folder}objects/{names.name_of(key)}"

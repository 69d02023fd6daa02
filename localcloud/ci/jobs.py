"""Rules run on one stored picture: in the worker pool, each with a deadline."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TypeVar

from localcloud.ci.errors import from_image, refusal
from localcloud.cloud import Cloud
from localcloud.cos import sse
from localcloud.errors import ServiceError
from localcloud.imaging import (
    LIMITS,
    ImageError,
    ImageFacts,
    ImageResult,
    deadline,
    describe,
    process,
)
from localcloud.storage import StoredObject
from shared.rules import Rule

JOB_SECONDS = 30.0
_T = TypeVar("_T")


class Source:
    """The bytes of a stored object, held open: replacing or deleting it does no harm meanwhile.

    Read only by the jobs, when they run: what waits takes no memory.
    """

    def __init__(self, stored: StoredObject) -> None:
        """Raises ServiceError NoSuchKey when the object has just gone."""
        sse.refuse_customers(stored)
        self._lock, self._size = threading.Lock(), stored.size
        try:
            self._file: IO[bytes] = stored.path.open("rb")
        except FileNotFoundError:
            raise ServiceError("NoSuchKey", "The specified key does not exist.") from None

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        # A job that is past its deadline may still be reading.
        with self._lock:
            self._file.close()

    def read(self) -> bytes:
        """All of it, from any thread."""
        with self._lock:
            self._file.seek(0)
            return self._file.read(self._size)


def is_too_large(stored: StoredObject) -> bool:
    """Whether CI refuses the file for its bytes (CI manual 004:7100)."""
    return stored.size > LIMITS.source_size


def check_size(stored: StoredObject, *, persistent: bool = False) -> None:
    """Raises ServiceError for a file that is too large, before any of it is read."""
    if is_too_large(stored):
        message = f"the source has {stored.size} bytes: at most {LIMITS.source_size} are allowed"
        raise refusal(-167, message, persistent=persistent)


async def run_rules(
    cloud: Cloud,
    source: Source,
    rules: Sequence[Rule],
    marks: Mapping[str, bytes],
    *,
    slow_jpeg: bool = False,
    persistent: bool = False,
) -> list[ImageResult]:
    """The results in the order of `rules`. Raises ServiceError for the first that fails.

    `marks` are the files of their image watermarks, by address.
    """
    tasks = [
        asyncio.ensure_future(
            _run(cloud, _process, source, rule, marks, slow_jpeg, persistent=persistent)
        )
        for rule in rules
    ]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def run_download(
    cloud: Cloud,
    stored: StoredObject,
    source: Source,
    rule: Rule,
    marks: Mapping[str, bytes],
    *,
    slow_jpeg: bool = False,
) -> ImageResult:
    """`run_rules` for one rule, which may start from a smaller rendition of the picture."""
    work = cloud.proxies.process
    return await _run(cloud, work, stored, source.read, rule, marks, slow_jpeg, persistent=False)


async def run_describe(cloud: Cloud, source: Source, *, persistent: bool = False) -> ImageFacts:
    """What the picture is. Raises ServiceError when it is none."""
    return await _run(cloud, _describe, source, persistent=persistent)


def _process(
    source: Source, rule: Rule, marks: Mapping[str, bytes], slow_jpeg: bool
) -> ImageResult:
    return process(source.read(), rule, marks=marks, slow_jpeg=slow_jpeg)


def _describe(source: Source) -> ImageFacts:
    return describe(source.read())


async def _run(cloud: Cloud, work: Callable[..., _T], *arguments: object, persistent: bool) -> _T:
    stop = threading.Event()
    try:
        async with asyncio.timeout(JOB_SECONDS):
            return await cloud.run(_watched, stop, work, *arguments)
    except TimeoutError:
        raise refusal(-901, f"processing took longer than {JOB_SECONDS:g} seconds") from None
    except ImageError as error:
        raise from_image(error, persistent=persistent) from None
    finally:
        # Past the deadline, or where nobody waits any more, its thread is needed by others.
        stop.set()


def _watched(stop: threading.Event, work: Callable[..., _T], *arguments: object) -> _T:
    with deadline.watching(stop.is_set):
        return work(*arguments)

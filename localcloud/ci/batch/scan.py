"""The objects that a batch job is about, page by page, from where it stopped.

CI manual 004:91709: the manifest.json of a COS inventory, a file of URLs, a prefix, or one object.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from localcloud import addressing
from localcloud.ci.job_errors import refusal
from localcloud.cloud import Cloud
from localcloud.cos import restore, sse
from localcloud.errors import ServiceError
from localcloud.limits import BODY_CHUNK, MAX_BATCH_OBJECTS, MAX_LIST_LINE, MAX_MANIFEST
from localcloud.storage import StoredObject

_PAGE = 200
_MAX_LINES = 10 * MAX_BATCH_OBJECTS  # of the files of one input, old versions and all
_MAX_FILES = 1000  # of one inventory
# A key with the error that it cannot be processed for; None for a line that names no object.
_Line = tuple[str, ServiceError | None] | None


@dataclass(frozen=True)
class Source:
    """Where a batch finds its objects. `what` is Manifest, UrlFile, Prefix or Object; `bucket` and
    `value` name the file, the prefix or the object. `start` and `end` bound their time of upload,
    in Unix seconds."""

    what: str
    bucket: str
    value: str
    start: float
    end: float


@dataclass(frozen=True)
class Page:
    """Some keys with the error of each that cannot be processed, and where to go on."""

    keys: list[tuple[str, ServiceError | None]]
    cursor: dict[str, Any]


def locate(text: str, own: str) -> tuple[str, str]:
    """Bucket and key of a file that a request names by key or by address (the service's clients do
    either). Raises `ServiceError` InvalidArgument for an address that is no object's here."""
    if not text.startswith(("http://", "https://")):
        return own, text
    try:
        found = addressing.resolve(text, "")
    except ServiceError:
        found = None
    if found is None or found.service != "cos" or not found.bucket or not found.key:
        raise refusal(
            "InvalidArgument",
            f"{text[:200]!r} is no object here: a key, or http://<bucket>.cos.<region>"
            ".myqcloud.com/<key>, is expected",
        )
    return found.bucket, found.key


async def pages(
    cloud: Cloud, bucket: str, source: Source, cursor: dict[str, Any]
) -> AsyncIterator[Page]:
    """All objects behind `cursor`, a page's own or empty.

    Raises `ServiceError` when the input cannot be read: it is not there, no inventory, another one
    than before, or names too many objects.
    """
    read = {"Prefix": _by_prefix, "Object": _one}.get(source.what, _by_file)
    found = int(cursor.get("found", 0))
    async for page in read(cloud, bucket, source, cursor):
        found += len(page.keys)
        if found > MAX_BATCH_OBJECTS:
            raise refusal(
                "InvalidArgument",
                f"{source.what} names over {MAX_BATCH_OBJECTS} objects, the most allowed",
            )
        yield Page(page.keys, {**page.cursor, "found": found})


async def _by_prefix(
    cloud: Cloud, bucket: str, source: Source, cursor: dict[str, Any]
) -> AsyncIterator[Page]:
    after = str(cursor.get("after", ""))
    while page := cloud.storage.scan(bucket, source.value, after, _PAGE):
        after = page[-1].key
        # What ends in a slash is a folder in the console's eyes, not a file.
        keys = [o.key for o in page if not o.key.endswith("/") and _is_meant(source, o)]
        yield Page([(key, None) for key in keys], {"after": after})
        await asyncio.sleep(0)


async def _one(
    cloud: Cloud, bucket: str, source: Source, cursor: dict[str, Any]
) -> AsyncIterator[Page]:
    if not cursor:
        yield Page(_looked_up(cloud, bucket, source, [(source.value, None)]), {"done": True})


async def _by_file(
    cloud: Cloud, bucket: str, source: Source, cursor: dict[str, Any]
) -> AsyncIterator[Page]:
    listed = _file(cloud, source.bucket, source.value)
    known = cursor.get("etag", listed.etag)
    if known != listed.etag:
        raise refusal("InvalidArgument", f"{source.what} has changed while it was read")
    if source.what == "Manifest":
        files = await asyncio.to_thread(_manifest, listed, bucket)
        names = _inventory(cloud, source.bucket, bucket, files)
    else:
        names = _urls(listed, bucket)
    done = int(cursor.get("lines", 0))
    rows = islice(names, done, None)
    while page := await asyncio.to_thread(lambda: list(islice(rows, _PAGE))):
        done += len(page)
        if done > _MAX_LINES:
            raise _unreadable(f"has over {_MAX_LINES} lines")
        keys = _looked_up(cloud, bucket, source, page)
        yield Page(keys, {"etag": listed.etag, "lines": done})


def _looked_up(
    cloud: Cloud, bucket: str, source: Source, lines: Sequence[_Line]
) -> list[tuple[str, ServiceError | None]]:
    """Those that were uploaded in time; an object that is gone is a failure of its own."""
    found = []
    for key, error in filter(None, lines):
        if error is None:
            try:
                if not _is_meant(source, cloud.storage.head(bucket, key)):
                    continue
            except ServiceError as gone:
                error = gone  # noqa: PLW2901 - what is told about the key
        found.append((key, error))
    return found


def _is_meant(source: Source, stored: StoredObject) -> bool:
    return source.start <= stored.last_modified <= source.end


def _file(cloud: Cloud, bucket: str, key: str) -> StoredObject:
    stored = cloud.storage.head(bucket, key)
    restore.check_readable(stored, cloud.clock())
    sse.refuse_customers(stored)
    cloud.storage.fetch(stored)
    return stored


def _manifest(listed: StoredObject, bucket: str) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The columns and the files of an inventory of `bucket`."""
    if listed.size > MAX_MANIFEST:
        raise _unreadable(f"has {listed.size} bytes: at most {MAX_MANIFEST} are allowed")
    try:
        document = json.loads(listed.path.read_bytes())
        appid, name = str(document["sourceAppid"]), str(document["sourceBucket"])
        columns = tuple(each.strip() for each in str(document["fileSchema"]).split(","))
        files = [
            {"key": str(each["key"]), "md5": str(each.get("md5Checksum", ""))}
            for each in document["files"]
        ]
        form = str(document["fileFormat"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _unreadable(
            "is no manifest.json of an inventory: sourceAppid, sourceBucket, fileFormat, "
            "fileSchema and files are expected"
        ) from None
    if bucket not in (name, f"{name}-{appid}"):
        raise _unreadable(f"is about the bucket {name[:100]!r}: {bucket} is expected")
    if form.upper() != "CSV":
        raise _unreadable(f"lists files of the format {form[:50]!r}: CSV is allowed")
    if "Key" not in columns:
        raise _unreadable("has no column Key in its fileSchema")
    if len(files) > _MAX_FILES:
        raise _unreadable(f"lists {len(files)} files: at most {_MAX_FILES} are allowed")
    return columns, files


def _inventory(
    cloud: Cloud,
    place: str,
    bucket: str,
    manifest: tuple[tuple[str, ...], list[dict[str, str]]],
) -> Iterator[_Line]:
    columns, files = manifest
    # The table of objects belongs to the loop's thread: look the files up before leaving it.
    stored = [(file, _file(cloud, place, file["key"])) for file in files]
    return _rows(columns, bucket, stored)


def _rows(
    columns: tuple[str, ...], bucket: str, files: list[tuple[dict[str, str], StoredObject]]
) -> Iterator[_Line]:
    for file, stored in files:
        if file["md5"] and file["md5"].lower() != _md5(stored.path):
            raise _unreadable(f"lists {file['key'][:200]!r} with another MD5 than it has")
        with stored.path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            lines = _lines(gzip.GzipFile(fileobj=raw) if packed else raw, file["key"])
            for line in lines:
                row = dict(zip(columns, next(csv.reader([line]), []), strict=False))
                old = row.get("IsLatest", "").lower() == "false"
                if old or not line or row.get("IsDeleteMarker", "").lower() == "true":
                    yield None
                    continue
                if "Key" not in row:
                    raise _unreadable(f"lists {file['key'][:200]!r}: a line has no Key")
                key = unquote(row["Key"])
                other = row.get("Bucket", bucket) not in (bucket, bucket.rpartition("-")[0])
                yield key, _elsewhere(row["Bucket"], bucket) if other else None


def _urls(listed: StoredObject, bucket: str) -> Iterator[_Line]:
    with listed.path.open("rb") as raw:
        for line in _lines(raw, "UrlFile"):
            if not line:
                yield None
                continue
            try:
                place, key = locate(line, "")
            except ServiceError as error:
                yield line, error
                continue
            if not place:
                yield line, refusal("InvalidArgument", f"{line[:200]!r} is no address of an object")
            else:
                yield key, None if place == bucket else _elsewhere(place, bucket)


def _lines(file: IO[bytes], name: str) -> Iterator[str]:
    """The lines, each of a bounded length, without white space around it."""
    try:
        while line := file.readline(MAX_LIST_LINE + 1):
            if len(line) > MAX_LIST_LINE:
                raise _unreadable(f"{name[:200]!r} has a line of over {MAX_LIST_LINE} bytes")
            yield line.decode("utf-8").lstrip("\ufeff").strip()
    except (UnicodeDecodeError, EOFError, OSError, zlib.error):
        raise _unreadable(f"{name[:200]!r} cannot be read: UTF-8 text is expected") from None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(BODY_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _elsewhere(place: str, bucket: str) -> ServiceError:
    return refusal("InvalidArgument", f"it lies in {place[:100]!r}: {bucket} is expected")


def _unreadable(what: str) -> ServiceError:
    return refusal("InvalidArgument", f"the input {what}")

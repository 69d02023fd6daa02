"""The objects that a backfill goes through, from a listing or an inventory, from any place on."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

from urllib3.exceptions import HTTPError

from shared.backfills import Plan, iso_time
from shared.batches import BatchCos
from shared.errors import CloudError

MAX_FILES = 1000  # of one inventory
MAX_LINE = 16 * 1024  # bytes
_LINES = 20_000  # of an inventory, after which the place is told though none was meant


class Found(NamedTuple):
    """One object: `size` in bytes and `modified` in Unix seconds, both None if not told. `place` is
    where to go on behind it."""

    key: str
    size: int | None
    modified: int | None
    etag: str
    place: dict[str, Any]


class Page(NamedTuple):
    """Some objects, and where to go on behind them all."""

    objects: list[Found]
    place: dict[str, Any]


def pages(
    cos: BatchCos, plan: Plan, place: dict[str, Any], limit: int, *, near: str, state: str
) -> Iterator[Page]:
    """The objects behind `place`, `limit` at a time. Raises `CloudError`.

    `near` is what the keys that any pipeline wants begin with, `state` the state prefix: a listing
    goes through neither the rest of the bucket nor the claims.
    """
    if plan.source == "inventory":
        return _inventory(cos, plan, place, limit)
    if near.startswith(plan.prefix):
        plan = replace(plan, prefix=near)
    return _listing(cos, plan, place, limit, state=state)


def _listing(
    cos: BatchCos, plan: Plan, place: dict[str, Any], limit: int, *, state: str
) -> Iterator[Page]:
    marker, more = str(place.get("after", "")), not place.get("end")
    while more:
        listed, marker = cos.list_objects(plan.bucket, plan.prefix, marker, limit)
        if marker.startswith(state):
            marker = state[:-1] + chr(ord("/") + 1)  # the first key behind all of them
        found = [
            Found(each.key, each.size, round(iso_time(each.modified)), each.etag,
                  {"after": each.key})
            for each in listed
            if not each.key.startswith(state)
        ]  # fmt: skip
        more = bool(marker)
        yield Page(found, {"after": marker} if more else {"end": True})


def _inventory(cos: BatchCos, plan: Plan, place: dict[str, Any], limit: int) -> Iterator[Page]:
    """Inventories of COS as CSV: https://cloud.tencent.com/document/product/436/33703"""
    bucket = plan.manifest_bucket or plan.bucket
    columns, files, etag = _manifest(cos, bucket, plan)
    if place.get("manifest", etag) != etag:
        raise _invalid(plan, "has changed since the backfill began: choose another name for it")
    first, done = int(place.get("file", 0)), int(place.get("line", 0))
    for number in range(first, len(files)):
        page: list[Found] = []
        line, looked = done, 0
        for line, row in enumerate(islice(_rows(cos, bucket, files[number]), done, None), done + 1):
            here = {"manifest": etag, "file": number, "line": line}
            looked += 1
            if item := _meant(dict(zip(columns, row, strict=False)), plan, here):
                page.append(item)
            if len(page) >= limit or looked >= _LINES:
                yield Page(page, here)
                page, looked = [], 0
        done = 0
        yield Page(page, {"manifest": etag, "file": number + 1, "line": 0})


def _manifest(cos: BatchCos, bucket: str, plan: Plan) -> tuple[list[str], list[str], str]:
    """Columns, files and ETag of an inventory."""
    found = cos.read_object(bucket, plan.manifest)
    if found is None:
        raise _invalid(plan, f"is not there, in {bucket}")
    try:
        document = json.loads(found.body)
        columns = [each.strip() for each in str(document["fileSchema"]).split(",")]
        files = [str(each["key"]) for each in document["files"]]
        name, appid = str(document["sourceBucket"]), str(document["sourceAppid"])
        form = str(document["fileFormat"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _invalid(
            plan, "is no manifest.json: sourceAppid, sourceBucket, fileFormat, fileSchema, files"
        ) from None
    if plan.bucket not in (name, f"{name}-{appid}"):
        raise _invalid(plan, f"is about the bucket {name[:100]!r}: {plan.bucket} is expected")
    if form.upper() != "CSV" or "Key" not in columns or len(files) > MAX_FILES:
        raise _invalid(
            plan,
            f"has the format {form[:20]!r}, the columns {', '.join(columns)[:200]} and "
            f"{len(files)} files: CSV with a Key and at most {MAX_FILES} files is expected",
        )
    return columns, files, found.etag


def _rows(cos: BatchCos, bucket: str, key: str) -> Iterator[list[str]]:
    """The rows of one file of an inventory, packed or not."""
    try:
        with cos.open_object(bucket, key) as raw:
            file: Any = gzip.GzipFile(fileobj=raw) if key.endswith(".gz") else raw
            while line := file.readline(MAX_LINE + 1):
                if len(line) > MAX_LINE:
                    raise CloudError(
                        "InvalidInventory", f"{key} has a line of over {MAX_LINE} bytes", status=400
                    )
                yield next(csv.reader([line.decode("utf-8-sig")]), [])
    except (HTTPError, EOFError, ConnectionError, TimeoutError) as error:
        raise CloudError("NetworkError", f"{key} was cut short: {error}"[:300]) from None
    except (OSError, zlib.error, ValueError, csv.Error) as error:
        raise CloudError(
            "InvalidInventory", f"{key} is no CSV in UTF-8: {error}"[:300], status=400
        ) from None


def _meant(row: dict[str, str], plan: Plan, place: dict[str, Any]) -> Found | None:
    key = unquote(row.get("Key", ""))
    old = row.get("IsLatest", "").lower() == "false"
    if not key or old or row.get("IsDeleteMarker", "").lower() == "true":
        return None
    if not key.startswith(plan.prefix):
        return None
    size, modified = row.get("Size", ""), row.get("LastModifiedDate", "")
    try:
        seconds = round(iso_time(modified)) if modified else None
    except ValueError:
        seconds = None
    return Found(
        key,
        int(size) if size.isascii() and size.isdecimal() else None,
        seconds,
        row.get("ETag", "").strip('"'),
        place,
    )


def _invalid(plan: Plan, what: str) -> CloudError:
    return CloudError("InvalidInventory", f"the manifest {plan.manifest!r} {what}", status=400)

"""Writes the lists that a bucket's inventory configurations ask for: CSV, packed, and a manifest.

The layout is the service's: `<prefix>/<appid>/<bucket>/<id>/<name>.csv.gz`, and beside it
`<YYYYMMDD>/manifest.json` with `manifest.checksum`. A list that is made once (POST) has
`_instant_<YYYYMMDDhhmmss>` behind its id. https://cloud.tencent.com/document/product/436/33703
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element, fromstring

from localcloud import addressing
from localcloud.cloud import Cloud
from localcloud.cos import objects, xml
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content
from localcloud.errors import ServiceError
from localcloud.limits import BODY_CHUNK
from localcloud.storage import NULL_VERSION, StoredObject

_log = logging.getLogger("localcloud")
NAME = "inventory"
_DAY = 86_400.0
_PERIODS = {"Daily": _DAY, "Weekly": 7 * _DAY}
_RUNS = "cos:inventory-runs"
_PAGE = 200
_CLASS = "x-cos-storage-class"
_VERSION_FIELDS = ("VersionId", "IsLatest", "IsDeleteMarker")
_UNKNOWN_FILTERS = "the filter's {} is not played"


@dataclass(frozen=True)
class _Listing:
    """What one configuration asks for. Times in Unix seconds, None for no bound."""

    id: str
    bucket: str
    target: str
    prefix: str
    encrypted: bool
    filter: str
    tags: dict[str, str]
    since: float | None
    until: float | None
    versions: bool
    fields: tuple[str, ...]

    def covers(self, item: StoredObject) -> bool:
        return (
            (self.since is None or item.last_modified >= self.since)
            and (self.until is None or item.last_modified <= self.until)
            and all(item.tags.get(key) == value for key, value in self.tags.items())
        )


def scheduled(cloud: Cloud, bucket: str, list_id: str) -> None:
    """Let the days of a configuration count from now."""
    runs = _load(cloud, bucket)
    cloud.storage.set_setting(bucket, _RUNS, json.dumps({**runs, list_id: cloud.clock()}))


async def sweep(cloud: Cloud) -> int:
    """Write the lists of all buckets that are due by the cloud's clock; how many."""
    written = 0
    for bucket in cloud.storage.buckets():
        runs, now = _load(cloud, bucket.name), cloud.clock()
        for list_id, document in stored.find_all(cloud, bucket.name, NAME).items():
            root = fromstring(document)  # noqa: S314 - our own writing, from a checked document
            period = _PERIODS.get(content(root, "Schedule/Frequency"))
            if period is None or content(root, "IsEnabled") != "true":
                continue
            if now - runs.get(list_id, now) >= period:
                scheduled(cloud, bucket.name, list_id)
                written += await write(cloud, bucket.name, root, now)
    return written


async def write(
    cloud: Cloud, bucket: str, root: Element, now: float, *, instant: bool = False
) -> bool:
    """Write the list of one configuration; False, with the reason in the log, when it cannot be:
    what hears of it is long gone."""
    try:
        wanted = _read(cloud, bucket, root, now if instant else None)
        await _write(cloud, wanted, now)
    except ServiceError as error:
        _log.warning("inventory of %s: no list is written: %s", bucket, error.message)
        return False
    return True


def _read(cloud: Cloud, bucket: str, root: Element, instant: float | None) -> _Listing:
    place = root.find("Destination/COSBucketDestination")
    place = Element("COSBucketDestination") if place is None else place
    if (form := content(place, "Format")) != "CSV":
        raise ServiceError("NotImplemented", f"Format is {form!r}: CSV is played")
    target = content(place, "Bucket").rpartition(":")[2]
    here, there = cloud.storage.bucket(bucket), cloud.storage.bucket(target)
    if (there.region, target.rpartition("-")[2]) != (here.region, bucket.rpartition("-")[2]):
        raise ServiceError("InvalidArgument", f"{target!r} is of another region or account")
    chosen = root.find("Filter")
    chosen = Element("Filter") if chosen is None else chosen
    parts = [part for node in chosen for part in (node if node.tag == "And" else (node,))]
    for part in parts:
        if part.tag not in ("Prefix", "Tag", "Period"):
            raise ServiceError("NotImplemented", _UNKNOWN_FILTERS.format(part.tag))
    values = {part.tag: part for part in parts}
    period = values.get("Period", Element("Period"))
    stamp = "" if instant is None else time.strftime("_instant_%Y%m%d%H%M%S", _local(instant))
    return _Listing(
        id=content(root, "Id") + stamp,
        bucket=bucket,
        target=target,
        prefix=content(place, "Prefix").strip("/"),
        encrypted=place.find("Encryption") is not None,
        filter=(values["Prefix"].text or "") if "Prefix" in values else "",
        tags={content(part, "Key"): content(part, "Value") for part in parts if part.tag == "Tag"},
        since=_moment(period, "StartTime"),
        until=_moment(period, "EndTime"),
        versions=content(root, "IncludedObjectVersions") == "All",
        fields=tuple(field.text or "" for field in root.iterfind("OptionalFields/Field")),
    )


async def _write(cloud: Cloud, wanted: _Listing, now: float) -> None:
    name, _, appid = wanted.bucket.rpartition("-")
    head = f"{wanted.prefix}/" if wanted.prefix else ""
    folder = f"{head}{appid}/{name}/{wanted.id}/"
    columns = ("Appid", "Bucket", "Key", *(_VERSION_FIELDS if wanted.versions else ()))
    columns += wanted.fields
    file = cloud.storage.scratch()
    counts = {"list": [0, 0], "filter": [0, 0]}
    try:
        with gzip.open(file, "wb") as packed, TextIOWrapper(packed, "utf-8", newline="") as text:
            rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
            async for item, latest in _items(cloud, wanted):
                kinds = ("list", "filter") if wanted.covers(item) else ("list",)
                for kind in kinds:
                    counts[kind][0] += 1
                    counts[kind][1] += item.size
                if "filter" in kinds:
                    known = {"Appid": appid, "Bucket": name, **_columns(item, latest=latest)}
                    rows.writerow([known.get(column, "") for column in columns])
        digest = hashlib.md5(f"{folder} {now}".encode(), usedforsecurity=False).hexdigest()
        listed = await _store(cloud, wanted, f"{folder}{digest}.csv.gz", _chunks(file))
    finally:
        file.unlink(missing_ok=True)
    manifest = {
        "sourceAppid": appid,
        "sourceBucket": name,
        "destinationAppid": appid,
        "destinationBucket": wanted.target.rpartition("-")[0],
        "fileFormat": "CSV",
        "listObjectCount": str(counts["list"][0]),
        "listStorageSize": str(counts["list"][1]),
        "filterObjectCount": str(counts["filter"][0]),
        "filterStorageSize": str(counts["filter"][1]),
        "fileSchema": ", ".join(columns),
        "files": [{"key": listed.key, "size": str(listed.size), "md5Checksum": listed.etag}],
    }
    body = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    dated = f"{folder}{time.strftime('%Y%m%d', _local(now))}/manifest"
    checksum = hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
    await _store(cloud, wanted, f"{dated}.checksum", checksum)
    await _store(cloud, wanted, f"{dated}.json", body)  # last: who sees it finds all of it


async def _items(cloud: Cloud, wanted: _Listing) -> AsyncIterator[tuple[StoredObject, bool]]:
    """The objects, or all versions of them; and whether it is the latest of its key."""
    if not wanted.versions:
        after = ""
        while page := cloud.storage.scan(wanted.bucket, wanted.filter, after, _PAGE):
            for item in page:
                yield item, True
            after = page[-1].key
            await asyncio.sleep(0)
        return
    place, before = ("", 0), ""
    while page := cloud.storage.scan_versions(wanted.bucket, wanted.filter, place, _PAGE):
        for item in page:
            yield item, item.key != before
            before = item.key
        place = (page[-1].key, page[-1].sequence)
        await asyncio.sleep(0)


def _columns(item: StoredObject, *, latest: bool) -> dict[str, str]:
    """The values of one object, by column."""
    tags = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in item.tags.items())
    return {
        "Key": quote(item.key, safe="/-_.~"),
        "VersionId": item.version or NULL_VERSION,
        "IsLatest": "true" if latest else "false",
        "IsDeleteMarker": "true" if item.marker else "false",
        "Size": str(item.size),
        "LastModifiedDate": xml.whole_time(item.last_modified),
        "ETag": f'"{item.etag}"' if item.etag else "",
        "StorageClass": item.headers.get(_CLASS, "STANDARD").upper(),
        "IsMultipartUploaded": "true" if "-" in item.etag else "false",
        "Tag": tags,
        "Crc64": item.crc64,
    }


async def _store(
    cloud: Cloud, wanted: _Listing, key: str, body: bytes | AsyncIterator[bytes]
) -> StoredObject:
    region = cloud.storage.bucket(wanted.target).region
    return await objects.store(
        cloud,
        addressing.own_request("PUT", f"http://{wanted.target}.cos.{region}.myqcloud.com/"),
        wanted.target,
        key,
        body,
        content_type="application/json" if key.endswith(".json") else objects.DEFAULT_TYPE,
        encryption={"x-cos-server-side-encryption": "AES256"} if wanted.encrypted else {},
    )


def _load(cloud: Cloud, bucket: str) -> dict[str, float]:
    """When each configuration was last carried out, or made."""
    found: dict[str, float] = json.loads(cloud.storage.get_setting(bucket, _RUNS) or "{}")
    return found


def _moment(period: Element, name: str) -> float | None:
    text = content(period, name).strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ServiceError("InvalidArgument", f"Period/{name} is {text[:50]!r}: Unix seconds")
    return float(text) if text else None


def _local(seconds: float) -> time.struct_time:
    return time.gmtime(seconds + 8 * 3600)  # the service counts days in China's time


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    for chunk in _pieces(file):
        yield chunk


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(BODY_CHUNK):
            yield chunk

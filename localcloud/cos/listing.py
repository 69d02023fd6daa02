"""GET Bucket (List Objects), version 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_LIST
from localcloud.storage import StoredObject

# Behind all keys that begin as what stands before it.
LAST = "\U0010ffff"


async def list_objects(cloud: Cloud, request: Request) -> Response:
    """Keys in order, grouped by `delimiter`, up to `max-keys` after `marker`."""
    shown = shown_as(request)
    limit = max_keys(request)
    prefix, delimiter, marker = (request.get(name) for name in ("prefix", "delimiter", "marker"))
    query = _Query(request.bucket, prefix, delimiter, marker, limit)
    found, following = _page(cloud, query)

    parts = [
        xml.element("Name", request.bucket),
        xml.element("Prefix", shown(prefix)),
        xml.element("Marker", shown(marker)),
        xml.element("MaxKeys", limit),
        xml.element("IsTruncated", "true" if following else "false"),
    ]
    if delimiter:
        parts.append(xml.element("Delimiter", shown(delimiter)))
    if request.get("encoding-type"):
        parts.append(xml.element("EncodingType", request.get("encoding-type")))
    if following:
        parts.append(xml.element("NextMarker", shown(following)))
    parts += [
        xml.element("CommonPrefixes", xml.element("Prefix", shown(entry)))
        for entry in found
        if isinstance(entry, str)
    ]
    parts += [_contents(entry, shown(entry.key)) for entry in found if not isinstance(entry, str)]
    return xml_response(xml.document("ListBucketResult", parts))


def shown_as(request: Request) -> Callable[[str], str]:
    """How `encoding-type` wants keys to be written. Raises `ServiceError` InvalidArgument."""
    encoding = request.get("encoding-type")
    if encoding not in ("", "url"):
        raise ServiceError("InvalidArgument", f"encoding-type is {encoding[:50]!r}: url is allowed")
    return (lambda text: quote(text, safe="/-_.~")) if encoding else (lambda text: text)


@dataclass(frozen=True)
class _Query:
    bucket: str
    prefix: str
    delimiter: str
    marker: str
    limit: int


def group(key: str, prefix: str, delimiter: str) -> str:
    """The common prefix that stands for `key`, empty if it stands for itself."""
    if not delimiter or not key.startswith(prefix):
        return ""
    head, cut, _ = key[len(prefix) :].partition(delimiter)
    return f"{prefix}{head}{cut}" if cut else ""


def _page(cloud: Cloud, query: _Query) -> tuple[list[StoredObject | str], str]:
    """Objects and common prefixes (text), and the marker of the next page, empty at the end."""
    found: list[StoredObject | str] = []
    # A marker inside of a group means that the whole group has been seen.
    seen = group(query.marker, query.prefix, query.delimiter)
    last, after = query.marker, seen + LAST if seen else query.marker
    while True:
        batch = cloud.storage.scan(query.bucket, query.prefix, after, min(query.limit, 200) + 1)
        if not batch:
            return found, ""
        for item in batch:
            after = item.key
            if seen and item.key.startswith(seen):
                continue
            if len(found) >= query.limit:
                return found, last if query.limit else ""
            seen = group(item.key, query.prefix, query.delimiter)
            last = seen or item.key
            found.append(seen or item)
            if seen:
                # The rest of the group is skipped in one step of the index.
                after = seen + LAST
                break


def max_keys(request: Request) -> int:
    """How many entries are wanted. Raises `ServiceError` InvalidArgument."""
    text = request.get("max-keys")
    if not text:
        return MAX_LIST
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ServiceError("InvalidArgument", f"max-keys is {text!r}: 0 to {MAX_LIST} are allowed")
    return min(int(text), MAX_LIST)


def _contents(item: StoredObject, key: str) -> str:
    appid = item.bucket.rpartition("-")[2]
    return xml.element(
        "Contents",
        xml.element("Key", key),
        xml.element("LastModified", xml.iso_time(item.last_modified)),
        xml.element("ETag", f'"{item.etag}"'),
        xml.element("Size", item.size),
        xml.element("Owner", xml.element("ID", appid), xml.element("DisplayName", appid)),
        xml.element("StorageClass", item.headers.get("x-cos-storage-class", "STANDARD")),
    )

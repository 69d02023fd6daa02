"""Versions: the bucket's switch (`?versioning`), and the list of all versions (`?versions`)."""

from __future__ import annotations

from localcloud.cloud import Cloud
from localcloud.cos import listing, xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_XML
from localcloud.storage import NULL_VERSION, StoredObject

STATES = ("Enabled", "Suspended")
_BATCH = 200


async def put_versioning(cloud: Cloud, request: Request) -> Response:
    """PUT Bucket versioning. Once on, it can be suspended and never be off again."""
    root = xml.parse(await request.read(MAX_XML), "VersioningConfiguration")
    state = (root.findtext("Status") or "").strip()
    if state not in STATES:
        raise ServiceError(
            "MalformedXML", f"Status is {state[:50]!r}: {' or '.join(STATES)} is expected"
        )
    cloud.storage.set_versioning(request.bucket, state)
    return Response()


async def get_versioning(cloud: Cloud, request: Request) -> Response:
    """GET Bucket versioning: empty until it was switched on for the first time."""
    state = cloud.storage.bucket(request.bucket).versioning
    parts = [xml.element("Status", state)] if state else []
    return xml_response(xml.document("VersioningConfiguration", parts))


async def list_versions(cloud: Cloud, request: Request) -> Response:
    """GET Bucket object versions: by key, for each key from new to old, delete markers too."""
    shown = listing.shown_as(request)
    limit = listing.max_keys(request)
    prefix, delimiter = request.get("prefix"), request.get("delimiter")
    key_marker, version_marker = request.get("key-marker"), request.get("version-id-marker")
    if version_marker and not key_marker:
        raise ServiceError("InvalidArgument", "version-id-marker is only allowed with key-marker")
    page = _Page(cloud, request.bucket, prefix, delimiter, limit)
    page.fill(key_marker, version_marker)
    parts = [
        xml.element("Name", request.bucket),
        xml.element("Prefix", shown(prefix)),
        xml.element("KeyMarker", shown(key_marker)),
        xml.element("VersionIdMarker", version_marker),
        xml.element("MaxKeys", limit),
        xml.element("IsTruncated", "true" if page.more else "false"),
    ]
    if delimiter:
        parts.append(xml.element("Delimiter", shown(delimiter)))
    if request.get("encoding-type"):
        parts.append(xml.element("EncodingType", request.get("encoding-type")))
    if page.more:
        parts.append(xml.element("NextKeyMarker", shown(page.last_key)))
        parts.append(xml.element("NextVersionIdMarker", page.last_version))
    parts += [_entry(item, shown(item.key), newest) for item, newest in page.found]
    parts += [
        xml.element("CommonPrefixes", xml.element("Prefix", shown(group))) for group in page.groups
    ]
    return xml_response(xml.document("ListVersionsResult", parts))


class _Page:
    """One answer's worth of versions (with whether each is its key's newest) and groups."""

    def __init__(self, cloud: Cloud, bucket: str, prefix: str, delimiter: str, limit: int) -> None:
        self.found: list[tuple[StoredObject, bool]] = []
        self.groups: list[str] = []
        self.more = False
        self.last_key = self.last_version = ""
        self._cloud, self._bucket, self._prefix = cloud, bucket, prefix
        self._delimiter, self._limit = delimiter, limit

    def fill(self, key_marker: str, version_marker: str) -> None:
        """From behind the markers; without `version_marker` from behind the whole key."""
        key, sequence = key_marker, 0
        if version_marker:
            marked = self._cloud.storage.find_version(self._bucket, key_marker, version_marker)
            if marked is None:
                raise ServiceError(
                    "InvalidArgument",
                    f"{key_marker[:100]!r} has no version {version_marker[:50]!r}",
                )
            sequence = marked.sequence
        group = listing.group(key_marker, self._prefix, self._delimiter)
        if group:
            key, sequence = group + listing.LAST, 0
        before = key_marker
        while True:
            batch = self._cloud.storage.scan_versions(
                self._bucket, self._prefix, (key, sequence), min(self._limit, _BATCH) + 1
            )
            if not batch:
                return
            for item in batch:
                key, sequence = item.key, item.sequence
                if len(self.found) + len(self.groups) >= self._limit:
                    self.more = self._limit > 0
                    return
                group = listing.group(item.key, self._prefix, self._delimiter)
                if group:
                    self.groups.append(group)
                    self.last_key, self.last_version = group, ""
                    # The rest of the group is skipped in one step of the index.
                    key, sequence = group + listing.LAST, 0
                    break
                self.found.append((item, item.key != before))
                before = item.key
                self.last_key, self.last_version = item.key, item.version or NULL_VERSION


def _entry(item: StoredObject, key: str, newest: bool) -> str:
    appid = item.bucket.rpartition("-")[2]
    parts = [
        xml.element("Key", key),
        xml.element("VersionId", item.version or NULL_VERSION),
        xml.element("IsLatest", "true" if newest else "false"),
        xml.element("LastModified", xml.iso_time(item.last_modified)),
    ]
    if not item.marker:
        parts += [
            xml.element("ETag", f'"{item.etag}"'),
            xml.element("Size", item.size),
            xml.element("StorageClass", item.headers.get("x-cos-storage-class", "STANDARD")),
        ]
    parts.append(xml.element("Owner", xml.element("ID", appid), xml.element("DisplayName", appid)))
    return xml.element("DeleteMarker" if item.marker else "Version", *parts)

"""Object lock: `?retention` of objects, and the refusal to delete or replace what is locked.

Only COMPLIANCE exists: until the date nobody can shorten or lift it. A bucket's lock is switched on
with `?object-lock`. https://cloud.tencent.com/document/product/436/95768
"""

from __future__ import annotations

from datetime import datetime, timezone

from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_RETENTION_DAYS, MAX_XML
from localcloud.storage import NULL_VERSION, StoredObject

# The bucket's setting, its ObjectLockConfiguration; that it is there means that lock is on.
BUCKET_SETTING = "cos:object-lock"
_UNTIL = ":retain-until"  # Unix seconds; never sent
_DAY = 86_400.0


async def put_retention(cloud: Cloud, request: Request) -> Response:
    """PUT ?retention: lock an object, or lock it for longer."""
    root = xml.parse(await request.read(MAX_XML), "Retention")
    mode = (root.findtext("Mode") or "").strip()
    until = _date((root.findtext("RetainUntilDate") or "").strip())
    stored = cloud.storage.head(request.bucket, request.key, request.get("versionId"))
    if cloud.storage.get_setting(request.bucket, BUCKET_SETTING) is None:
        raise ServiceError(
            "InvalidRequest", "The bucket has no object lock: switch it on with PUT ?object-lock"
        )
    if mode != "COMPLIANCE":
        raise ServiceError("InvalidArgument", f"Mode is {mode[:20]!r}: COMPLIANCE is the only one")
    now, before = cloud.clock(), _until(stored)
    if not now < until <= now + MAX_RETENTION_DAYS * _DAY:
        raise ServiceError(
            "InvalidArgument", f"RetainUntilDate lies 0 to {MAX_RETENTION_DAYS} days ahead"
        )
    if before is not None and now < before and until < before:
        raise ServiceError(
            "AccessDenied", f"The object is locked until {xml.iso_time(before)}: later is allowed"
        )
    headers = {**stored.headers, _UNTIL: repr(until)}
    cloud.storage.set_headers(stored, headers)
    return Response()


async def get_retention(cloud: Cloud, request: Request) -> Response:
    """GET ?retention"""
    until = _until(cloud.storage.head(request.bucket, request.key, request.get("versionId")))
    if until is None:
        raise ServiceError("NoSuchObjectLockConfiguration", "The object was never locked")
    fields = [
        xml.element("Mode", "COMPLIANCE"),
        xml.element("RetainUntilDate", xml.iso_time(until)),
    ]
    return xml_response(xml.document("Retention", fields))


def default(cloud: Cloud, bucket: str) -> dict[str, str]:
    """What a new object gets of its bucket's DefaultRetention; nothing without one."""
    text = cloud.storage.get_setting(bucket, BUCKET_SETTING)
    if text is None:
        return {}
    found = xml.parse(text.encode(), "ObjectLockConfiguration").find("Rule/DefaultRetention")
    if found is None:
        return {}
    days = int(found.findtext("Days") or 0) + 365 * int(found.findtext("Years") or 0)
    return {_UNTIL: repr(cloud.clock() + days * _DAY)} if days else {}


def check(stored: StoredObject, now: float) -> None:
    """Raises `ServiceError` AccessDenied when the object may not be deleted or replaced."""
    until = _until(stored)
    if until is not None and now < until:
        raise ServiceError("AccessDenied", f"The object is locked until {xml.iso_time(until)}")


def check_key(cloud: Cloud, bucket: str, key: str) -> None:
    """The same for what a new object of this key would replace."""
    versioning = cloud.storage.bucket(bucket).versioning
    if versioning != "Enabled":
        _check_version(cloud, bucket, key, NULL_VERSION if versioning else "")


def check_delete(cloud: Cloud, bucket: str, key: str, version: str) -> None:
    """The same for what a DELETE would remove: with versions, only those that it names."""
    if version:
        _check_version(cloud, bucket, key, version)
    else:
        check_key(cloud, bucket, key)


def _check_version(cloud: Cloud, bucket: str, key: str, version: str) -> None:
    if cloud.storage.get_setting(bucket, BUCKET_SETTING) is None:
        return  # where lock was never on, nothing is locked
    try:
        stored = cloud.storage.head(bucket, key, version)
    except ServiceError:
        return
    check(stored, cloud.clock())


def _until(stored: StoredObject) -> float | None:
    text = stored.headers.get(_UNTIL)
    return float(text) if text else None


def _date(text: str) -> float:
    try:
        date = datetime.fromisoformat(text)
        # A date without a zone is UTC, as all of the service's are.
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        raise ServiceError(
            "MalformedXML",
            f"RetainUntilDate is {text[:50]!r}: 2027-01-31T08:00:00.000Z is expected",
        ) from None

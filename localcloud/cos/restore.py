"""Storage classes, and `POST ?restore`: archived objects are read only while a copy is restored.

An hour of the service is a second here: nobody waits half a day at a laptop. How long a restored
copy stays is counted in real days. https://cloud.tencent.com/document/product/436/12633
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.cloud import Cloud
from localcloud.cos import sse, xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.limits import MAX_RESTORE_DAYS, MAX_XML
from localcloud.storage import StoredObject

STORAGE_CLASS = "x-cos-storage-class"
_STANDARD = "STANDARD"
_CLASSES = (
    _STANDARD, "STANDARD_IA", "INTELLIGENT_TIERING", "COLD", "ARCHIVE", "DEEP_ARCHIVE",
    "MAZ_STANDARD", "MAZ_STANDARD_IA", "MAZ_INTELLIGENT_TIERING", "MAZ_COLD",
)  # fmt: skip
# Hours of the service until the copy is there; what is not listed cannot be asked for.
_HOURS = {
    "ARCHIVE": {"Expedited": 5 / 60, "Standard": 5.0, "Bulk": 12.0},
    "DEEP_ARCHIVE": {"Standard": 24.0, "Bulk": 48.0},
}
_SECONDS_PER_HOUR = 1.0
_DAY = 86_400.0
_COPY = ":restored"  # "<ready>;<expires>" in Unix seconds; never sent


def kept_class(headers: Mapping[str, str]) -> dict[str, str]:
    """The storage class that an upload asks for; nothing for STANDARD, as the service shows it.

    Raises `ServiceError` InvalidArgument.
    """
    name = headers.get(STORAGE_CLASS, _STANDARD)
    if name not in _CLASSES:
        raise ServiceError(
            "InvalidArgument", f"{STORAGE_CLASS} is {name[:50]!r}: {', '.join(_CLASSES)}"
        )
    return {} if name == _STANDARD else {STORAGE_CLASS: name}


def class_of(kept: Mapping[str, str]) -> str:
    """The storage class of what has these headers."""
    return kept.get(STORAGE_CLASS, _STANDARD)


def check_readable(stored: StoredObject, now: float) -> None:
    """Raises `ServiceError` InvalidObjectState for an archived object without a restored copy."""
    if class_of(stored.headers) not in _HOURS:
        return
    copy = _copy(stored)
    if copy is None or not copy[0] <= now < copy[1]:
        raise ServiceError(
            "InvalidObjectState",
            f"The object is in {class_of(stored.headers)}: it must be restored before it is read",
        )


def shown(stored: StoredObject, now: float) -> dict[str, str]:
    """The header x-cos-restore, while a copy is under way or there."""
    copy = _copy(stored)
    if copy is None or now >= copy[1]:
        return {}
    if now < copy[0]:
        return {"x-cos-restore": 'ongoing-request="true"'}
    expiry = xml.http_time(copy[1])
    return {"x-cos-restore": f'ongoing-request="false", expiry-date="{expiry}"'}


async def restore_object(cloud: Cloud, request: Request) -> Response:
    """POST ?restore: 202 when restoring begins, 200 when a copy that is there stays longer."""
    root = xml.parse(await request.read(MAX_XML), "RestoreRequest")
    days = (root.findtext("Days") or "").strip()
    tier = (root.findtext("CASJobParameters/Tier") or "Standard").strip()
    stored = cloud.storage.head(request.bucket, request.key, request.get("versionId"))
    if sse.customer_key(request.headers) is not None:
        sse.unlock(request.headers, stored.headers)
    if not (days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= MAX_RESTORE_DAYS):
        raise ServiceError("InvalidArgument", f"Days is {days[:20]!r}: 1 to {MAX_RESTORE_DAYS}")
    tiers = _HOURS.get(class_of(stored.headers))
    if tiers is None:
        raise ServiceError(
            "InvalidObjectState",
            f"The object is in {class_of(stored.headers)}: {' and '.join(_HOURS)} are restored",
        )
    if tier not in tiers:
        raise ServiceError(
            "InvalidArgument",
            f"Tier is {tier[:20]!r}: {', '.join(tiers)} for {class_of(stored.headers)}",
        )
    now = cloud.clock()
    copy = _copy(stored)
    if copy is not None and now < copy[0]:
        raise ServiceError("RestoreAlreadyInProgress", "Object restore is already in progress")
    is_there = copy is not None and now < copy[1]
    ready = now if is_there else now + tiers[tier] * _SECONDS_PER_HOUR
    headers = {**stored.headers, _COPY: f"{ready:.3f};{ready + int(days) * _DAY:.3f}"}
    cloud.storage.set_headers(stored, headers)
    return Response(200 if is_there else 202)


def _copy(stored: StoredObject) -> tuple[float, float] | None:
    ready, found, expires = stored.headers.get(_COPY, "").partition(";")
    return (float(ready), float(expires)) if found else None

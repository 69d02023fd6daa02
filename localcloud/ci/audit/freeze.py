"""Freezing: an object whose score reaches a limit of its audit is out of reach.

The manual says that it is frozen (004:18799) and has a number for reading it (-46646), but not what
the answer looks like. Here it becomes private and every download is refused, signed ones too. It
can be copied by who may read it, as quarantine must; overwriting it, deleting it or putting a new
ACL on it ends the freeze.
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.storage import StoredObject

NOT_FROZEN, FROZEN = 0, 1  # ForbidState; 2 (the service moved the file) is not played
_BY = ":frozen"  # the job's id; never sent
_NUMBER = -46646


def apply(
    cloud: Cloud,
    judged: StoredObject,
    limits: Mapping[str, int],
    scores: Mapping[str, int],
    job_id: str,
) -> int:
    """Freeze the object as it was judged if a score reaches its limit; the ForbidState.

    An object that was replaced meanwhile is another one, and left alone.
    """
    if not any(scores.get(scene, -1) >= limit for scene, limit in limits.items()):
        return NOT_FROZEN
    try:
        current = cloud.storage.head(judged.bucket, judged.key, judged.version)
    except ServiceError:
        return NOT_FROZEN
    if (current.sequence, current.etag, current.path) != (
        judged.sequence,
        judged.etag,
        judged.path,
    ):
        return NOT_FROZEN
    headers = {**current.headers, _BY: job_id}
    cloud.storage.set_headers(current, headers)
    cloud.storage.set_acl(current.bucket, current.key, "private", current.version)
    return FROZEN


def check(stored: StoredObject) -> None:
    """Raises ServiceError AccessDenied with -46646 for a frozen object."""
    if _BY in stored.headers:
        raise ServiceError(
            "AccessDenied",
            f"The object is frozen by the audit {stored.headers[_BY]}",
            errno=_NUMBER,
        )


def lift(cloud: Cloud, stored: StoredObject) -> None:
    """End the freeze."""
    if _BY in stored.headers:
        headers = {name: value for name, value in stored.headers.items() if name != _BY}
        cloud.storage.set_headers(stored, headers)

"""Objects of this cloud by their address: the local cloud opens no network.

Read with the rights that the address itself carries, as anybody would who follows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from localcloud import addressing
from localcloud.ci.audit import freeze
from localcloud.cloud import Cloud
from localcloud.cos import restore, sse, symlink
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity.authentication import authenticate
from localcloud.identity.authorization import authorize
from localcloud.limits import KIB
from localcloud.storage import StoredObject

MAX_URL = 8 * KIB


def source(url: str) -> Request:
    """The GET that an address stands for. Raises `ServiceError` for one outside of this cloud."""
    if len(url) <= MAX_URL:
        try:
            found = addressing.resolve(url, "").request(
                "GET", headers={}, raw_headers=(), body=_nothing(), request_id=""
            )
        except ServiceError:
            found = None
        if found is not None and found.service == "cos" and found.key:
            return found
    raise ServiceError(
        "NotImplemented",
        f"Url is {url[:200]!r}: the local cloud opens no network, it fetches only "
        "http://<bucket>.cos.<region>.myqcloud.com/<key> of its own objects",
    )


def find(cloud: Cloud, wanted: Request) -> StoredObject:
    """The object that an address leads to. Raises `ServiceError` for what its bearer cannot read,
    and for what only its customer's key opens."""
    wanted = authenticate(wanted, cloud.credentials)
    authorize(cloud, wanted, ("cos", "GET", "object", ""))
    found = cloud.storage.head(wanted.bucket, wanted.key, wanted.get("versionId"))
    found = symlink.follow(cloud, wanted, found)
    check(cloud, found)
    freeze.check(found)
    return found


def check(cloud: Cloud, found: StoredObject) -> None:
    """Raises `ServiceError` for an object that lies in an archive or that only its customer can
    read."""
    restore.check_readable(found, cloud.clock())
    sse.refuse_customers(found)


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in ():
        yield chunk

"""`?acl` of buckets and objects: canned ACLs, and the grants that they stand for."""

from __future__ import annotations

from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_XML

BUCKET_ACLS = ("private", "public-read", "public-read-write")
OBJECT_ACLS = ("default", "private", "public-read")
_OWNER = "qcs::cam::uin/100000000001:uin/100000000001"
_EVERYONE = "http://cam.qcloud.com/groups/global/AllUsers"
_KIND = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type'
# What everybody may do: the canned ACL of these permissions.
_CANNED = {
    frozenset(): "private",
    frozenset(("READ",)): "public-read",
    frozenset(("READ", "WRITE")): "public-read-write",
}


def checked(acl: str, allowed: tuple[str, ...]) -> str:
    """A canned ACL. Raises `ServiceError` InvalidArgument naming those that exist."""
    if acl not in allowed:
        raise ServiceError(
            "InvalidArgument", f"x-cos-acl is {acl[:50]!r}: allowed are {', '.join(allowed)}"
        )
    return acl


def of_object(request: Request) -> str:
    """The ACL that an upload asks for in x-cos-acl. Raises `ServiceError` InvalidArgument."""
    return checked(request.headers.get("x-cos-acl", "default"), OBJECT_ACLS)


async def put_bucket_acl(cloud: Cloud, request: Request) -> Response:
    """PUT Bucket acl."""
    cloud.storage.set_bucket_acl(request.bucket, await _wanted(request, BUCKET_ACLS))
    return Response()


async def get_bucket_acl(cloud: Cloud, request: Request) -> Response:
    """GET Bucket acl."""
    return _answer(cloud.storage.bucket(request.bucket).acl)


async def put_object_acl(cloud: Cloud, request: Request) -> Response:
    """PUT Object acl."""
    acl = await _wanted(request, OBJECT_ACLS)
    cloud.storage.set_acl(request.bucket, request.key, acl, request.get("versionId"))
    return Response()


async def get_object_acl(cloud: Cloud, request: Request) -> Response:
    """GET Object acl; `default` shows the bucket's, as it is what holds."""
    acl = cloud.storage.head(request.bucket, request.key, request.get("versionId")).acl
    return _answer(cloud.storage.bucket(request.bucket).acl if acl == "default" else acl)


async def _wanted(request: Request, allowed: tuple[str, ...]) -> str:
    """The canned ACL of the header, or the one that equals the grants of the body."""
    body = await request.read(MAX_XML)
    if "x-cos-acl" in request.headers:
        return checked(request.headers["x-cos-acl"], allowed)
    if any(name.lower().startswith("x-cos-grant-") for name in request.headers):
        raise ServiceError("NotImplemented", "x-cos-grant-...: the local cloud has no other users")
    if not body.strip():
        raise ServiceError(
            "InvalidArgument", "neither x-cos-acl nor an AccessControlPolicy is sent"
        )
    open_to_all = set()
    for grant in xml.parse(body, "AccessControlPolicy").iter("Grant"):
        if grant.findtext("Grantee/URI") == _EVERYONE:
            open_to_all.add((grant.findtext("Permission") or "").strip())
    if "FULL_CONTROL" in open_to_all:
        open_to_all = {"READ", "WRITE"}
    acl = _CANNED.get(frozenset(open_to_all))
    if acl is None:
        raise ServiceError(
            "NotImplemented", f"AllUsers with {sorted(open_to_all)}: READ, or READ and WRITE are"
        )
    return checked(acl, allowed)


def _answer(acl: str) -> Response:
    everyone = next(names for names, canned in _CANNED.items() if canned == acl)
    owner = xml.element("ID", _OWNER) + xml.element("DisplayName", _OWNER)
    grants = [_grant("CanonicalUser", owner, "FULL_CONTROL")]
    grants += [
        _grant("Group", xml.element("URI", _EVERYONE), permission)
        for permission in sorted(everyone)
    ]
    return xml_response(
        f"{xml.DECLARATION}\n<AccessControlPolicy><Owner>{owner}</Owner>"
        f"<AccessControlList>{''.join(grants)}</AccessControlList></AccessControlPolicy>"
    )


def _grant(kind: str, grantee: str, permission: str) -> str:
    return (
        f'<Grant><Grantee {_KIND}="{kind}">{grantee}</Grantee>'
        f"<Permission>{permission}</Permission></Grant>"
    )

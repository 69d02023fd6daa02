"""`?acl` of buckets and objects: canned ACLs, grant headers, and documents of grants."""

from __future__ import annotations

import re

from localcloud.ci.audit import freeze
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.identity.callers import user_arn
from localcloud.identity.grants import (
    AUTHENTICATED,
    EVERYONE,
    GROUPS,
    MAX_GRANTS,
    PERMISSIONS,
    Grant,
    decode,
    encode,
)
from localcloud.limits import MAX_XML

BUCKET_ACLS = ("private", "public-read", "public-read-write", "authenticated-read")
OBJECT_ACLS = (
    "default", "private", "public-read", "authenticated-read", "bucket-owner-read",
    "bucket-owner-full-control",
)  # fmt: skip
_KIND = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type'
_HEADERS = {
    f"x-cos-grant-{permission.lower().replace('_', '-')}": permission for permission in PERMISSIONS
}
_USER = re.compile(r"qcs::cam::uin/([0-9]{1,20}):uin/([0-9]{1,20})")
_UIN = re.compile(r"([0-9]{1,20})(?:/([0-9]{1,20}))?")
_ANYONE = ("anyone", "qcs::cam::anyone:anyone")  # the group of all, as a user's name
_GRANTEE = re.compile(r'\s*(id|uri)\s*=\s*"([^"]*)"\s*')


def checked(acl: str, allowed: tuple[str, ...]) -> str:
    """A canned ACL. Raises `ServiceError` InvalidArgument naming those that exist."""
    if acl not in allowed:
        raise ServiceError(
            "InvalidArgument", f"x-cos-acl is {acl[:50]!r}: allowed are {', '.join(allowed)}"
        )
    return acl


def of_object(request: Request) -> str:
    """The ACL that an upload asks for, as it is stored. Raises `ServiceError` InvalidArgument."""
    return _from_headers(request, OBJECT_ACLS) or "default"


def of_bucket(request: Request) -> str:
    """The ACL that a new bucket gets. Raises `ServiceError` InvalidArgument."""
    return _from_headers(request, BUCKET_ACLS) or "private"


async def put_bucket_acl(cloud: Cloud, request: Request) -> Response:
    """PUT Bucket acl."""
    acl = await _wanted(cloud, request, BUCKET_ACLS)
    cloud.storage.set_bucket_acl(request.bucket, acl)
    return Response()


async def get_bucket_acl(cloud: Cloud, request: Request) -> Response:
    """GET Bucket acl."""
    return _answer(cloud, request.bucket, cloud.storage.bucket(request.bucket).acl)


async def put_object_acl(cloud: Cloud, request: Request) -> Response:
    """PUT Object acl."""
    acl = await _wanted(cloud, request, OBJECT_ACLS)
    version = request.get("versionId")
    cloud.storage.set_acl(request.bucket, request.key, acl, version)
    freeze.lift(cloud, cloud.storage.head(request.bucket, request.key, version))
    return Response()


async def get_object_acl(cloud: Cloud, request: Request) -> Response:
    """GET Object acl; `default` shows the bucket's, as it is what holds."""
    acl = cloud.storage.head(request.bucket, request.key, request.get("versionId")).acl
    if acl == "default":
        acl = cloud.storage.bucket(request.bucket).acl
    return _answer(cloud, request.bucket, acl)


async def _wanted(cloud: Cloud, request: Request, allowed: tuple[str, ...]) -> str:
    """The ACL of the headers, or else of the body."""
    body = await request.read(MAX_XML)
    if acl := _from_headers(request, allowed):
        return acl
    if not body.strip():
        raise ServiceError(
            "InvalidArgument",
            "neither x-cos-acl, x-cos-grant-... nor an AccessControlPolicy is sent",
        )
    root = xml.parse(body, "AccessControlPolicy")
    owner = _owner(cloud, request.bucket)
    named = (root.findtext("Owner/ID") or "").strip()
    if named and _user(named) != owner:
        raise ServiceError("InvalidArgument", f"Owner is {named[:100]!r}: {owner} is")
    grants = []
    for node in root.iter("Grant"):
        text = node.findtext("Grantee/URI") or node.findtext("Grantee/ID") or ""
        permission = (node.findtext("Permission") or "").strip()
        grantee = _group(text.strip()) if node.find("Grantee/URI") is not None else _user(text)
        grants.append(_grant(grantee, permission, allowed))
    return _stored(grants, owner)


def _from_headers(request: Request, allowed: tuple[str, ...]) -> str:
    """The stored text of x-cos-acl or of the x-cos-grant-... headers; empty without any."""
    if "x-cos-acl" in request.headers:
        return checked(request.headers["x-cos-acl"], allowed)
    grants = []
    for name, permission in _HEADERS.items():
        value = request.headers.get(name, "")
        for part in value.split(",") if value.strip() else ():
            match = _GRANTEE.fullmatch(part)
            if match is None:
                raise ServiceError(
                    "InvalidArgument",
                    f'{name} is {part[:100]!r}: id="<uin>" or id="<account>/<user>" is expected',
                )
            grantee = _user(match[2]) if match[1] == "id" else _group(match[2])
            grants.append(_grant(grantee, permission, allowed))
    return _stored(grants) if grants else ""


def _grant(grantee: str, permission: str, allowed: tuple[str, ...]) -> Grant:
    if permission not in PERMISSIONS:
        raise ServiceError(
            "InvalidArgument",
            f"Permission is {permission[:50]!r}: allowed are {', '.join(PERMISSIONS)}",
        )
    if permission == "WRITE" and allowed is OBJECT_ACLS:
        raise ServiceError("InvalidArgument", "WRITE can be granted on a bucket, not on an object")
    return grantee, permission


def _stored(grants: list[Grant], owner: str = "") -> str:
    if len(grants) > MAX_GRANTS:
        raise ServiceError(
            "InvalidArgument", f"{len(grants)} grants: at most {MAX_GRANTS} are allowed"
        )
    # The owner has everything without being told.
    return encode(frozenset(grant for grant in grants if grant[0] != owner))


def _group(uri: str) -> str:
    if uri not in GROUPS:
        raise ServiceError(
            "InvalidArgument", f"the group is {uri[:120]!r}: {EVERYONE} or {AUTHENTICATED}"
        )
    return uri


def _user(text: str) -> str:
    name = text.strip()
    if name in _ANYONE:
        return EVERYONE
    if short := _UIN.fullmatch(name):
        return user_arn(short[1], short[2] or short[1])
    if not _USER.fullmatch(name):
        raise ServiceError(
            "InvalidArgument",
            f"the grantee is {name[:100]!r}: a uin or qcs::cam::uin/<account>:uin/<user>",
        )
    return name


def _owner(cloud: Cloud, bucket: str) -> str:
    account = cloud.credentials.owner(bucket)
    return user_arn(account, account)


def _answer(cloud: Cloud, bucket: str, acl: str) -> Response:
    name = _owner(cloud, bucket)
    owner = _named(name)
    grants = [_shown("CanonicalUser", owner, "FULL_CONTROL")]
    for grantee, permission in sorted(decode(acl)):
        if grantee in GROUPS:
            grants.append(_shown("Group", xml.element("URI", grantee), permission))
        else:
            grants.append(_shown("CanonicalUser", _named(grantee), permission))
    return xml_response(
        f"{xml.DECLARATION}\n<AccessControlPolicy><Owner>{owner}</Owner>"
        f"<AccessControlList>{''.join(grants)}</AccessControlList></AccessControlPolicy>"
    )


def _named(name: str) -> str:
    return xml.element("ID", name) + xml.element("DisplayName", name)


def _shown(kind: str, grantee: str, permission: str) -> str:
    return (
        f'<Grant><Grantee {_KIND}="{kind}">{grantee}</Grantee>'
        f"<Permission>{permission}</Permission></Grant>"
    )

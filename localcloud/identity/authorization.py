"""Whether who asks may do it: policies of the key, the bucket's policy, ACLs.

Order: a `deny` anywhere ends it. Then the policy of temporary credentials must allow, whatever else
does. Then one of these must: the user's own policy (a main account needs none for what is its own),
the bucket's policy, an ACL. A user of another account gets in by the last two alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity.actions import (
    ACTIONS,
    BUCKET_PERMISSIONS,
    LISTINGS,
    OBJECT_PERMISSIONS,
    Row,
)
from localcloud.identity.callers import ANONYMOUS, Caller
from localcloud.identity.grants import permits
from localcloud.identity.policies import Access, Policy, Resource, parse
from localcloud.storage import Storage

POLICY_SETTING = "policy"
_SIGNED_ONLY = "Pic-Operations"  # writes more than its object
_NO_BUCKET_YET = ("cos:GetService", "cos:PutBucket")
# An owner can always mend a policy that shuts everybody out.
_MENDING = frozenset(("cos:GetBucketPolicy", "cos:PutBucketPolicy", "cos:DeleteBucketPolicy"))
_REQUEST_PARAMETERS = frozenset(
    ("prefix", "delimiter", "marker", "max-keys", "encoding-type", "versionid", "key-marker",
     "upload-id-marker", "partnumber", "uploadid", "response-content-type",
     "response-content-language", "response-expires", "response-cache-control",
     "response-content-disposition", "response-content-encoding")
)  # fmt: skip


def authorize(cloud: Cloud, request: Request, row: Row) -> None:
    """Refuse what the request may not do. `row` is its place in the table of operations.

    Raises `ServiceError` AccessDenied, and NoSuchBucket where the bucket must exist.
    """
    if request.method == "OPTIONS":
        return  # a browser asks before it has anything to sign; the bucket's CORS rules decide
    if request.caller is None and _SIGNED_ONLY in request.headers:
        raise _refusal(f"{_SIGNED_ONLY} needs a signed request")
    action = ACTIONS.get(row)
    if action is None:
        caller = request.caller
        if caller is None or caller.policy is not None or caller.session is not None:
            raise _refusal("no policy can allow this operation, and no ACL opens it to everybody")
        return
    if action == "cos:DeleteMultipleObjects":
        return  # its body names the keys: the operation asks for each of them
    path = request.get("prefix") if action in LISTINGS else request.key
    require(cloud, request, action, request.bucket, path, version=request.get("versionId"))


def require(
    cloud: Cloud, request: Request, action: str, bucket: str, key: str, *, version: str = ""
) -> None:
    """Refuse unless the request's caller may do `action` on `key` of `bucket`.

    For what an operation touches besides its own object too: the source of a copy, each key of a
    multi-delete. Raises `ServiceError` AccessDenied, NoSuchBucket.
    """
    caller = request.caller
    owner = cloud.credentials.owner(bucket)
    if action == "cos:GetService":
        owner = caller.account if caller else owner
    exists = action not in _NO_BUCKET_YET
    region = cloud.storage.bucket(bucket).region if exists else request.region
    access = Access(
        action,
        _spellings(
            action,
            region=region,
            appid=cloud.credentials.appid(owner),
            account=owner,
            bucket=bucket,
            key=key,
        ),
        caller.principals if caller else frozenset((ANONYMOUS,)),
        _Values(request),
    )
    policy = _bucket_policy(cloud.storage, bucket) if exists else None
    by_bucket = policy.decide(access) if policy else None
    is_owner = caller is not None and caller.uin == caller.account == owner
    if by_bucket is False and not (is_owner and action in _MENDING):
        raise _refusal(f"the policy of {bucket} denies {action}")
    if caller is not None and _own_policies(caller, access, owner):
        return
    if by_bucket:
        return
    if exists and _by_acl(cloud.storage, caller, action, bucket, key, version=version):
        return
    if caller is None:
        raise _refusal("the request is not signed, and neither an ACL nor a policy opens it to all")
    what = ":".join(access.resources[0]) if bucket else "*"
    raise _refusal(f"no policy and no ACL allows {caller.arn} to do {action} on {what}")


def _own_policies(caller: Caller, access: Access, owner: str) -> bool:
    """Whether the caller's own policies are enough. Raises AccessDenied where they forbid it."""
    decisions = [
        policy.decide(access) for policy in (caller.policy, caller.session) if policy is not None
    ]
    if False in decisions:
        raise _refusal(f"a policy of {caller.arn} denies {access.action}")
    if caller.session is not None and not decisions[-1]:
        what = ":".join(access.resources[0])
        raise _refusal(f"the temporary key's policy does not allow {access.action} on {what}")
    own = caller.policy is None or bool(decisions[0])
    return own and caller.account == owner


def _by_acl(
    storage: Storage, caller: Caller | None, action: str, bucket: str, key: str, *, version: str
) -> bool:
    if permission := BUCKET_PERMISSIONS.get(action):
        return permits(storage.bucket(bucket).acl, permission, caller)
    if permission := OBJECT_PERMISSIONS.get(action):
        try:
            acl = storage.head(bucket, key, version).acl
        except ServiceError:
            acl = "default"
        return permits(storage.bucket(bucket).acl if acl == "default" else acl, permission, caller)
    return False


def _bucket_policy(storage: Storage, bucket: str) -> Policy | None:
    text = storage.get_setting(bucket, POLICY_SETTING)
    return _parsed(text) if text else None


@lru_cache(maxsize=256)
def _parsed(text: str) -> Policy:
    return parse(text, principals=True)


def _spellings(
    action: str, *, region: str, appid: str, account: str, bucket: str, key: str
) -> tuple[Resource, ...]:
    """The ways in which policies name a resource: by appid (the usual one) or by the account's
    uin; with the older `prefix//<appid>/<bucket>/` form; CI's have `bucket/` in front."""
    appid = bucket.rpartition("-")[2] or appid
    if action.startswith("ci:"):
        paths = [f"bucket/{bucket}/{key}", f"{bucket}/{key}"]
    else:
        paths = [f"{bucket}/{key}", f"prefix//{appid}/{bucket.rpartition('-')[0]}/{key}"]
    if not key:
        paths.append(bucket)
    service = action.partition(":")[0]
    return tuple(
        ("qcs", "", service, region, holder, path)
        for path in paths
        for holder in (f"uid/{appid}", f"uin/{account}")
    )


class _Values:
    """The values of condition keys in one request."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __call__(self, key: str) -> tuple[str, ...]:
        request = self._request
        if about := _ABOUT_REQUEST.get(key):
            value = about(request)
            return (value,) if value else ()
        service, _, name = key.partition(":")
        if service != "cos":
            return ()
        if name.lower() in _REQUEST_PARAMETERS:
            return tuple(p.value for p in request.query if p.name.lower() == name.lower())
        sent = request.headers.get(name)
        return () if sent is None else (sent,)


def _address(remote: str) -> str:
    """The client's address; an IPv4 client of an IPv6 socket is an IPv4 client."""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


# Keys that are no header or parameter of the request.
_ABOUT_REQUEST: dict[str, Callable[[Request], str]] = {
    "qcs:ip": lambda request: _address(request.remote),
    "qcs:current_time": lambda _: datetime.now(UTC).isoformat(),
    "cos:secure-transport": lambda request: "true" if request.secure else "false",
}


def _refusal(reason: str) -> ServiceError:
    return ServiceError("AccessDenied", f"Access Denied: {reason}")

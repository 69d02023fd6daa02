"""Access control lists as values: who has which permission, as text for the storage and back.

A list is stored as the name of a canned ACL, or, where none says it, as JSON pairs of grantee and
permission. The owner has everything and is not listed.
https://cloud.tencent.com/document/product/436/30752
"""

from __future__ import annotations

import json
from functools import lru_cache

from localcloud.identity.callers import Caller, user_arn

EVERYONE = "http://cam.qcloud.com/groups/global/AllUsers"
AUTHENTICATED = "http://cam.qcloud.com/groups/global/AuthenticatedUsers"
GROUPS = (EVERYONE, AUTHENTICATED)
PERMISSIONS = ("READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL")
MAX_GRANTS = 100

# A grantee (a group's URI or a user's name) and a permission.
Grant = tuple[str, str]

CANNED: dict[str, frozenset[Grant]] = {
    "private": frozenset(),
    "public-read": frozenset({(EVERYONE, "READ")}),
    "public-read-write": frozenset({(EVERYONE, "READ"), (EVERYONE, "WRITE")}),
    "authenticated-read": frozenset({(AUTHENTICATED, "READ")}),
    # Objects belong to the owner of their bucket, who has everything anyway.
    "bucket-owner-read": frozenset(),
    "bucket-owner-full-control": frozenset(),
}


def encode(grants: frozenset[Grant]) -> str:
    """The text that is stored: a canned ACL's name if one says the same."""
    for name, same in CANNED.items():
        if grants == same:
            return name
    return json.dumps(sorted(grants))


@lru_cache(maxsize=1024)
def decode(acl: str) -> frozenset[Grant]:
    """The grants of a stored text; those of `default` are the bucket's, see `permits`."""
    if acl in CANNED:
        return CANNED[acl]
    return frozenset((grantee, permission) for grantee, permission in json.loads(acl))


def permits(acl: str, permission: str, caller: Caller | None) -> bool:
    """Whether the list grants `permission` to `caller`, who is None when anonymous."""
    names = {EVERYONE}
    if caller is not None:
        names.add(AUTHENTICATED)
        if not caller.role:
            names.add(user_arn(caller.account, caller.uin))
    return any(
        grantee in names and granted in (permission, "FULL_CONTROL")
        for grantee, granted in decode(acl)
    )

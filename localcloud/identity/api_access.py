"""Whether a caller's policies let him make a call of API 3.0."""

from __future__ import annotations

from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.identity.policies import Access, Resource


def require(
    caller: Caller,
    action: str,
    resources: tuple[Resource, ...],
    code: str = "UnauthorizedOperation",
) -> None:
    """Refuse unless the caller's own policy and that of his temporary key allow `action`.

    `action` is `service:Operation`; `resources` are the spellings of the one resource. Raises
    `ApiError` with `code`.
    """
    access = Access(action, resources, caller.principals, lambda _: ())
    for policy in (caller.policy, caller.session):
        if policy is not None and not policy.decide(access):
            what = ":".join(resources[0]) if resources else "*"
            raise ApiError(code, f"no policy allows {caller.arn} to do {action} on {what}")

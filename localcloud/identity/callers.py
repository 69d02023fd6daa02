"""Who a request comes from, by the names that policies and ACLs use."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.identity.policies import Policy

ANONYMOUS = "qcs::cam::anyone:anyone"


def user_arn(account: str, uin: str) -> str:
    """`qcs::cam::uin/<account>:uin/<user>`: the main account itself has its uin twice."""
    return f"qcs::cam::uin/{account}:uin/{uin}"


@dataclass(frozen=True)
class Caller:
    """Whose key signed.

    `account` is the uin of the main account, `uin` of the user (the same for the main account).
    `policy` is what the user may do, None for everything that the account may; `session` narrows
    it further, as the `Policy` of temporary credentials does. `role` and `session_name` are set for
    the credentials of a role, `session_name` alone for those of a federated user.
    """

    account: str
    uin: str
    policy: Policy | None = None
    session: Policy | None = None
    role: str = ""
    session_name: str = ""

    @property
    def arn(self) -> str:
        """The name that `GetCallerIdentity` shows."""
        if self.role:
            return f"qcs::sts:{self.account}:assumed-role/{self.role}/{self.session_name}"
        if self.session_name:
            return f"qcs::sts:{self.account}:federated-user/{self.uin}"
        return user_arn(self.account, self.uin)

    @property
    def principals(self) -> frozenset[str]:
        """The names by which a bucket policy can mean this caller."""
        own = f"qcs::cam::uin/{self.account}:"
        if self.role:
            return frozenset((f"{own}roleName/{self.role}", f"{own}role/{self.role}"))
        names = {user_arn(self.account, self.uin)}
        if self.uin == self.account:
            names.add(f"{own}root")
        return frozenset(names)

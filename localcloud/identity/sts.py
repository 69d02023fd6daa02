"""STS: temporary credentials on request (API 3.0, version 2018-08-13).

https://cloud.tencent.com/document/api/1312/48195 (GetFederationToken), .../48197 (AssumeRole)
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from localcloud.cloud import Cloud
from localcloud.identity.api_access import require
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.identity.policies import Policy, PolicyError, parse

MAX_POLICY = 6144  # characters, as CAM's own policies
_FEDERATED = (1800, 7200, 129_600)  # seconds: default, at most for a main account, for a user
_ROLE = (7200, 43_200)
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_SESSION = re.compile(r"[A-Za-z0-9_+=,.@-]{2,128}")
_ARN = re.compile(
    r"qcs::cam::uin/(?P<account>[0-9]{1,20}):"
    r"role(?:Name)?/(?P<role>(?:tencentcloudServiceRole(?:Name)?/)?[A-Za-z0-9_+=,.@-]{1,128})"
)


async def get_federation_token(
    cloud: Cloud, caller: Caller, params: dict[str, Any]
) -> dict[str, Any]:
    """Credentials of the caller, narrowed by `Policy`. Not for temporary keys."""
    _known(params, "Name", "Policy", "DurationSeconds")
    name = _text(params, "Name", _NAME)
    if caller.role or caller.session_name:
        raise ApiError(
            "InvalidParameter.AccessKeyNotSupport", "a temporary key cannot ask for another one"
        )
    own = f"uin/{caller.uin}"
    target = ("qcs", "", "sts", "", own, f"federated-user/{caller.uin}")
    require(caller, "sts:GetFederationToken", (target,))
    default, most_main, most_user = _FEDERATED
    most = most_main if caller.uin == caller.account else most_user
    seconds = _seconds(params, default, most)
    policy = _policy(params)
    if policy is None:
        raise _missing("Policy")
    return _issue(cloud, seconds, replace(caller, session=policy, session_name=name))


async def assume_role(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Credentials of a role of the caller's account. Any name is a role, and it may do everything;
    `Policy` narrows it."""
    _known(
        params, "RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "Tags",
        "SourceIdentity", "SerialNumber", "TokenCode",
    )  # fmt: skip
    arn = _text(params, "RoleArn", _ARN)
    session = _text(params, "RoleSessionName", _SESSION)
    match = _ARN.fullmatch(arn)
    account, role = (match["account"], match["role"]) if match else ("", "")
    if account != caller.account:
        raise ApiError(
            "UnauthorizedOperation",
            f"the role is of {account}, the caller of {caller.account}",
        )
    first, project, service, region, holder, rest = arn.split(":", 5)
    require(caller, "sts:AssumeRole", ((first, project, service, region, holder, rest),))
    seconds = _seconds(params, *_ROLE)
    return _issue(
        cloud,
        seconds,
        Caller(account, account, session=_policy(params), role=role, session_name=session),
    )


async def get_caller_identity(
    cloud: Cloud,  # noqa: ARG001 - the signature of all handlers
    caller: Caller,
    params: dict[str, Any],
) -> dict[str, Any]:
    """Who the key belongs to; everybody may ask."""
    _known(params)
    kind, user = "CAMUser", caller.uin
    if caller.role:
        kind, user = "CAMRole", f"{caller.role}:{caller.session_name}"
    elif caller.session_name:
        kind, user = "FederatedUser", f"{caller.uin}:{caller.session_name}"
    return {
        "Arn": caller.arn,
        "AccountId": caller.account,
        "UserId": user,
        "PrincipalId": caller.uin,
        "Type": kind,
    }


def _issue(cloud: Cloud, seconds: int, caller: Caller) -> dict[str, Any]:
    issued = cloud.credentials.issue(seconds, caller)
    expires = int(time.time()) + seconds
    return {
        "Credentials": {
            "Token": issued.token,
            "TmpSecretId": issued.secret_id,
            "TmpSecretKey": issued.secret_key,
        },
        "ExpiredTime": expires,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)),
    }


def _known(params: dict[str, Any], *names: str) -> None:
    for name in params:
        if name not in names:
            raise ApiError("UnknownParameter", f"The parameter `{name[:60]}` is not recognized.")


def _missing(name: str) -> ApiError:
    return ApiError("MissingParameter", f"The request is missing a required parameter `{name}`.")


def _text(params: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = params.get(name)
    if value is None:
        raise _missing(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ApiError(
            "InvalidParameter.ParamError", f"{name} is {str(value)[:100]!r}: {form.pattern}"
        )
    return value


def _seconds(params: dict[str, Any], default: int, most: int) -> int:
    value = params.get("DurationSeconds", default)
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and int(text[:10]) > 0):
        raise ApiError(
            "InvalidParameter.ParamError", f"DurationSeconds is {text[:40]!r}: 1 to {most}"
        )
    if int(text[:10]) > most:
        raise ApiError(
            "InvalidParameter.OverTimeError", f"DurationSeconds is {text[:40]}: at most {most}"
        )
    return int(text)


def _policy(params: dict[str, Any]) -> Policy | None:
    text = params.get("Policy")
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise ApiError("InvalidParameter.StrategyFormatError", "Policy must be a text")
    # The manual wants it URL-encoded; clients that send plain JSON mean what they write.
    if len(text) > 3 * MAX_POLICY:
        raise _too_long(len(text))
    document = text if text.lstrip().startswith("{") else unquote_plus(text)
    if len(document) > MAX_POLICY:
        raise _too_long(len(document))
    try:
        return parse(document, principals=False)
    except PolicyError as error:
        raise ApiError("InvalidParameter.StrategyFormatError", f"Policy: {error}") from None


def _too_long(length: int) -> ApiError:
    return ApiError(
        "InvalidParameter.PolicyTooLong",
        f"Policy has {length} characters: at most {MAX_POLICY} are allowed",
    )


ACTIONS = {
    "AssumeRole": assume_role,
    "GetCallerIdentity": get_caller_identity,
    "GetFederationToken": get_federation_token,
}

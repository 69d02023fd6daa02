"""The environment variables and the context that SCF gives to a function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.scf.serverless import Function
from shared.settings import Credentials

VERSION = "$LATEST"
ACCOUNT = "100000000001"  # a made-up account number (uin): nothing local depends on it
# What leads a program to the local cloud. The keys in a client's environment are not handed on:
# in the cloud a function has the temporary ones of its role and no others.
ROUTE = (
    "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "COS_SCHEME", "HTTPS_PROXY", "https_proxy",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE",
)  # fmt: skip


CredentialSource = Callable[[], Credentials]


def credential_variables(credentials: Credentials) -> dict[str, str]:
    """The variables that change during the life of a warm instance."""
    variables = {
        "TENCENTCLOUD_SECRETID": credentials.secret_id,
        "TENCENTCLOUD_SECRETKEY": credentials.secret_key,
        "TENCENTCLOUD_SESSIONTOKEN": credentials.token,
    }
    return {name: value for name, value in variables.items() if value}


def function_environment(
    function: Function,
    *,
    layer: Path,
    scratch: Path,
    appid: str,
    credentials: Credentials,
    route: Mapping[str, str],
) -> dict[str, str]:
    """All variables of a function's process: nothing of the developer's own environment is in it.

    `scratch` is the instance's private folder (SCF: /tmp); it is also the home folder, so that no
    ~/.netrc or ~/.config of the developer changes what the function does.
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONPATH": f"{function.code}:{layer}",
        "USER_CODE_ROOT": f"{function.code}/",
        **dict(function.environment),
        "TENCENTCLOUD_RUNENV": "SCF",
        "TENCENTCLOUD_REGION": function.region,
        "TENCENTCLOUD_APPID": appid,
        "TENCENTCLOUD_UIN": ACCOUNT,
        "SCF_FUNCTIONNAME": function.name,
        "SCF_FUNCTIONVERSION": VERSION,
        "SCF_NAMESPACE": function.namespace,
        "SCF_RUNTIME": "python",
        **credential_variables(credentials),
        **{name: route[name] for name in ROUTE if name in route},
    }


def function_context(function: Function, request_id: str, appid: str) -> dict[str, Any]:
    """The `context` of an invocation: a plain dict in SCF's Python runtime."""
    own = dict(function.environment)
    return {
        "request_id": request_id,
        "memory_limit_in_mb": function.memory,
        "time_limit_in_ms": function.timeout * 1000,
        "function_name": function.name,
        "function_version": VERSION,
        "namespace": function.namespace,
        "tencentcloud_region": function.region,
        "tencentcloud_appid": appid,
        "tencentcloud_uin": ACCOUNT,
        "environment": json.dumps({"SCF_NAMESPACE": function.namespace, **own}),
        "environ": ";".join(f"{name}={value}" for name, value in own.items()),
    }

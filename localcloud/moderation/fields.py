"""The parameters that both APIs have, checked as they do.

https://cloud.tencent.com/document/api/1125/53273 (ims), .../1124/51860 (tms)
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from localcloud.identity.api_access import require
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller

MAX_FIELD = 1024  # characters of a text inside of User and Device
_DATA_ID = re.compile(r"[A-Za-z0-9_@#-]{1,64}")
_NUMBERS = {"AccountType", "Gender", "Age", "Level", "IpType"}
_USER = {
    "UserId", "Nickname", "AccountType", "Gender", "Age", "Level", "Phone", "HeadUrl", "Desc",
    "RoomId", "GroupId", "GroupSize", "ReceiverId", "SendTime",
}  # fmt: skip
_DEVICE = {"IP", "Ip", "Mac", "TokenId", "DeviceId", "IMEI", "IDFA", "IDFV", "IpType"}


def allow(caller: Caller, product: str, action: str) -> None:
    """Refuse a caller whose policies do not let him."""
    require(caller, f"{product}:{action}", (("qcs", "", product, "", f"uin/{caller.uin}", "*"),))


def data_id(params: Mapping[str, Any], code: str) -> str:
    """Raises `ApiError` with `code`."""
    value = params.get("DataId") or ""
    if value and (not isinstance(value, str) or not _DATA_ID.fullmatch(value)):
        raise ApiError(
            code,
            f"DataId is {str(value)[:80]!r}: up to 64 letters, digits, `_`, `-`, `@` and `#` are "
            "expected",
        )
    return str(value)


def people(params: Mapping[str, Any]) -> None:
    """Check `User` and `Device`. No engine here knows accounts, so nothing comes of them."""
    for name, known in (("User", _USER), ("Device", _DEVICE)):
        given = params.get(name)
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise ApiError(
                "InvalidParameter", f"{name} is {str(given)[:40]}: an object is expected"
            )
        for key, value in given.items():
            if key not in known:
                raise ApiError(
                    "UnknownParameter", f"The parameter `{name}.{str(key)[:60]}` is not recognized."
                )
            number = key in _NUMBERS and isinstance(value, int)
            if value is not None and not number and (
                not isinstance(value, str) or len(value) > MAX_FIELD
            ):  # fmt: skip
                raise ApiError("InvalidParameter", f"{name}.{key} is {str(value)[:40]!r}")


def decoded(text: str, code: str, name: str) -> bytes:
    """Base64 as bytes. Raises `ApiError` with `code`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(code, f"{name} is no Base64") from None

"""Reading the parameters of an audit request, checked one by one."""

from __future__ import annotations

import re
from collections.abc import Collection
from xml.etree.ElementTree import Element

from localcloud.ci.audit.errors import illegal
from localcloud.limits import KIB

MAX_DATA_ID = 512  # bytes
MAX_USER_FIELD = 128
MAX_URL = 8 * KIB
USER_FIELDS = (
    "TokenId", "Nickname", "DeviceId", "AppId", "Room", "IP", "Type", "ReceiveTokenId", "Gender",
    "Level", "Role",
)  # fmt: skip
_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_STREAM = re.compile(r"(rtmp|https?)://[^\s/?#]+\S*", re.IGNORECASE)
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def text(value: str | None) -> str:
    return (value or "").strip()


def number(name: str, value: str, default: int, lowest: int, highest: int) -> int:
    """A whole number; `default` for nothing. Raises ServiceError InvalidArgument."""
    if not value:
        return default
    if not _NUMBER.fullmatch(value) or not lowest <= int(value) <= highest:
        raise illegal(name, value, f"{lowest} to {highest} are allowed")
    return int(value)


def decimal(name: str, value: str, default: float, highest: float) -> float:
    """A number above 0. Raises ServiceError InvalidArgument."""
    if not value:
        return default
    if not _DECIMAL.fullmatch(value) or not 0 < float(value) <= highest:
        raise illegal(name, value, f"above 0 and up to {highest:g} is allowed")
    return float(value)


def choice(name: str, value: str, allowed: Collection[str], default: str) -> str:
    """One of some words, as they are written. Raises ServiceError InvalidArgument."""
    if value and value not in allowed:
        raise illegal(name, value, f"allowed are {', '.join(allowed)}")
    return value or default


def flag(name: str, value: str) -> bool:
    """true or false, or 1 or 0. Raises ServiceError InvalidArgument."""
    word = value.lower()
    if word not in ("", "true", "false", "0", "1"):
        raise illegal(name, value, "true or false is allowed")
    return word in ("true", "1")


def url(name: str, value: str) -> str:
    """An http(s) address or nothing. Raises ServiceError InvalidArgument."""
    if value and (len(value) > MAX_URL or not _URL.fullmatch(value)):
        raise illegal(name, value, f"http:// or https:// and up to {MAX_URL} bytes are allowed")
    return value


def stream(name: str, value: str) -> str:
    """The address of a live stream. Raises ServiceError InvalidArgument."""
    if len(value) > MAX_URL or not _STREAM.fullmatch(value):
        raise illegal(name, value, "rtmp://, http:// or https:// is allowed")
    return value


def data_id(value: str) -> str:
    """Raises ServiceError InvalidArgument."""
    if len(value.encode()) > MAX_DATA_ID:
        raise illegal("DataId", value, f"up to {MAX_DATA_ID} bytes are allowed")
    return value


def user_info(node: Element | None) -> dict[str, str]:
    """The fields of UserInfo that are given. Raises ServiceError InvalidArgument."""
    if node is None:
        return {}
    found = {name: text(node.findtext(name)) for name in USER_FIELDS}
    for name, value in found.items():
        if len(value.encode()) > MAX_USER_FIELD:
            raise illegal(f"UserInfo.{name}", value, f"up to {MAX_USER_FIELD} bytes are allowed")
    return {name: value for name, value in found.items() if value}

"""Default encryption: what new objects say of themselves when their upload says nothing.

https://cloud.tencent.com/document/product/436/40136. Bodies stay readable files on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from localcloud.cloud import Cloud
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, matching, maybe, one, word
from localcloud.errors import ServiceError
from localcloud.http import Request

_DEFAULT = "ApplyServerSideEncryptionByDefault"
# What older documentation calls the same element.
_OLD = "ApplySideEncryptionConfiguration"
_KEY = matching(r"[A-Za-z0-9:/_-]{1,128}", "the id of a key")
_ALGORITHM = {"SSEAlgorithm": one(word("AES256", "KMS")), "KMSMasterKeyID": maybe(_KEY)}
_HEADER = "x-cos-server-side-encryption"
_CUSTOMER = f"{_HEADER}-customer-algorithm"


def _judge(_cloud: Cloud, _request: Request, root: Element) -> None:
    rule = root.find("Rule")
    for old in [] if rule is None else rule.findall(_OLD):
        old.tag = _DEFAULT
    if rule is None or len(rule.findall(_DEFAULT)) != 1:
        raise ServiceError("MalformedXML", f"{root.tag}/Rule: one {_DEFAULT} is expected")


SETTING = stored.Setting(
    "encryption",
    "ServerSideEncryptionConfiguration",
    {"Rule": one({_DEFAULT: maybe(_ALGORITHM), _OLD: maybe(_ALGORITHM)})},
    missing="NoSuchEncryptionConfiguration",
    judge=_judge,
    digest=False,
)


def with_default(cloud: Cloud, bucket: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a new object, with the bucket's encryption unless they name one."""
    kept = dict(headers)
    if any(name.lower() in (_HEADER, _CUSTOMER) for name in kept):
        return kept
    root = stored.find(cloud, bucket, SETTING.name)
    if root is None:
        return kept
    path = f"Rule/{_DEFAULT}"
    if content(root, f"{path}/SSEAlgorithm") == "AES256":
        return {**kept, _HEADER: "AES256"}
    key = content(root, f"{path}/KMSMasterKeyID")
    named = {f"{_HEADER}-cos-kms-key-id": key} if key else {}
    return {**kept, _HEADER: "cos/kms", **named}


def headers_of(headers: Mapping[str, str]) -> dict[str, str]:
    """What the answer to an upload repeats of the new object's encryption."""
    return {name: value for name, value in headers.items() if name.lower().startswith(_HEADER)}

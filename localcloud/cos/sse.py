"""Server-side encryption: with COS's keys (AES256, a label here) and with a customer's (SSE-C).

A customer's key is never kept: of it there are its MD5, which the customer sends and gets back, and
a salted digest that tells whether the right one is presented again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from localcloud.cos import cipher
from localcloud.cos.files import read_file
from localcloud.errors import ServiceError
from localcloud.http import FileSlice, Stream
from localcloud.storage import StoredObject

SSE = "x-cos-server-side-encryption"
_ALGORITHM, _KEY, _KEY_MD5 = (
    f"{SSE}-customer-{name}" for name in ("algorithm", "key", "key-MD5")
)  # fmt: skip
_OF_OBJECT = (_ALGORITHM, _KEY, _KEY_MD5)
_OF_SOURCE = tuple(name.replace("x-cos-", "x-cos-copy-source-", 1) for name in _OF_OBJECT)
_CHECK = ":customer-key"  # never sent: no header's name begins so


@dataclass(frozen=True)
class CustomerKey:
    """A key of 256 bits, as a request brings it; `md5` is its MD5 in base64."""

    key: bytes = field(repr=False)
    md5: str


def customer_key(headers: Mapping[str, str], *, of_source: bool = False) -> CustomerKey | None:
    """The customer's key of a request, or that for the source of a copy; None without one.

    Raises `ServiceError` InvalidArgument for headers that are not whole or do not fit.
    """
    names = _OF_SOURCE if of_source else _OF_OBJECT
    algorithm, text, md5 = (headers.get(name, "") for name in names)
    if not (algorithm or text or md5):
        return None
    if algorithm != "AES256":
        raise ServiceError(
            "InvalidArgument", f"{names[0]} is {algorithm[:50]!r}: AES256 is the only one"
        )
    key = _base64(text)
    if len(key) != 32:
        raise ServiceError("InvalidArgument", f"{names[1]} must be the base64 of 32 bytes")
    if not hmac.compare_digest(_base64(md5), hashlib.md5(key, usedforsecurity=False).digest()):
        raise ServiceError("InvalidArgument", f"{names[2]} is not the MD5 of {names[1]}")
    return CustomerKey(key, md5)


def wanted(headers: Mapping[str, str]) -> tuple[CustomerKey | None, dict[str, str]]:
    """How an upload is to be encrypted: the customer's key, and what is kept with the object.

    Raises `ServiceError` InvalidArgument; NotImplemented for keys of KMS, which is not played.
    """
    kind = headers.get(SSE, "")
    key = customer_key(headers)
    if kind and key is not None:
        raise ServiceError("InvalidArgument", f"{SSE} and {_ALGORITHM} exclude each other")
    if kind in ("cos/kms", "aws:kms"):
        raise ServiceError("NotImplemented", f"{SSE}: {kind}: the local cloud has no KMS")
    if kind not in ("", "AES256"):
        raise ServiceError("InvalidArgument", f"{SSE} is {kind[:50]!r}: AES256 or cos/kms")
    if key is None:
        return None, {SSE: kind} if kind else {}
    salt = os.urandom(16)
    check = f"{salt.hex()}:{_digest(salt, key)}"
    return key, {_ALGORITHM: "AES256", _KEY_MD5: key.md5, _CHECK: check}


def shown(kept: Mapping[str, str]) -> dict[str, str]:
    """What answers say of the encryption of an object with these headers."""
    return {name: kept[name] for name in (SSE, _ALGORITHM, _KEY_MD5) if name in kept}


def is_customers(kept: Mapping[str, str]) -> bool:
    """Whether only its customer can read what has these headers."""
    return _CHECK in kept


def unlock(
    headers: Mapping[str, str], kept: Mapping[str, str], *, of_source: bool = False
) -> CustomerKey | None:
    """The key that opens an object with the headers `kept`; None where it needs none.

    Raises `ServiceError` InvalidRequest for a missing or needless key, AccessDenied for another's.
    """
    key = customer_key(headers, of_source=of_source)
    if not is_customers(kept):
        if key is not None:
            raise ServiceError(
                "InvalidRequest", "the object is not encrypted with a customer's key: send none"
            )
        return None
    if key is None:
        raise ServiceError(
            "InvalidRequest",
            "the object is encrypted with a customer's key: send it in "
            f"{_ALGORITHM}, {_KEY} and {_KEY_MD5}",
        )
    salt, _, digest = kept[_CHECK].partition(":")
    if not hmac.compare_digest(digest, _digest(bytes.fromhex(salt), key)):
        raise ServiceError("AccessDenied", "the customer's key is not the object's")
    return key


def refuse_customers(stored: StoredObject) -> None:
    """For operations that cannot be given a key. Raises `ServiceError` InvalidRequest."""
    if is_customers(stored.headers):
        raise ServiceError(
            "InvalidRequest",
            "the object is encrypted with a customer's key: it cannot be processed",
        )


def body(
    stored: StoredObject, start: int, length: int, key: CustomerKey | None
) -> FileSlice | Stream:
    """A part of an object as the body of an answer; a file as it lies there, if it can be."""
    part = FileSlice(stored.path, start, length)
    return part if key is None else Stream(cipher.decrypt(part, stored.size, key.key), length)


def read(
    stored: StoredObject, start: int, length: int, key: CustomerKey | None
) -> AsyncGenerator[bytes, None]:
    """A part of an object as plain text."""
    part = FileSlice(stored.path, start, length)
    return read_file(part) if key is None else cipher.decrypt(part, stored.size, key.key)


def _digest(salt: bytes, key: CustomerKey) -> str:
    return hmac.new(salt, key.key, hashlib.sha256).hexdigest()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""

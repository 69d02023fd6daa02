"""Signatures of API 3.0: version 3 (TC3-HMAC-SHA256) and version 1 (HmacSHA1, HmacSHA256).

https://cloud.tencent.com/document/api/1312/48202 and .../48203
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping

from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity.api_errors import ApiError
from localcloud.identity.authentication import find_key
from localcloud.identity.callers import Caller
from localcloud.identity.credentials import CredentialStore, Key

ALGORITHM = "TC3-HMAC-SHA256"
MAX_SKEW = 300  # seconds
_UNSIGNED = "UNSIGNED-PAYLOAD"
_METHODS = {"HmacSHA1": hashlib.sha1, "HmacSHA256": hashlib.sha256}
_HEX = re.compile("[0-9a-f]{64}")


def authenticate(
    request: Request,
    body: bytes,
    fields: Mapping[str, str],
    *,
    product: str,
    store: CredentialStore,
    now: float,
) -> Caller:
    """Who signed. `fields` are the form's or query's, where a version 1 signature stands.

    Raises `ApiError` AuthFailure.InvalidAuthorization, .SecretIdNotFound, .TokenFailure,
    .SignatureExpire or .SignatureFailure.
    """
    header = request.headers.get("Authorization", "").strip()
    if header.startswith(ALGORITHM):
        return _version_3(request, body, header, product=product, store=store, now=now)
    if "Signature" in fields:
        return _version_1(request, fields, store, now)
    raise _invalid(f"Authorization must begin with {ALGORITHM}, or the form have a Signature")


def _version_3(
    request: Request, body: bytes, header: str, *, product: str, store: CredentialStore, now: float
) -> Caller:
    parts = dict(
        part.strip().partition("=")[::2] for part in header.removeprefix(ALGORITHM).split(",")
    )
    if set(parts) != {"Credential", "SignedHeaders", "Signature"}:
        raise _invalid("Credential, SignedHeaders and Signature are expected")
    names = parts["SignedHeaders"].split(";")
    if not {"content-type", "host"} <= set(names) or len(names) > 100:
        raise _invalid("SignedHeaders must name content-type and host")
    secret_id, *scope = parts["Credential"].split("/")
    timestamp = request.headers.get("X-TC-Timestamp", "")
    signed_at = _check_time(timestamp, now)
    date = time.strftime("%Y-%m-%d", time.gmtime(signed_at))
    if scope != [date, product, "tc3_request"]:
        raise _invalid(f"Credential must be <id>/{date}/{product}/tc3_request")
    if not _HEX.fullmatch(parts["Signature"]):
        raise _invalid("Signature must be 64 lower-case hexadecimal digits")
    key = _key(store, secret_id, request.headers.get("X-TC-Token", ""), now)
    signing_key = f"TC3{key.secret_key}".encode()
    for part in scope:
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    is_unsigned = request.headers.get("X-TC-Content-SHA256") == _UNSIGNED
    payload = hashlib.sha256(_UNSIGNED.encode() if is_unsigned else body).hexdigest()
    # The manual wants values in lower case; clients that leave them as they are work too.
    for change in (str.lower, str):
        lines = "".join(f"{name}:{change(_header(request, name)).strip()}\n" for name in names)
        canonical = "\n".join(
            (
                request.method, request.raw_path, request.raw_query, lines, ";".join(names),
                payload,
            )
        )  # fmt: skip
        digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
        to_sign = "\n".join((ALGORITHM, timestamp, "/".join(scope), digest))
        expected = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
        if hmac.compare_digest(expected, parts["Signature"]):
            return key.caller
    raise _failure()


def _version_1(
    request: Request, fields: Mapping[str, str], store: CredentialStore, now: float
) -> Caller:
    method = fields.get("SignatureMethod") or "HmacSHA1"
    if method not in _METHODS:
        raise _invalid(f"SignatureMethod is {method[:40]!r}: {' or '.join(_METHODS)}")
    if not fields.get("Nonce", "").isdigit():
        raise _invalid("Nonce must be a positive number")
    _check_time(fields.get("Timestamp", ""), now)
    key = _key(store, fields.get("SecretId", ""), fields.get("Token", ""), now)
    pairs = sorted(
        (name.replace("_", "."), value) for name, value in fields.items() if name != "Signature"
    )
    text = "&".join(f"{name}={value}" for name, value in pairs)
    message = f"{request.method}{request.host}{request.raw_path}?{text}"
    digest = hmac.new(key.secret_key.encode(), message.encode("utf-8", "replace"), _METHODS[method])
    expected = base64.b64encode(digest.digest())
    if not hmac.compare_digest(expected, fields["Signature"].encode("utf-8", "replace")):
        raise _failure()
    return key.caller


def _header(request: Request, name: str) -> str:
    return request.host if name == "host" else request.headers.get(name, "")


def _check_time(text: str, now: float) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise _invalid("the timestamp must be Unix seconds")
    if abs(now - int(text)) > MAX_SKEW:
        raise ApiError(
            "AuthFailure.SignatureExpire",
            f"The provided signature has expired: it is of {text}, the server's time is "
            f"{int(now)}, {MAX_SKEW} seconds apart are allowed.",
        )
    return int(text)


def _key(store: CredentialStore, secret_id: str, token: str, now: float) -> Key:
    try:
        return find_key(store, secret_id, token, now)
    except ServiceError as error:
        unknown = store.find(secret_id) is None
        code = "SecretIdNotFound" if unknown else "TokenFailure"
        raise ApiError(f"AuthFailure.{code}", error.message) from None


def _invalid(reason: str) -> ApiError:
    return ApiError("AuthFailure.InvalidAuthorization", f"The signature cannot be read: {reason}.")


def _failure() -> ApiError:
    return ApiError(
        "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated because of an authentication failure: "
        "check the secret key and what is signed.",
    )

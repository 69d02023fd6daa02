"""Who sends a request: its signature checked against the keys that the cloud knows.

A request that does not sign the host (`SignHost=False` in the SDK) is accepted as the service does;
whatever it lists as signed must be right. Parameters that are not listed are free, because links
carry processing rules after the signature.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from localcloud.config import Config
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.storage import Storage
from shared import signing
from shared.settings import Credentials

MAX_TEMPORARY = 10_000
_TOKEN = ("x-cos-security-token", "x-ci-security-token")
_READ = frozenset(("public-read", "public-read-write"))
_WRITE = frozenset(("public-read-write",))
# What the canned ACLs open to everybody, without a sub-resource (`?acl`, `?tagging` ...).
_OPEN_TO_ALL = {
    ("GET", "object"): _READ,
    ("HEAD", "object"): _READ,
    ("GET", "bucket"): _READ,
    ("HEAD", "bucket"): _READ,
    ("PUT", "object"): _WRITE,
    ("DELETE", "object"): _WRITE,
}
_SIGNED_ONLY = ("x-cos-copy-source", "Pic-Operations")  # they read or write more than their object


@dataclass(frozen=True)
class _Key:
    """A key that the cloud knows; `expires` is in Unix seconds, None for a permanent one."""

    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: float | None = None


class CredentialStore:
    """The permanent key of a cloud, and temporary ones as STS hands them out. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._lock = threading.Lock()
        self._permanent = {config.secret_id: _Key(config.secret_key)}
        self._temporary: OrderedDict[str, _Key] = OrderedDict()

    def issue(self, ttl_seconds: float) -> Credentials:
        """New temporary credentials. The oldest go first when there are `MAX_TEMPORARY`."""
        issued = Credentials(
            secret_id=f"AKIDtmp{secrets.token_hex(12)}",
            secret_key=secrets.token_urlsafe(24),
            token=secrets.token_urlsafe(48),
        )
        key = _Key(issued.secret_key, issued.token, time.time() + ttl_seconds)
        with self._lock:
            self._temporary[issued.secret_id] = key
            while len(self._temporary) > MAX_TEMPORARY:
                self._temporary.popitem(last=False)
        return issued

    def find(self, secret_id: str) -> _Key | None:
        """The key of a secret id, expired ones too."""
        with self._lock:
            return self._permanent.get(secret_id) or self._temporary.get(secret_id)


def authenticate(request: Request, store: CredentialStore, now: float | None = None) -> Request:
    """The request with the secret id that signed it; as it is when it is anonymous.

    Raises `ServiceError` with the service's codes: AccessDenied (malformed, expired),
    InvalidAccessKeyId, ExpiredToken, RequestTimeTooSkewed, SignatureDoesNotMatch.
    """
    now = time.time() if now is None else now
    try:
        signature = _parse(request)
        key = _key(store, signature, request, now)
        signing.check_time(signature, now)
        _verify(signature, request, key.secret_key)
    except signing.MissingSignature:
        return request
    except signing.MalformedSignature as error:
        raise ServiceError("AccessDenied", f"The signature is malformed: {error}") from None
    except signing.UnknownKey as error:
        raise ServiceError("InvalidAccessKeyId", str(error)) from None
    except signing.Expired as error:
        raise ServiceError(
            "AccessDenied", f"Request has expired: {error}", details=_server_time(now)
        ) from None
    except signing.NotYetValid as error:
        raise ServiceError(
            "RequestTimeTooSkewed",
            f"The difference between the request time and the server's time is too large: {error}",
            details=_server_time(now),
        ) from None
    except signing.Mismatch as error:
        raise ServiceError(
            "SignatureDoesNotMatch",
            f"The Signature you specified is invalid: {error}. Compare FormatString (method, "
            "path, parameters, headers) and StringToSign with what the client signed; if both are "
            f"equal, the secret key of {signature.secret_id[:100]} is another one.",
            details={"StringToSign": error.string_to_sign, "FormatString": error.format_string},
        ) from None
    return replace(request, secret_id=signature.secret_id)


def authenticate_form(
    fields: Mapping[str, str], policy: str | None, store: CredentialStore, now: float | None = None
) -> str | None:
    """Who signed the `policy` (its JSON) of a form upload; None for an unsigned form.

    Raises `ServiceError` as `authenticate` does.
    """
    if "q-signature" not in fields:
        return None
    now = time.time() if now is None else now
    try:
        signature = signing.parse_policy_fields(fields)
        if policy is None:
            raise signing.MalformedSignature("policy is missing: it is what a form signs")
        key = _find_key(store, signature.secret_id, fields, now)
        signing.check_time(signature, now)
        signing.verify_policy(signature, policy, key.secret_key)
    except signing.MalformedSignature as error:
        raise ServiceError("AccessDenied", f"The signature is malformed: {error}") from None
    except signing.UnknownKey as error:
        raise ServiceError("InvalidAccessKeyId", str(error)) from None
    except signing.Expired as error:
        raise ServiceError("AccessDenied", f"Request has expired: {error}") from None
    except signing.NotYetValid as error:
        raise ServiceError("RequestTimeTooSkewed", str(error)) from None
    except signing.Mismatch as error:
        raise ServiceError("SignatureDoesNotMatch", str(error)) from None
    return signature.secret_id


def _parse(request: Request) -> signing.Signature:
    header = request.headers.get("Authorization", "")
    if header.strip():
        return signing.parse_header(header)
    if request.has("sign"):
        # The older form of a link: the whole header as one parameter.
        return signing.parse_header(request.get("sign"))
    return signing.parse_fields((param.name, param.value) for param in request.query)


def _key(
    store: CredentialStore, signature: signing.Signature, request: Request, now: float
) -> _Key:
    tokens = {name: request.headers.get(name) or request.get(name) for name in _TOKEN}
    return _find_key(store, signature.secret_id, tokens, now)


def _find_key(
    store: CredentialStore, secret_id: str, tokens: Mapping[str, str], now: float
) -> _Key:
    """The key of `secret_id`, for which `tokens` may have to name the token."""
    key = store.find(secret_id)
    if key is None:
        raise signing.UnknownKey(
            f"The Access Key Id you provided does not exist in our records: {secret_id[:100]!r}"
        )
    if key.expires is not None:
        token = next((tokens[name] for name in _TOKEN if tokens.get(name)), "")
        if not token:
            raise signing.UnknownKey(
                "The Access Key Id you provided does not exist in our records: it is temporary, "
                "and the request has no x-cos-security-token (CI hosts: x-ci-security-token)"
            )
        if not hmac.compare_digest(token.encode(), key.token.encode()):
            raise ServiceError(
                "AccessDenied", "The security token is not the one of the temporary key"
            )
        if now > key.expires:
            raise ServiceError("ExpiredToken", "The temporary key has expired: get a new one")
    return key


def _verify(signature: signing.Signature, request: Request, secret_key: str) -> None:
    """Try the ways in which clients name what they signed; the first one's mismatch is reported."""
    params = [(param.name, param.value) for param in request.query]
    headers: list[tuple[str, str | bytes]] = [
        (name, value) for name, value in request.raw_headers if name.lower() != "host"
    ]
    first: signing.Mismatch | None = None
    for host in _host_spellings(request.host):
        for path in request.signed_paths:
            try:
                signing.verify(
                    signature,
                    request.method,
                    path,
                    headers=[*headers, ("host", host)],
                    params=params,
                    secret_key=secret_key,
                )
            except signing.Mismatch as error:
                first = first or error
            else:
                return
        if "host" not in signature.headers:
            break
    if first is not None:
        raise first


def _host_spellings(host: str) -> tuple[str, ...]:
    """As sent; and as the SDK signs it: lower case and without the port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return tuple(dict.fromkeys((host, host.lower(), name.lower())))


def _server_time(now: float) -> dict[str, str]:
    return {"ServerTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}


def authorize(request: Request, storage: Storage, sub_resource: str) -> None:
    """Refuse what an anonymous request may not do: all but what an ACL grants to everybody.

    Who signed is the account's owner and may do everything. Raises `ServiceError` AccessDenied.
    """
    if request.secret_id is not None:
        return
    scope = "object" if request.key else "bucket"
    acls = _OPEN_TO_ALL.get((request.method, scope), frozenset())
    plain = request.service == "cos" and request.bucket and not sub_resource
    if plain and acls and not any(name in request.headers for name in _SIGNED_ONLY):
        acl = storage.bucket(request.bucket).acl
        if scope == "object" and acls is _READ:
            acl = _object_acl(request, storage) or acl
        if acl in acls:
            return
    raise ServiceError(
        "AccessDenied", "Access Denied: the request is not signed, and no ACL opens it to everybody"
    )


def _object_acl(request: Request, storage: Storage) -> str:
    try:
        acl = storage.head(request.bucket, request.key, request.get("versionId")).acl
    except ServiceError:
        return ""
    return "" if acl == "default" else acl

"""Who sends a request: its signature checked against the keys that the cloud knows.

A request that does not sign the host (`SignHost=False` in the SDK) is accepted as the service does;
whatever it lists as signed must be right. Parameters that are not listed are free, because links
carry processing rules after the signature.
"""

from __future__ import annotations

import hmac
import time

from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity import sigv4
from localcloud.identity.credentials import CredentialStore, Key
from shared import signing

_TOKEN = ("x-cos-security-token", "x-ci-security-token")


def authenticate(request: Request, store: CredentialStore, now: float | None = None) -> Request:
    """The request with the secret id that signed it and its caller; as it is when anonymous.

    Raises `ServiceError` with the service's codes: AccessDenied (malformed, expired),
    InvalidAccessKeyId, ExpiredToken, RequestTimeTooSkewed, SignatureDoesNotMatch.
    """
    now = time.time() if now is None else now
    if sigv4.is_meant(request):
        signature = sigv4.parse(request)
        key = find_key(store, signature.secret_id, sigv4.token_of(request), now)
        request = sigv4.verify(request, signature, key.secret_key, now)
        return request.signed_by(signature.secret_id, key.caller)
    try:
        found = _parse(request)
        key = find_key(store, found.secret_id, _token(request), now)
        signing.check_time(found, now)
        _verify(found, request, key.secret_key)
    except signing.MissingSignature:
        return request
    except signing.MalformedSignature as error:
        raise ServiceError("AccessDenied", f"The signature is malformed: {error}") from None
    except signing.Expired as error:
        raise _expired(error, now) from None
    except signing.NotYetValid as error:
        raise ServiceError(
            "RequestTimeTooSkewed",
            f"The difference between the request time and the server's time is too large: {error}",
            details=server_time(now),
        ) from None
    except signing.Mismatch as error:
        raise ServiceError(
            "SignatureDoesNotMatch",
            f"The Signature you specified is invalid: {error}. Compare FormatString (method, "
            "path, parameters, headers) and StringToSign with what the client signed; if both are "
            f"equal, the secret key of {found.secret_id[:100]} is another one.",
            details={"StringToSign": error.string_to_sign, "FormatString": error.format_string},
        ) from None
    return request.signed_by(found.secret_id, key.caller)


def authenticate_form(
    request: Request, policy: str | None, store: CredentialStore, now: float | None = None
) -> Request:
    """A form upload with who signed its `policy` (JSON); as it is where the form is unsigned. The
    form's fields are the request's headers.

    Raises `ServiceError` as `authenticate` does.
    """
    fields = request.headers
    now = time.time() if now is None else now
    if "x-amz-signature" in fields:
        return _authenticate_s3_form(request, policy, store, now)
    if "q-signature" not in fields:
        return request
    try:
        signature = signing.parse_policy_fields(fields)
        if policy is None:
            raise signing.MalformedSignature("policy is missing: it is what a form signs")
        token = next((fields[name] for name in _TOKEN if fields.get(name)), "")
        key = find_key(store, signature.secret_id, token, now)
        signing.check_time(signature, now)
        signing.verify_policy(signature, policy, key.secret_key)
    except signing.MalformedSignature as error:
        raise ServiceError("AccessDenied", f"The signature is malformed: {error}") from None
    except signing.Expired as error:
        raise _expired(error, now) from None
    except signing.NotYetValid as error:
        raise ServiceError("RequestTimeTooSkewed", str(error), details=server_time(now)) from None
    except signing.Mismatch as error:
        raise ServiceError("SignatureDoesNotMatch", str(error)) from None
    return request.signed_by(signature.secret_id, key.caller)


def is_signed(request: Request) -> bool:
    """Whether the request carries a signature, good or not."""
    return bool(request.headers.get("Authorization", "").strip()) or any(
        request.has(name) for name in ("sign", "q-signature")
    )


def _authenticate_s3_form(
    request: Request, policy: str | None, store: CredentialStore, now: float
) -> Request:
    if policy is None:
        raise ServiceError("AccessDenied", "policy is missing: it is what a form signs")
    fields = request.headers
    signature = sigv4.parse_form(fields)
    key = find_key(store, signature.secret_id, fields.get("x-amz-security-token", ""), now)
    request = sigv4.verify_form(request, signature, fields["policy"], key.secret_key)
    return request.signed_by(signature.secret_id, key.caller)


def find_key(store: CredentialStore, secret_id: str, token: str, now: float) -> Key:
    """The key of `secret_id`, if `token` is its own and it is still good.

    Raises `ServiceError` InvalidAccessKeyId, AccessDenied, ExpiredToken.
    """
    key = store.find(secret_id)
    unknown = "The Access Key Id you provided does not exist in our records"
    if key is None:
        raise ServiceError("InvalidAccessKeyId", f"{unknown}: {secret_id[:100]!r}")
    if key.expires is not None:
        if not token:
            raise ServiceError(
                "InvalidAccessKeyId",
                f"{unknown}: it is temporary, and the request has no x-cos-security-token (CI "
                "hosts: x-ci-security-token)",
            )
        if not hmac.compare_digest(token.encode("utf-8", "replace"), key.token.encode()):
            raise ServiceError(
                "AccessDenied", "The security token is not the one of the temporary key"
            )
        if now > key.expires:
            raise ServiceError("ExpiredToken", "The temporary key has expired: get a new one")
    return key


def _expired(error: signing.Expired, now: float) -> ServiceError:
    # The message alone: clients correct their clock and ask again when it is exactly this one.
    details = {**server_time(now), "Detail": str(error)}
    return ServiceError("AccessDenied", "Request has expired", details=details)


def server_time(now: float) -> dict[str, str]:
    """What an error about time tells besides."""
    return {"ServerTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}


def _parse(request: Request) -> signing.Signature:
    header = request.headers.get("Authorization", "")
    if header.strip():
        return signing.parse_header(header)
    if request.has("sign"):
        # The older form of a link: the whole header as one parameter.
        return signing.parse_header(request.get("sign"))
    return signing.parse_fields((param.name, param.value) for param in request.query)


def _token(request: Request) -> str:
    header = next((request.headers[name] for name in _TOKEN if request.headers.get(name)), "")
    return header or next((request.get(name) for name in _TOKEN if request.has(name)), "")


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

"""AWS Signature Version 4, as S3 clients sign: in the header, or as a link.

COS takes it on its own hosts so that S3 clients work unmodified.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity import aws_chunked

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = 900  # seconds between the two clocks
MAX_EXPIRES = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"
_STREAMS = {
    # What the body is when it comes in chunks: (each chunk is signed, a trailer follows).
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (False, True),
}
_HASH = re.compile("[0-9a-f]{64}")
_DATE = re.compile("[0-9]{8}T[0-9]{6}Z")
_REGION = re.compile("[a-z]{1,20}(?:-[a-z0-9]{1,20}){1,4}")
_SPACES = re.compile(rb" +")
# Headers that change what is done, and so must be signed.
_MUST_SIGN = ("x-amz-", "x-cos-", "pic-operations")


@dataclass(frozen=True)
class Signature:
    """A parsed signature. `date` is `YYYYMMDDTHHMMSSZ`; `expires` in seconds, None in a header."""

    secret_id: str
    date: str
    scope: tuple[str, str, str]  # date, region, service
    headers: tuple[str, ...]
    value: str = field(repr=False)
    expires: int | None = None

    @property
    def scope_text(self) -> str:
        """`<date>/<region>/s3/aws4_request`"""
        return "/".join((*self.scope, "aws4_request"))


def is_meant(request: Request) -> bool:
    """Whether the request is signed as S3 clients sign. Raises `ServiceError` for version 2."""
    header = request.headers.get("Authorization", "")
    if header.startswith("AWS ") or request.has("AWSAccessKeyId"):
        raise ServiceError(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use "
            f"{ALGORITHM} (in boto3: Config(signature_version='s3v4')).",
        )
    return header.startswith(ALGORITHM) or request.has("X-Amz-Algorithm")


def token_of(request: Request) -> str:
    """The security token that came with the request, empty if none did."""
    return request.headers.get("x-amz-security-token", "") or request.get("X-Amz-Security-Token")


def parse(request: Request) -> Signature:
    """Read the signature. Raises `ServiceError` AuthorizationHeaderMalformed, or
    AuthorizationQueryParametersError for a link."""
    if request.has("X-Amz-Algorithm"):
        return _parse_link(request)
    text = request.headers.get("Authorization", "").removeprefix(ALGORITHM)
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    wanted = {"Credential", "SignedHeaders", "Signature"}
    if set(parts) != wanted:
        raise _malformed(f"{', '.join(sorted(wanted))} are expected")
    secret_id, scope = _credential(parts["Credential"])
    date = request.headers.get("x-amz-date", "")
    headers = _names(parts["SignedHeaders"])
    return Signature(secret_id, _date(date, scope), scope, headers, _value(parts["Signature"]))


def _parse_link(request: Request) -> Signature:
    if request.get("X-Amz-Algorithm") != ALGORITHM:
        raise _malformed(f"X-Amz-Algorithm must be {ALGORITHM}", link=True)
    expires = request.get("X-Amz-Expires")
    if not (expires.isascii() and expires.isdigit() and 0 < int(expires[:9]) <= MAX_EXPIRES):
        raise _malformed(f"X-Amz-Expires is {expires[:20]!r}: 1 to {MAX_EXPIRES}", link=True)
    secret_id, scope = _credential(request.get("X-Amz-Credential"), link=True)
    return Signature(
        secret_id,
        _date(request.get("X-Amz-Date"), scope, link=True),
        scope,
        _names(request.get("X-Amz-SignedHeaders"), link=True),
        _value(request.get("X-Amz-Signature"), link=True),
        int(expires),
    )


def verify(request: Request, signature: Signature, secret_key: str, now: float) -> Request:
    """Check the signature; the request with its region and with a body that is checked on the way.

    Raises `ServiceError` RequestTimeTooSkewed, AccessDenied, SignatureDoesNotMatch,
    AuthorizationHeaderMalformed for another region.
    """
    _check_time(signature, now)
    region = signature.scope[1]
    if request.region and region != request.region:
        raise _malformed(f"the region {region[:40]!r} is wrong; expecting {request.region!r}")
    payload = _payload(request, signature)
    unsigned = [
        name.lower()
        for name, _ in request.raw_headers
        if name.lower().startswith(_MUST_SIGN) and name.lower() not in signature.headers
    ]
    if unsigned and not (signature.expires is not None and unsigned == ["x-amz-content-sha256"]):
        raise ServiceError(
            "AccessDenied",
            f"There were headers present in the request which were not signed: {unsigned[0][:80]}",
        )
    canonical = _canonical_request(request, signature, payload)
    to_sign = "\n".join(
        (ALGORITHM, signature.date, signature.scope_text, _sha256(canonical.encode()))
    )
    signing_key = _signing_key(secret_key, signature.scope)
    expected = _hmac(signing_key, to_sign.encode()).hex()
    if not hmac.compare_digest(expected, signature.value):
        raise ServiceError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check "
            "your key and signing method.",
            details={"StringToSign": to_sign, "CanonicalRequest": canonical},
        )
    body = _checked_body(request, signature, signing_key, payload)
    return replace(request, region=request.region or region, body=body, is_s3=True)


def parse_form(fields: Mapping[str, str]) -> Signature:
    """Read the signature of a form upload. Raises `ServiceError` AuthorizationHeaderMalformed."""
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise _malformed(f"x-amz-algorithm must be {ALGORITHM}")
    secret_id, scope = _credential(fields.get("x-amz-credential", ""))
    date = _date(fields.get("x-amz-date", ""), scope)
    return Signature(secret_id, date, scope, (), _value(fields["x-amz-signature"]))


def verify_form(request: Request, signature: Signature, policy: str, secret_key: str) -> Request:
    """Check that a form's `policy`, in base64 as sent, is signed; it says itself until when it is
    good. The request with its region.

    Raises `ServiceError` SignatureDoesNotMatch, AuthorizationHeaderMalformed for another region.
    """
    region = signature.scope[1]
    if request.region and region != request.region:
        raise _malformed(f"the region {region[:40]!r} is wrong; expecting {request.region!r}")
    expected = _hmac(_signing_key(secret_key, signature.scope), policy.encode()).hex()
    if not hmac.compare_digest(expected, signature.value):
        raise ServiceError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check "
            "your key and signing method.",
            details={"StringToSign": policy[:4096]},
        )
    return replace(request, region=request.region or region, is_s3=True)


def _check_time(signature: Signature, now: float) -> None:
    signed = calendar.timegm(time.strptime(signature.date, "%Y%m%dT%H%M%SZ"))
    details = {"ServerTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}
    late = now - signed
    if signature.expires is None and abs(late) > MAX_SKEW:
        raise ServiceError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
            details=details,
        )
    if signature.expires is not None and late < -MAX_SKEW:
        raise ServiceError("AccessDenied", "Request is not yet valid", details=details)
    if signature.expires is not None and late > signature.expires:
        raise ServiceError("AccessDenied", "Request has expired", details=details)


def _payload(request: Request, signature: Signature) -> str:
    sent = request.headers.get("x-amz-content-sha256", "")
    if signature.expires is not None and not sent:
        return request.get("X-Amz-Content-Sha256") or UNSIGNED
    if not (sent == UNSIGNED or sent in _STREAMS or _HASH.fullmatch(sent)):
        raise ServiceError(
            "InvalidRequest",
            f"x-amz-content-sha256 must be {UNSIGNED}, {', '.join(_STREAMS)}, or the hexadecimal "
            "SHA-256 of the body",
        )
    return sent


def _canonical_request(request: Request, signature: Signature, payload: str) -> str:
    query = sorted(
        (quote(param.name, safe="-_.~"), quote(param.value, safe="-_.~"))
        for param in request.query
        if param.name != "X-Amz-Signature"
    )
    lines = "".join(f"{name}:{_header(request, name)}\n" for name in signature.headers)
    return "\n".join(
        (
            request.method,
            quote(request.signed_paths[0], safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            lines,
            ";".join(signature.headers),
            payload,
        )
    )


def _header(request: Request, name: str) -> str:
    if name == "host":
        return request.host
    values = [value for key, value in request.raw_headers if key.lower() == name]
    text = b",".join(_SPACES.sub(b" ", value.strip()) for value in values)
    return text.decode("utf-8", "backslashreplace")


def _checked_body(
    request: Request, signature: Signature, signing_key: bytes, payload: str
) -> AsyncIterator[bytes]:
    if payload == UNSIGNED:
        return request.body
    if payload not in _STREAMS:
        return _hashed(request.body, payload)
    signed, has_trailer = _STREAMS[payload]
    signer = None
    if signed:
        signer = aws_chunked.Signer(
            signing_key, signature.date, signature.scope_text, signature.value
        )
    trailer = request.headers.get("x-amz-trailer", "") if has_trailer else ""
    length = request.headers.get("x-amz-decoded-content-length", "")
    return aws_chunked.decode(request.body, signer, trailer, length)


async def _hashed(body: AsyncIterator[bytes], expected: str) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    async for chunk in body:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != expected:
        raise ServiceError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )


def _credential(text: str, *, link: bool = False) -> tuple[str, tuple[str, str, str]]:
    parts = text.split("/")
    if len(parts) != 5 or not all(parts) or parts[3:] != ["s3", "aws4_request"]:
        raise _malformed("Credential must be <id>/<date>/<region>/s3/aws4_request", link=link)
    if not _REGION.fullmatch(parts[2]):
        raise _malformed(f"the region {parts[2][:40]!r} is none", link=link)
    return parts[0], (parts[1], parts[2], parts[3])


def _date(text: str, scope: tuple[str, str, str], *, link: bool = False) -> str:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        time.strptime(text, "%Y%m%dT%H%M%SZ")
    except ValueError:
        raise _malformed("X-Amz-Date must be YYYYMMDDTHHMMSSZ", link=link) from None
    if text[:8] != scope[0]:
        raise _malformed("the credential's date is not the one of X-Amz-Date", link=link)
    return text


def _names(text: str, *, link: bool = False) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if "host" not in names or len(names) > 100 or not text.isascii():
        raise _malformed("SignedHeaders must name host, and up to 99 others", link=link)
    return names


def _value(text: str, *, link: bool = False) -> str:
    if not _HASH.fullmatch(text):
        raise _malformed("Signature must be 64 lower-case hexadecimal digits", link=link)
    return text


def _malformed(reason: str, *, link: bool = False) -> ServiceError:
    code = "AuthorizationQueryParametersError" if link else "AuthorizationHeaderMalformed"
    return ServiceError(code, f"The authorization is malformed; {reason}.")


def _signing_key(secret_key: str, scope: tuple[str, str, str]) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, "aws4_request"):
        key = _hmac(key, part.encode())
    return key


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

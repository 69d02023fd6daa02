"""COS request signatures (q-sign): make one and check one, side by side.

A signature covers the method, the decoded path, and exactly the headers and query parameters that
it lists. It travels in the `Authorization` header or, for a link, as `q-...` query parameters.
Layout: https://cloud.tencent.com/document/product/436/7778
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote, unquote

Value = str | bytes
Pairs = Iterable[tuple[str, Value]]

_FIELDS = (
    "q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list",
    "q-signature",
)  # fmt: skip
_MAY_BE_EMPTY = ("q-header-list", "q-url-param-list")
_WINDOW = re.compile(r"([0-9]{1,12});([0-9]{1,12})")
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
_HEX = re.compile(r"[0-9a-f]{40}")


class SignatureError(ValueError):
    """A request is not signed as it must be; `code` says what is wrong, in one word."""

    code = "invalid"


class MissingSignature(SignatureError):  # noqa: N818 - the part that failed is the name
    """The request carries no signature."""

    code = "missing"


class MalformedSignature(SignatureError):  # noqa: N818
    """A field of the signature is absent, repeated or not of its form."""

    code = "malformed"


class Expired(SignatureError):  # noqa: N818
    """The end of the signature's time window has passed."""

    code = "expired"


class NotYetValid(SignatureError):  # noqa: N818
    """The signature's time window begins later: one of the two clocks is wrong."""

    code = "not-yet-valid"


class Mismatch(SignatureError):  # noqa: N818
    """The signature is another one than the request and the secret key make.

    `format_string` and `string_to_sign` are what was checked; neither holds a secret.
    """

    code = "mismatch"

    def __init__(self, message: str, format_string: str, string_to_sign: str) -> None:
        super().__init__(message)
        self.format_string = format_string
        self.string_to_sign = string_to_sign


@dataclass(frozen=True)
class Signature:
    """A parsed or made signature. The windows are (first, last) Unix seconds.

    `headers` and `params` are the lists of what is signed, lower case and percent-encoded.
    """

    secret_id: str
    sign_time: tuple[int, int]
    key_time: tuple[int, int]
    headers: tuple[str, ...]
    params: tuple[str, ...]
    value: str = field(repr=False)

    def fields(self) -> dict[str, str]:
        """The signature as `q-...` fields: query parameters of a link (encode them once more)."""
        return {
            "q-sign-algorithm": "sha1",
            "q-ak": self.secret_id,
            "q-sign-time": _window_text(self.sign_time),
            "q-key-time": _window_text(self.key_time),
            "q-header-list": ";".join(self.headers),
            "q-url-param-list": ";".join(self.params),
            "q-signature": self.value,
        }

    def to_header(self) -> str:
        """The value of the `Authorization` header."""
        return "&".join(f"{name}={value}" for name, value in self.fields().items())


def sign(
    method: str,
    path: str,
    *,
    headers: Mapping[str, Value],
    params: Mapping[str, Value],
    secret_id: str,
    secret_key: str,
    window: tuple[int, int],
) -> Signature:
    """Sign a request: all given headers and parameters, and no others.

    `path` is decoded and begins with a slash; header and parameter names have any case, values are
    as they are (bytes where they are no text). `window` is (first, last) Unix seconds.
    """
    signed_headers = _canonical(headers.items())
    signed_params = _canonical(params.items())
    text = _format_string(method, path, signed_headers, signed_params)
    value = _hmac(_sign_key(secret_key, window), string_to_sign(window, text))
    return Signature(
        secret_id, window, window, _names(signed_headers), _names(signed_params), value
    )


# A link is asked for again and again; what it says is read once. Failures are not kept.
@lru_cache(maxsize=256)
def parse_header(text: str) -> Signature:
    """Read an `Authorization` header. Raises `MissingSignature` or `MalformedSignature`."""
    if not text.strip():
        raise MissingSignature("the request carries no signature")
    pairs = [part.partition("=") for part in text.strip().split("&")]
    return parse_fields((name, value) for name, _, value in pairs)


def parse_fields(pairs: Iterable[tuple[str, str]]) -> Signature:
    """Read the signature out of decoded query parameters; others than `q-...` are left alone.

    Raises `MissingSignature` or `MalformedSignature`.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in _FIELDS:
            if name in found:
                raise MalformedSignature(f"{name} occurs twice")
            found[name] = value
    if not found:
        raise MissingSignature("the request carries no signature (no q-signature field)")
    for name in _FIELDS:
        if name not in found or not (found[name] or name in _MAY_BE_EMPTY):
            raise MalformedSignature(f"{name} is missing: a signature has {', '.join(_FIELDS)}")
    if found["q-sign-algorithm"] != "sha1":
        raise MalformedSignature(
            f"q-sign-algorithm is {found['q-sign-algorithm']!r}: sha1 is the only one"
        )
    if not _HEX.fullmatch(found["q-signature"]):
        raise MalformedSignature("q-signature is not 40 lower-case hexadecimal digits")
    return Signature(
        secret_id=found["q-ak"],
        sign_time=_window("q-sign-time", found["q-sign-time"]),
        key_time=_window("q-key-time", found["q-key-time"]),
        headers=_list(found["q-header-list"]),
        params=_list(found["q-url-param-list"]),
        value=found["q-signature"],
    )


def parse_policy_fields(fields: Mapping[str, str]) -> Signature:
    """Read the signature of a form upload: one window, no lists. Raises `MalformedSignature`."""
    window = fields.get("q-key-time", "")
    lists = {"q-header-list": "", "q-url-param-list": "", "q-sign-time": window}
    names = ("q-sign-algorithm", "q-ak", "q-key-time", "q-signature")
    given = {name: fields.get(name, "") for name in names}
    return parse_fields([*given.items(), *lists.items()])


def verify_policy(signature: Signature, policy: str, secret_key: str) -> None:
    """Check that `secret_key` signed a form's `policy`, its decoded JSON. Raises `Mismatch`.

    https://cloud.tencent.com/document/product/436/14690
    """
    digest = hashlib.sha1(policy.encode("utf-8")).hexdigest()  # noqa: S324 - protocol
    expected = _hmac(_sign_key(secret_key, signature.key_time), digest)
    if not hmac.compare_digest(expected, signature.value):
        raise Mismatch("the signature does not match the policy", policy, digest)


def check_time(signature: Signature, now: float) -> None:
    """Raises `NotYetValid` or `Expired` unless `now` (Unix seconds) lies in both windows."""
    for name, (first, last) in (("sign", signature.sign_time), ("key", signature.key_time)):
        if now < first:
            raise NotYetValid(f"q-{name}-time begins at {first}, and it is {int(now)}")
        if now > last:
            raise Expired(f"q-{name}-time ended at {last}, and it is {int(now)}")


def verify(
    signature: Signature, method: str, path: str, *, headers: Pairs, params: Pairs, secret_key: str
) -> None:
    """Check that `secret_key` and this request make the signature. Raises `Mismatch`.

    `headers` and `params` are all of the request's, in any order; only those that the signature
    lists count, and of those every occurrence. The time window is `check_time`'s part.
    """
    signed_headers, no_header = _listed(signature.headers, headers)
    signed_params, no_param = _listed(signature.params, params)
    text = _format_string(method, path, signed_headers, signed_params)
    to_sign = string_to_sign(signature.sign_time, text)
    expected = _hmac(_sign_key(secret_key, signature.key_time), to_sign)
    absent = [f"header {name}" for name in no_header] + [f"parameter {name}" for name in no_param]
    if absent:
        raise Mismatch(f"signed, but not in the request: {', '.join(absent)}", text, to_sign)
    if not hmac.compare_digest(expected, signature.value):
        raise Mismatch("the signature does not match the request", text, to_sign)


def string_to_sign(window: tuple[int, int], format_string: str) -> str:
    """The text that is signed in the end: the window and the digest of the request."""
    digest = hashlib.sha1(format_string.encode("utf-8", "surrogateescape"))  # noqa: S324 - protocol
    return f"sha1\n{_window_text(window)}\n{digest.hexdigest()}\n"


def _encode(text: Value) -> str:
    if isinstance(text, str) and _UNRESERVED.fullmatch(text):
        return text
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return quote(data, safe="-_.~")


def _canonical(pairs: Pairs) -> list[tuple[str, str]]:
    return sorted((_encode(name).lower(), _encode(value)) for name, value in pairs)


def _names(canonical: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in canonical))


def _listed(names: tuple[str, ...], pairs: Pairs) -> tuple[list[tuple[str, str]], list[str]]:
    """Of `pairs` those that `names` lists, canonical; and the names that none of them has."""
    if not names:
        return [], []
    # Some clients list the names of a link's parameters unencoded: both spellings mean the same.
    wanted = {_encode(unquote(name)).lower() for name in names}
    found = _canonical(pair for pair in pairs if _encode(pair[0]).lower() in wanted)
    return found, sorted(wanted - {name for name, _ in found})


def _format_string(
    method: str, path: str, headers: list[tuple[str, str]], params: list[tuple[str, str]]
) -> str:
    query = "&".join(f"{name}={value}" for name, value in params)
    lines = "&".join(f"{name}={value}" for name, value in headers)
    return f"{method.lower()}\n{path}\n{query}\n{lines}\n"


def _window(name: str, text: str) -> tuple[int, int]:
    match = _WINDOW.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise MalformedSignature(
            f"{name} is {text[:50]!r}: two Unix times 'first;last' are expected"
        )
    return int(match[1]), int(match[2])


def _window_text(window: tuple[int, int]) -> str:
    return f"{window[0]};{window[1]}"


def _list(text: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in text.split(";") if name)


# A client signs many requests with one window; checking them all derives the key once.
@lru_cache(maxsize=1024)
def _sign_key(secret_key: str, window: tuple[int, int]) -> str:
    return _hmac(secret_key, _window_text(window))


def _hmac(key: str, text: str) -> str:
    message = text.encode("utf-8", "surrogateescape")
    return hmac.new(key.encode("utf-8"), message, hashlib.sha1).hexdigest()

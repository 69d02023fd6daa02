"""CORS: the rules of a bucket, the preflight that asks for them, and the headers of real answers.

https://cloud.tencent.com/document/product/436/8279 (PUT Bucket cors) and 8288 (OPTIONS Object).
"""

from __future__ import annotations

import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from localcloud.cloud import Cloud
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, matching, maybe, number, some, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request, Response

MAX_RULES = 100
METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
_MAX_LIST = 100  # origins or headers of one rule
_MAX_VALUE = 500
_MAX_AGE = 999_999_999
# What HTTP allows in a header's name; * stands for a part of it.
_NAME = matching(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}", "a header's name such as x-cos-meta-a")


def _origin(where: str, value: str) -> str:
    value = value.strip()
    if not 0 < len(value) <= _MAX_VALUE or value.count("*") > 1 or not value.isprintable():
        raise ServiceError(
            "InvalidArgument",
            f"{where} is {value[:100]!r}: an origin such as http://www.example.com, "
            "with one * at most, is expected",
        )
    return value


SHAPE = {
    "CORSRule": some(
        {
            "ID": maybe(text(255)),
            "AllowedOrigin": some(_origin, _MAX_LIST),
            "AllowedMethod": some(word(*METHODS), len(METHODS)),
            "AllowedHeader": some(_NAME, _MAX_LIST, least=0),
            "ExposeHeader": some(_NAME, _MAX_LIST, least=0),
            "MaxAgeSeconds": maybe(number(0, _MAX_AGE)),
        },
        MAX_RULES,
    ),
    "ResponseVary": maybe(word("true", "false")),
}
SETTING = stored.Setting("cors", "CORSConfiguration", SHAPE, missing="NoSuchCORSConfiguration")


async def preflight(cloud: Cloud, request: Request) -> Response:
    """OPTIONS of an object or a bucket; needs no signature.

    Raises `ServiceError`: BadRequest without the headers of a preflight, AccessForbidden when no
    rule allows what is asked for.
    """
    origin = request.headers.get("Origin", "")
    method = request.headers.get("Access-Control-Request-Method", "").upper()
    if not origin or not method:
        raise ServiceError(
            "BadRequest",
            "OPTIONS needs the headers Origin and Access-Control-Request-Method of a preflight",
        )
    asked = request.headers.get("Access-Control-Request-Headers", "")
    wanted = [name.strip().lower() for name in asked.split(",") if name.strip()]
    root = stored.find(cloud, request.bucket, SETTING.name)
    rule = None if root is None else _rule(root, origin, method, wanted)
    if root is None or rule is None:
        raise ServiceError(
            "AccessForbidden",
            f"CORSResponse: no CORS rule of the bucket allows {method[:20]} from {origin[:200]!r}"
            + (f" with the headers {asked[:200]!r}" if wanted else ""),
        )
    headers = _headers(root, rule, origin)
    if wanted:
        headers["Access-Control-Allow-Headers"] = ", ".join(wanted)
    return Response(200, headers)


def decorate(cloud: Cloud, request: Request, response: Response) -> None:
    """Add to an answer, errors too, what lets the page of its Origin read it."""
    origin = request.headers.get("Origin", "")
    if not origin or not request.bucket or request.service not in ("cos", "website"):
        return
    if "Access-Control-Allow-Origin" in response.headers:
        return
    root = stored.find(cloud, request.bucket, SETTING.name)
    rule = None if root is None else _rule(root, origin, request.method, [])
    if root is not None and rule is not None:
        response.headers |= _headers(root, rule, origin)


def _rule(root: Element, origin: str, method: str, headers: list[str]) -> Element | None:
    """The first rule that allows a request; the order in the document counts."""
    if not all(value.isascii() and value.isprintable() for value in (origin, *headers)):
        return None  # they would come back in a header
    for rule in root.iter("CORSRule"):
        if _allowed(rule, origin, method, headers):
            return rule
    return None


def _allowed(rule: Element, origin: str, method: str, headers: list[str]) -> bool:
    allowed = [(node.text or "").lower() for node in rule.iter("AllowedHeader")]
    return (
        any(_covers(node.text or "", origin) for node in rule.iter("AllowedOrigin"))
        and any(node.text == method for node in rule.iter("AllowedMethod"))
        and all(any(_covers(pattern, name) for pattern in allowed) for name in headers)
    )


def _headers(root: Element, rule: Element, origin: str) -> dict[str, str]:
    everybody = any(node.text == "*" for node in rule.iter("AllowedOrigin"))
    headers = {
        "Access-Control-Allow-Origin": "*" if everybody else origin,
        "Access-Control-Allow-Methods": ",".join(n.text or "" for n in rule.iter("AllowedMethod")),
    }
    if exposed := [node.text or "" for node in rule.iter("ExposeHeader")]:
        headers["Access-Control-Expose-Headers"] = ",".join(exposed)
    if age := content(rule, "MaxAgeSeconds"):
        headers["Access-Control-Max-Age"] = age
    if not everybody or content(root, "ResponseVary") == "true":
        # A cache must not hand one origin's answer to another.
        headers["Vary"] = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    return headers


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))


def _covers(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None

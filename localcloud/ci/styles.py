"""Styles: rules that a bucket stores under a name (pic host, CI manual 004:5258-5648)."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree.ElementTree import Element

from localcloud.ci import binding
from localcloud.ci.errors import from_rule, refusal
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Param, Request, Response, xml_response
from localcloud.limits import MAX_XML
from shared.rules import Rule, RuleError, parse
from shared.rules.whole import STYLE

MAX_STYLES = 100
# Which of them a bucket uses is set in the console, for which there is no API: here all are on.
SEPARATORS = "-_/!"
_SETTING = "ci-styles"


async def put_style(cloud: Cloud, request: Request) -> Response:
    """`PUT /?style`: AddStyle{StyleName, StyleBody}. A name that exists gets the new body."""
    binding.require(cloud, request.bucket)
    root = xml.parse(await request.read(MAX_XML), "AddStyle")
    name, body = _text(root, "StyleName"), _text(root, "StyleBody")
    _check_name(name)
    _check_body(body)
    styles = _load(cloud, request.bucket)
    if name not in styles and len(styles) >= MAX_STYLES:
        raise refusal(
            -60957, f"{request.bucket} has {len(styles)} styles: at most {MAX_STYLES} are allowed"
        )
    _save(cloud, request.bucket, {**styles, name: body})
    return Response()


async def get_style(cloud: Cloud, request: Request) -> Response:
    """`GET /?style`: the style of GetStyle{StyleName} in the body, all of them without a body."""
    binding.require(cloud, request.bucket)
    body = await request.read(MAX_XML)
    styles = _load(cloud, request.bucket)
    name = (xml.parse(body, "GetStyle").findtext("StyleName") or "").strip() if body.strip() else ""
    if name:
        styles = {name: _find(styles, name, -60967)}
    rules = [
        xml.element("StyleRule", xml.element("StyleName", key), xml.element("StyleBody", value))
        for key, value in styles.items()
    ]
    return xml_response(xml.document("StyleList", rules))


async def delete_style(cloud: Cloud, request: Request) -> Response:
    """`DELETE /?style`: DeleteStyle{StyleName}; 200 whether or not it was there."""
    binding.require(cloud, request.bucket)
    name = _text(xml.parse(await request.read(MAX_XML), "DeleteStyle"), "StyleName")
    styles = _load(cloud, request.bucket)
    if name in styles:
        _save(cloud, request.bucket, {key: styles[key] for key in styles if key != name})
    return Response()


def resolve(cloud: Cloud, bucket: str, rule: Rule, *, persistent: bool = False) -> Rule:
    """The rule that `style/<name>` stands for; any other rule as it is.

    Raises ServiceError -105 (download) or -60967 (persistent processing) for an unknown name.
    """
    if rule.style is None:
        return rule
    return parse(_find(_load(cloud, bucket), rule.style, -60967 if persistent else -105))


def read_address(cloud: Cloud, request: Request) -> Request:
    """A download of `<key><separator><style>` as one of `<key>?style/<style>`.

    An object of the whole name goes first, so that a style never hides one; of two styles that
    fit, the longer name counts. Done before the request is authorised: what counts is the
    original's ACL.
    """
    if request.service != "cos" or request.method != "GET" or not request.key:
        return request
    fitting = [
        name
        for name in _load(cloud, request.bucket)
        if request.key.endswith(name) and request.key[: -len(name)].endswith(tuple(SEPARATORS))
    ]
    if not fitting or _exists(cloud, request.bucket, request.key):
        return request
    for name in sorted(fitting, key=len, reverse=True):
        key = request.key[: -len(name) - 1]
        if key and _exists(cloud, request.bucket, key):
            query = (*request.query, Param(f"{STYLE}/{name}", ""))
            return replace(request, key=key, query=query)
    return request


def _exists(cloud: Cloud, bucket: str, key: str) -> bool:
    try:
        cloud.storage.head(bucket, key)
    except ServiceError:
        return False
    return True


def _find(styles: dict[str, str], name: str, number: int) -> str:
    if name not in styles:
        known = ", ".join(sorted(styles)[:10]) or "none"
        raise refusal(number, f"style {name[:200]!r} is none of the bucket's: allowed are {known}")
    return styles[name]


def _text(root: Element, field: str) -> str:
    text = (root.findtext(field) or "").strip()
    if not text:
        raise ServiceError("MalformedXML", f"{root.tag} needs a {field} that is not empty")
    return text


def _check_name(name: str) -> None:
    try:
        good = parse(f"style/{name}").style == name
    except RuleError:
        good = False
    if not good or any(sign in name for sign in "&?#="):
        allowed = "1 to 128 printable characters without / | & ? # ="
        raise refusal(-60998, f"StyleName is {name[:200]!r}: allowed are {allowed}")


def _check_body(body: str) -> None:
    try:
        rule = parse(body)
    except RuleError as error:
        raise from_rule(error, persistent=True, where="StyleBody") from None
    if rule.style is not None or rule.is_info:
        raise refusal(-60998, f"StyleBody is {body!r}: a rule that makes a picture is allowed")


def _load(cloud: Cloud, bucket: str) -> dict[str, str]:
    setting = cloud.storage.get_setting(bucket, _SETTING)
    styles: dict[str, str] = json.loads(setting) if setting else {}
    return styles


def _save(cloud: Cloud, bucket: str, styles: dict[str, str]) -> None:
    cloud.storage.set_setting(bucket, _SETTING, json.dumps(styles))

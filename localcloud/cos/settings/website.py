"""Static websites: the setting, and the host `<bucket>.cos-website.<region>.myqcloud.com`.

https://cloud.tencent.com/document/product/436/31930 and 32670. A website shows what everybody may
read, whoever asks; errors are pages, not XML.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from html import escape
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from localcloud.cloud import Cloud
from localcloud.cos import objects
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, maybe, one, some, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.identity.authorization import authorize
from localcloud.limits import MAX_KEY

MAX_RULES = 100
_PROTOCOL = word("http", "https")
_SWITCH = word("Enabled", "Disabled")


def _client_error(where: str, value: str) -> str:
    code = value.strip()
    if not (len(code) == 3 and code.isascii() and code.isdigit() and code.startswith("4")):
        raise ServiceError("InvalidArgument", f"{where} is {value[:20]!r}: 400 to 499 are allowed")
    return code


def _suffix(where: str, value: str) -> str:
    if not 0 < len(value) <= MAX_KEY or "/" in value:
        raise ServiceError(
            "InvalidArgument", f"{where} is {value[:100]!r}: a name such as index.html is expected"
        )
    return value


def _judge(_cloud: Cloud, _request: Request, root: Element) -> None:
    rules = root.find("RoutingRules")
    if rules is not None and not len(rules):
        root.remove(rules)
    for rule in root.iter("RoutingRule"):
        if len(rule.findall("Condition/*")) != 1:
            raise ServiceError(
                "MalformedXML",
                "Condition needs KeyPrefixEquals or HttpErrorCodeReturnedEquals, not both",
            )
        redirect = rule.find("Redirect")
        if redirect is not None and redirect.find("URLRedirect") is None:
            SubElement(redirect, "URLRedirect").text = "Enabled"


SETTING = stored.Setting(
    "website",
    "WebsiteConfiguration",
    {
        "IndexDocument": one({"Suffix": one(_suffix)}),
        "RedirectAllRequestsTo": maybe({"Protocol": one(_PROTOCOL)}),
        "AutoAddressing": maybe({"Status": one(_SWITCH)}),
        "ErrorDocument": maybe(
            {"Key": one(text(MAX_KEY, 1)), "OriginalHttpStatus": maybe(_SWITCH)}
        ),
        "RoutingRules": maybe(
            {
                "RoutingRule": some(
                    {
                        "Condition": one(
                            {
                                "KeyPrefixEquals": maybe(text(MAX_KEY)),
                                "HttpErrorCodeReturnedEquals": maybe(_client_error),
                            }
                        ),
                        "Redirect": one(
                            {
                                "Protocol": maybe(_PROTOCOL),
                                "ReplaceKeyWith": maybe(text(MAX_KEY)),
                                "ReplaceKeyPrefixWith": maybe(text(MAX_KEY)),
                                "URLRedirect": maybe(_SWITCH),
                            }
                        ),
                    },
                    MAX_RULES,
                    least=0,
                )
            }
        ),
    },
    missing="NoSuchWebsiteConfiguration",
    judge=_judge,
)


async def serve(cloud: Cloud, request: Request) -> Response:
    """GET or HEAD of the website; every error is a page."""
    try:
        if request.method not in ("GET", "HEAD"):
            raise ServiceError("MethodNotAllowed", f"{request.method[:20]}: a website is only read")
        region = cloud.storage.bucket(request.bucket).region
        if request.region != region:
            raise ServiceError("NoSuchBucket", f"the bucket is in {region}, not {request.region}")
        root = stored.find(cloud, request.bucket, SETTING.name)
        if root is None:
            raise ServiceError(SETTING.missing, "the bucket is no website")
        return await _respond(cloud, request, root)
    except ServiceError as error:
        return page(error, request)


async def _respond(cloud: Cloud, request: Request, root: Element) -> Response:
    protocol = content(root, "RedirectAllRequestsTo/Protocol")
    if protocol == "https" and not request.secure:
        query = "&".join(f"{quote(p.name)}={quote(p.value)}" for p in request.query)
        target = _address(request, protocol, request.key) + (f"?{query}" if query else "")
        return Response(301, {"Location": target})
    for rule in root.iter("RoutingRule"):
        prefix = rule.findtext("Condition/KeyPrefixEquals")
        if prefix is not None and request.key.startswith(prefix):
            return await _redirect(cloud, request, root, rule, prefix)
    try:
        return await _show(cloud, request, root, request.key)
    except ServiceError as error:
        for rule in root.iter("RoutingRule"):
            if rule.findtext("Condition/HttpErrorCodeReturnedEquals") == str(error.status):
                return await _redirect(cloud, request, root, rule, "")
        return await _error_document(cloud, request, root, error)


async def _show(cloud: Cloud, request: Request, root: Element, key: str) -> Response:
    """The object of an address: itself, the index of a folder, or itself with `.html`."""
    suffix = content(root, "IndexDocument/Suffix")
    if not key or key.endswith("/"):
        return await _read(cloud, request, key + suffix)
    try:
        return await _read(cloud, request, key)
    except ServiceError as error:
        if error.code != "NoSuchKey":
            raise
        if content(root, "AutoAddressing/Status") == "Enabled":
            with contextlib.suppress(ServiceError):
                return await _read(cloud, request, f"{key}.html")
        with contextlib.suppress(ServiceError):
            cloud.storage.head(request.bucket, f"{key}/{suffix}")
            return Response(302, {"Location": _address(request, "", f"{key}/")})
        raise


async def _read(cloud: Cloud, request: Request, key: str) -> Response:
    """What a stranger gets for the object, ranges and conditions included."""
    plain = replace(request, service="cos", key=key, query=(), secret_id=None, caller=None)
    authorize(cloud, plain, ("cos", "GET", "object", ""))
    if request.method == "HEAD":
        return await objects.head_object(cloud, plain)
    return await objects.get_object(cloud, plain)


async def _redirect(
    cloud: Cloud, request: Request, root: Element, rule: Element, prefix: str
) -> Response:
    key = rule.findtext("Redirect/ReplaceKeyWith")
    if key is None:
        instead = rule.findtext("Redirect/ReplaceKeyPrefixWith")
        key = request.key if instead is None else instead + request.key[len(prefix) :]
    if content(rule, "Redirect/URLRedirect") == "Disabled":
        return await _show(cloud, request, root, key)
    target = _address(request, content(rule, "Redirect/Protocol"), key)
    return Response(302, {"Location": target})


async def _error_document(
    cloud: Cloud, request: Request, root: Element, error: ServiceError
) -> Response:
    key = content(root, "ErrorDocument/Key")
    if not key or not 400 <= error.status < 500 or error.status == 416:
        raise error
    try:
        answer = await _read(cloud, _unconditional(request), key)
    except ServiceError:
        raise error from None
    if content(root, "ErrorDocument/OriginalHttpStatus", "Enabled") == "Enabled":
        answer.status = error.status
    return answer


def _unconditional(request: Request) -> Request:
    """The request without what asks for a part, or for nothing if unchanged."""
    unwanted = ("range", "if-")
    kept = {
        name: value
        for name, value in request.headers.items()
        if not name.lower().startswith(unwanted)
    }
    return replace(request, headers=kept)


def _address(request: Request, protocol: str, key: str) -> str:
    protocol = protocol or ("https" if request.secure else "http")
    return f"{protocol}://{request.host}/{quote(key, safe='/-_.~')}"


def page(error: ServiceError, request: Request) -> Response:
    """What a browser shows of an error."""
    title = f"{error.status} {escape(error.code)}"
    lines = {"Code": error.code, "Message": error.message, "RequestId": request.request_id}
    items = "".join(f"<li>{name}: {escape(text_)}</li>\n" for name, text_ in lines.items())
    body = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n"
        f"<ul>\n{items}</ul>\n</body>\n</html>\n"
    )
    headers = {"Content-Type": "text/html; charset=utf-8", **error.headers}
    return Response(error.status, headers, body.encode("utf-8", "replace"))

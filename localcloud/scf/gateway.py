"""HTTP in, function's event; function's answer, HTTP out. Which function: see `routes`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from localcloud.addressing import FUNCTIONS
from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.scf.invocation import MAX_SYNC_EVENT, Invocation
from localcloud.scf.routes import GATEWAY, Route

if TYPE_CHECKING:
    from localcloud.scf.host import FunctionHost

_JSON = "application/json"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]{0,8192}")
# The connection's own, which a function has no say in.
_HOP = frozenset(("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"))


class _BadAnswerError(Exception):
    """What the function returned cannot be an HTTP answer; the message says why."""


async def answer(cloud: Cloud, request: Request) -> Response:
    """The function's answer to a request on one of its addresses; never raises for what it did."""
    host = cloud.functions
    found = _find(host, request) if host else None
    if host is None or found is None:
        return _problem(404, "no function has this address, or none for this method and path")
    route, path, params = found
    try:
        body = await request.read(MAX_SYNC_EVENT)
    except ServiceError as error:
        if error.code != "XMLSizeLimit":
            raise
        return _problem(413, f"the body has more than {MAX_SYNC_EVENT} bytes")
    event = _event(request, route, path, params, body)
    function = host.project.functions[route.function]
    try:
        # The function ends by its own limit, whether or not somebody still waits for it.
        running = host.begin(function, event)
        invocation = await asyncio.wait_for(asyncio.shield(running), route.seconds)
    except TimeoutError:
        return _problem(504, f"the function took longer than {route.seconds:g} seconds")
    except OSError as error:
        return _problem(500, f"the function's process could not be started: {error}")
    try:
        response = _response(route, invocation)
    except _BadAnswerError as error:
        response = _problem(502, f"Invalid scf response format: {error}")
    response.headers["X-Scf-Request-Id"] = invocation.request_id
    response.headers["X-Scf-Status"] = str(invocation.status)
    return response


def _find(host: FunctionHost, request: Request) -> tuple[Route, str, dict[str, str]] | None:
    """The route, the path that its function sees, and the path's parameters."""
    label = request.host.partition(".")[0].lower()
    path, function = request.raw_path, ""
    if path.startswith(f"/{FUNCTIONS}/"):
        _, _, function, *rest = path.split("/", 3)
        path = "/" + "".join(rest)
    for route in sorted(host.project.routes, key=lambda route: route.weight):
        own = path
        if function:
            if route.function != function:
                continue
        elif route.host != label:
            continue
        elif route.stage:
            stage, _, rest = path[1:].partition("/")
            if stage != route.stage:
                continue
            own = "/" + rest
        if (params := route.match(request.method, own)) is not None:
            return route, own, params
    return None


def _event(
    request: Request, route: Route, path: str, params: dict[str, str], body: bytes
) -> dict[str, Any]:
    query = {param.name: param.value for param in request.query}
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.raw_headers:
        name, value = raw_name.lower(), raw_value.decode("utf-8", "replace")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    event: dict[str, Any] = {
        "body": "",
        "headers": headers,
        "httpMethod": request.method,
        "path": path,
        "queryString": query,
    }
    if route.kind == GATEWAY:
        event |= {
            "headerParameters": {},
            "pathParameters": params,
            "queryStringParameters": {},
            "stageVariables": {"stage": route.stage},
            "isBase64Encoded": False,
            "requestContext": {
                "serviceId": route.host.rpartition("-")[0],
                "path": route.path,
                "httpMethod": route.method,
                "requestId": uuid.uuid4().hex,
                "identity": {},
                "sourceIp": request.remote,
                "stage": route.stage,
            },
        }
    try:
        event["body"] = body.decode()
    except UnicodeDecodeError:
        event["body"] = base64.b64encode(body).decode()
        event["isBase64Encoded"] = True
    return event


def _response(route: Route, invocation: Invocation) -> Response:
    if invocation.error is not None:
        status = 200 if route.kind == GATEWAY else invocation.status
        return Response(status, {"Content-Type": _JSON}, _json(invocation.error))
    returned = invocation.result
    if not isinstance(returned, dict) or "statusCode" not in returned:
        if route.kind == GATEWAY:
            raise _BadAnswerError("an object with statusCode, headers and body is expected")
        return Response(200, {"Content-Type": _JSON}, _json(returned))
    status = returned["statusCode"]
    if type(status) is not int or not 200 <= status <= 599:
        raise _BadAnswerError(f"statusCode is {str(status)[:40]!r}: 200 to 599 is expected")
    return Response(status, _headers(returned.get("headers") or {}), _body(returned))


def _headers(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise _BadAnswerError("headers must be an object")
    headers = {}
    for name, value in given.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if not _TOKEN.fullmatch(name) or not _TEXT.fullmatch(text):
            raise _BadAnswerError(f"the header {name[:40]!r} cannot be sent")
        if name.lower() not in _HOP:
            headers[name] = text
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = _JSON
    return headers


def _body(returned: dict[str, Any]) -> bytes:
    body = returned.get("body", "")
    if not isinstance(body, str):
        return _json(body)
    if returned.get("isBase64Encoded") is not True:
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise _BadAnswerError("body is no Base64, as isBase64Encoded says") from None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _problem(status: int, message: str) -> Response:
    body = _json({"errno": status, "error": message})
    return Response(status, {"Content-Type": _JSON}, body)

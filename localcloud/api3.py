"""The front of Tencent Cloud API 3.0 (`<product>.tencentcloudapi.com`): one table of actions.

Answers are JSON with status 200, errors too. A product is added by a row of `PRODUCTS`.
https://cloud.tencent.com/document/api/1312/48205
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.identity import sts, tc3
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.limits import MAX_API_BODY

Handler = Callable[[Cloud, Caller, dict[str, Any]], Awaitable[dict[str, Any]]]
_log = logging.getLogger("localcloud")
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_COMMON = frozenset(
    ("Action", "Version", "Region", "Timestamp", "Nonce", "SecretId", "Signature",
     "SignatureMethod", "Token", "Language", "RequestClient")
)  # fmt: skip
MAX_DEPTH = 8  # of names such as Filters.0.Values.1


@dataclass(frozen=True)
class Product:
    """A service: the version of its API, and how to get its table of actions.

    The actions of a `regional` one find the common parameter `Region` among their own.
    """

    version: str
    load: Callable[[], dict[str, Handler]]
    regional: bool = False


def _scf_actions() -> dict[str, Handler]:
    from localcloud.scf.api import ACTIONS  # not for a cloud that nobody asks

    return ACTIONS


def _moderation(product: str) -> Callable[[], dict[str, Handler]]:
    def load() -> dict[str, Handler]:
        from localcloud import moderation

        return moderation.ACTIONS[product]

    return load


PRODUCTS: dict[str, Product] = {
    "ims": Product("2020-12-29", _moderation("ims"), regional=True),
    "sts": Product("2018-08-13", lambda: sts.ACTIONS),
    "scf": Product("2018-04-16", _scf_actions, regional=True),
    "tms": Product("2020-12-29", _moderation("tms"), regional=True),
}


async def answer(cloud: Cloud, request: Request) -> Response:
    """The answer to a request on an API host; it never raises for what a client did."""
    request_id = str(uuid.uuid4())
    try:
        result = await _answer(cloud, request)
    except ApiError as error:
        result = {"Error": {"Code": error.code, "Message": error.message}}
    except ServiceError as error:
        result = {"Error": {"Code": "InvalidParameter", "Message": error.message}}
    except ConnectionError:
        raise
    # A fault of this program: logged whole, told to the client in a sentence.
    except Exception:  # noqa: BLE001
        _log.exception("the local cloud failed at %s %r", request.method, request.host)
        message = "the local cloud failed; its log says where"
        result = {"Error": {"Code": "InternalError", "Message": message}}
    body = json.dumps({"Response": {**result, "RequestId": request_id}}, ensure_ascii=False)
    return Response(200, {"Content-Type": _JSON}, body.encode("utf-8", "replace"))


async def _answer(cloud: Cloud, request: Request) -> dict[str, Any]:
    name = request.host.partition(".")[0].lower()
    product = PRODUCTS.get(name)
    if product is None:
        raise ApiError(
            "NoSuchProduct", f"{name} is not played by the local cloud: {', '.join(PRODUCTS)}"
        )
    if request.method not in ("GET", "POST"):
        raise ApiError("UnsupportedProtocol", f"{request.method[:20]}: GET or POST is expected")
    try:
        body = await request.read(MAX_API_BODY)
    except ServiceError as error:
        raise ApiError("RequestSizeLimitExceeded", error.message) from None
    fields = _fields(request, body)
    caller = tc3.authenticate(
        request, body, fields, product=name, store=cloud.credentials, now=time.time()
    )
    version = request.headers.get("X-TC-Version") or fields.get("Version", "")
    action = request.headers.get("X-TC-Action") or fields.get("Action", "")
    for field, value in (("Action", action), ("Version", version)):
        if not value:
            raise ApiError("MissingParameter", f"The request is missing {field}.")
    if version != product.version:
        raise ApiError("NoSuchVersion", f"{version[:40]}: {name} has {product.version}")
    actions = product.load()
    handler = actions.get(action)
    if handler is None:
        known = ", ".join(sorted(actions))
        raise ApiError(
            "InvalidAction", f"The action {action[:60]!r} is not played: {name} has {known}"
        )
    params = _params(request, body, fields)
    if product.regional:
        params["Region"] = request.headers.get("X-TC-Region") or fields.get("Region", "")
    return await handler(cloud, caller, params)


def _fields(request: Request, body: bytes) -> dict[str, str]:
    """What came as `name=value`, in the query of a GET or the form of a POST."""
    if request.method == "GET":
        return {param.name: param.value for param in request.query}
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _FORM:
        return {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise ApiError("InvalidParameter", "the form cannot be read") from None
    return dict(pairs)


def _params(request: Request, body: bytes, fields: dict[str, str]) -> dict[str, Any]:
    """The action's own parameters, nested as in JSON."""
    if fields or request.method == "GET":
        return _nested({name: text for name, text in fields.items() if name not in _COMMON})
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ApiError("InvalidParameter", "the body must be a JSON object")
    return document


def _nested(fields: dict[str, str]) -> dict[str, Any]:
    """`{"Tags.0.Key": "a"}` as `{"Tags": [{"Key": "a"}]}`."""
    root: dict[str, Any] = {}
    for name, text in fields.items():
        *parents, last = name.split(".")
        if len(parents) >= MAX_DEPTH:
            raise ApiError("InvalidParameter", f"{name[:80]} is nested too deeply")
        place = root
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ApiError("InvalidParameter", f"{name[:80]} contradicts another parameter")
        place[last] = text
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(entry) for name, entry in value.items()}
    if all(name.isascii() and name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=lambda text: (len(text), text))]
    return inner

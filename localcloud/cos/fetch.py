"""Asynchronous fetch (`<region>.migration.myqcloud.com`): an address becomes an object.

The local cloud opens no network: only addresses of its own objects are fetched, at once; others are
refused. This API speaks JSON, errors included.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any

from localcloud.cloud import Cloud
from localcloud.cos import addresses, objects, sse
from localcloud.cos.upload import Checksums
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.limits import KIB

MAX_TASKS = 200  # kept per bucket, the oldest go first
_MAX_BODY = 64 * KIB
_STORED = "cos:fetch"
_JSON = "application/json"


async def submit(cloud: Cloud, request: Request) -> Response:
    """POST /<bucket>/ with `Url` and `Key`; the answer names the task."""
    wanted = _wanted(await request.read(_MAX_BODY))
    url, key = wanted["Url"], wanted["Key"]
    source = addresses.source(url)
    task: dict[str, Any] = {
        "taskid": uuid.uuid4().hex,
        "state": "TASK_DONE",
        "code": "",
        "message": "",
        "detail": {"bucket": request.bucket, "region": request.region, "key": key, "url": url},
    }
    try:
        await _fetch(cloud, request, source, key, wanted.get("MD5", ""))
    except ServiceError as error:
        task |= {"state": "TASK_FAILED", "code": error.code, "message": error.message}
    tasks = _tasks(cloud, request.bucket)[-(MAX_TASKS - 1) :]
    cloud.storage.set_setting(request.bucket, _STORED, json.dumps([*tasks, task]))
    return _answer(request, {"taskid": task["taskid"]})


async def status(cloud: Cloud, request: Request) -> Response:
    """GET /<bucket>/<taskid>: how the task ended."""
    for task in _tasks(cloud, request.bucket):
        if task["taskid"] == request.key:
            return _answer(request, task)
    raise ServiceError("NoSuchTask", f"there is no task {request.key[:100]!r}")


def refusal(error: ServiceError, request_id: str) -> Response:
    """An error as this API words it."""
    body = {"code": error.status, "message": f"{error.code}: {error.message}"}
    return _json({**body, "request_id": request_id}, error.status)


def _wanted(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceError("InvalidArgument", "the body is no JSON object with Url and Key")
    for name in ("Url", "Key"):
        if not isinstance(found.get(name), str) or not found[name]:
            raise ServiceError("InvalidArgument", f"{name} is missing: a text is expected")
    if not isinstance(found.get("MD5", ""), str):
        raise ServiceError("InvalidArgument", "MD5 is no text: the base64 of 16 bytes is expected")
    objects.check_key(found["Key"])
    return found


async def _fetch(cloud: Cloud, request: Request, source: Request, key: str, md5: str) -> None:
    found = addresses.find(cloud, source)
    cloud.storage.fetch(found)
    await objects.store(
        cloud,
        request,
        request.bucket,
        key,
        sse.read(found, 0, found.size, None),
        content_type=found.content_type,
        expected=Checksums.of({"Content-MD5": _base64(md5)}),
    )


def _base64(md5: str) -> str:
    """The MD5 as `store` takes it; this API's documents give it in hex or in base64."""
    try:
        return base64.b64encode(binascii.unhexlify(md5)).decode()
    except ValueError:
        return md5


def _tasks(cloud: Cloud, bucket: str) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = json.loads(cloud.storage.get_setting(bucket, _STORED) or "[]")
    return tasks


def _answer(request: Request, data: dict[str, Any]) -> Response:
    answer = {"code": 0, "message": "SUCCESS", "request_id": request.request_id, "data": data}
    return _json(answer, 200)


def _json(document: dict[str, Any], status_code: int) -> Response:
    return Response(status_code, {"Content-Type": _JSON}, json.dumps(document).encode())

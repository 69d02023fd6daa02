"""Telling a result to the address in `Callback`: the bodies, and posting them.

The local cloud opens no network: it posts to its own functions and to loopback alone, and follows
no redirection. Bodies:
vendor's pages 436/48540, 1045/48256, 436/48280; a virus scan's is formed like the others.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import Any
from urllib.parse import urlsplit

from localcloud.ci import own_functions
from localcloud.ci.audit import answers, tree
from localcloud.ci.audit.kinds import AUDIO, DOCUMENT, IMAGE, VIRUS, WEBPAGE
from localcloud.ci.audit.store import FAILED, Job
from localcloud.cloud import Cloud

_log = logging.getLogger("localcloud")
_PAUSES = (0.2, 1.0, 5.0)  # seconds before each further try; the service's are not documented
_SECONDS = 5.0  # that one try may take
_VERSION = "X-Ci-Content-Version"
_ONE_FORM = (DOCUMENT, WEBPAGE, VIRUS)
_OTHER_FAULT = -1  # the Simple form wants a number where a job failed by a named error
_SCENE_NAMES = {"Terrorism": "terrorist"}
# Where the pieces of each kind stand, for CallbackType 2.
_PIECES = (
    ("Section",), ("Snapshot",), ("AudioSection",), ("PageSegment", "Results"),
    ("ImageResults", "Results"), ("TextResults", "Results"),
)  # fmt: skip


async def deliver(cloud: Cloud, job: Job) -> bool:
    """Post the job's result, up to four times; whether it was taken."""
    target = own_functions.address(cloud, job.conf.callback) or _target(job.conf.callback)
    if target is None:
        _log.warning(
            "%s: the callback to %s is not sent: only loopback addresses are called",
            job.id,
            urlsplit(job.conf.callback).hostname,
        )
        return False
    headers, content = body(job)
    for pause in (*_PAUSES, None):
        said = await _post(target, headers, content)
        if said is None:
            return True
        if pause is not None:
            await asyncio.sleep(pause)
    _log.warning("%s: the callback was not taken: %s", job.id, said)
    return False


def body(job: Job) -> tuple[dict[str, str], bytes]:
    """Headers and body, in the version and format that the job asks for."""
    simple = job.conf.callback_version == "Simple" and job.kind not in _ONE_FORM
    document = _simple(job) if simple else _detail(job)
    headers = {} if job.kind in _ONE_FORM else {_VERSION: "Simple" if simple else "Detail"}
    if job.conf.callback_format == "XML":
        return headers | {"Content-Type": "application/xml"}, tree.to_xml(
            "Response", document
        ).encode()
    return headers | {"Content-Type": "application/json"}, tree.to_json(document).encode()


def _simple(job: Job) -> dict[str, Any]:
    failed = job.state == FAILED
    code = job.code if job.code.lstrip("-").isdigit() else str(_OTHER_FAULT)
    return {
        "code": int(code) if failed else 0,
        "message": job.message if failed else "success",
        "data": {
            "trace_id": job.id,
            "url": job.wanted.url or _address(job),
            "event": job.kind.event,
            "result": job.detail.get("Result"),
            "forbidden_status": job.forbid,
            "cos_headers": job.headers or None,
            "data_id": job.wanted.data_id or None,
            **{
                _scene_name(name): _scene(job, info)
                for name, info in job.detail.items()
                if name.endswith("Info")
            },
        },
    }


def _scene_name(name: str) -> str:
    scene = name.removesuffix("Info")
    return f"{_SCENE_NAMES.get(scene, scene).lower()}_info"


def _scene(job: Job, info: dict[str, Any]) -> dict[str, Any]:
    scored = job.kind in (IMAGE, AUDIO)
    measure = {"score": info.get("Score")} if scored else {"count": info.get("Count")}
    return {"hit_flag": info["HitFlag"], "label": info.get("Label", ""), **measure}


def _detail(job: Job) -> dict[str, Any]:
    details = answers.detail(job)
    if job.conf.callback_type == 2:
        details = _violating(details)
    return {
        "EventName": job.kind.event,
        "JobsDetail": {
            **details,
            "BucketId": job.bucket,
            "Region": job.region,
            "ForbidState": job.forbid,
            "CosHeaders": job.headers or None,
        },
    }


def _violating(details: dict[str, Any]) -> dict[str, Any]:
    """Without the pieces that are normal."""
    kept = dict(details)
    for path in _PIECES:
        holder = kept
        if len(path) > 1:
            if path[0] not in kept:
                continue
            holder = kept[path[0]] = dict(kept[path[0]])
        if pieces := holder.get(path[-1]):
            holder[path[-1]] = [
                piece for piece in pieces if piece.get("Result") or piece.get("Suggestion")
            ]
    return kept


def _address(job: Job) -> str | None:
    from localcloud.cos.objects import location

    if not job.wanted.object:
        return None
    return f"http://{location(job.bucket, job.region, job.wanted.object)}"


def _target(url: str) -> str | None:
    """The address to post to, its host as a number; None for one that is not on loopback."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        port = f":{parts.port}" if parts.port else ""
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not address.is_loopback:
        return None
    name = f"[{address}]" if address.version == 6 else str(address)
    return parts._replace(netloc=f"{name}{port}", fragment="").geturl()


async def _post(url: str, headers: dict[str, str], content: bytes) -> str | None:
    """What went wrong, None for an answer of 2xx."""
    from aiohttp import ClientError, ClientSession, ClientTimeout

    try:
        async with (
            ClientSession(timeout=ClientTimeout(_SECONDS), trust_env=False) as session,
            session.post(url, data=content, headers=headers, allow_redirects=False) as answer,
        ):
            return None if 200 <= answer.status < 300 else f"status {answer.status}"
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        return type(error).__name__

"""The queues of a bucket's jobs: `/queue` for media, `/picqueue` for pictures.

CI manual 004:8902 and 004:15981. Every bucket has one queue of each kind from the start; queues are
changed, not made: the manual has no call for that.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from localcloud.ci import job_errors
from localcloud.ci.job_errors import refusal, require_bound, time_text
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings.shape import Shape, content, maybe, one, text, word
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_QUEUE

MAX_CONCURRENT = 10  # what the manual's samples tell; the machine's cores are the real limit
_MAX_PAGE = 100
_STATES = ("Active", "Paused")
_EVENTS = ("TaskFinish", "WorkflowFinish")
_NEEDED = {"Url": ("Url",), "TDMQ": ("MqMode", "MqRegion", "MqName")}
_NOTIFY: Shape = {
    "State": maybe(word("On", "Off")),
    "Url": maybe(text(2048)),
    "Type": maybe(word("Url", "TDMQ")),
    "Event": maybe(text(64)),
    "ResultFormat": maybe(word("XML", "JSON")),
    "MqMode": maybe(text(16)),
    "MqRegion": maybe(text(16)),
    "MqName": maybe(text(128)),
}
_SHAPE: Shape = {
    "Name": one(text(128, 1)),
    "State": one(word(*_STATES)),
    "NotifyConfig": one(_NOTIFY),
}


@dataclass(frozen=True)
class Kind:
    """A kind of queue: the category and name that the manual's samples show."""

    path: str
    category: str
    name: str


MEDIA = Kind("queue", "Transcoding", "queue-1")
PICTURES = Kind("picqueue", "PicProcessing", "queue-pic-process-1")


@dataclass(frozen=True)
class Queue:
    """One queue. `notify` holds what NotifyConfig says, by element; times in Unix seconds."""

    id: str
    name: str
    state: str
    notify: dict[str, str]
    created: float
    updated: float

    @property
    def paused(self) -> bool:
        return self.state == "Paused"

    @property
    def url(self) -> str:
        """Where the end of jobs is told, empty for nowhere."""
        on = self.notify.get("State") == "On" and self.notify.get("Type") == "Url"
        told = "TaskFinish" in self.notify.get("Event", "").split(",")
        return self.notify.get("Url", "") if on and told else ""

    @property
    def format(self) -> str:
        """XML or JSON."""
        return self.notify.get("ResultFormat", "XML")


def of(cloud: Cloud, bucket: str, kind: Kind) -> Queue:
    """The bucket's queue of a kind."""
    stored = cloud.storage.get_setting(bucket, f"ci-{kind.path}")
    if stored is not None:
        return Queue(**json.loads(stored))
    created = cloud.storage.bucket(bucket).created
    digest = hashlib.md5(f"{kind.path} {bucket}".encode(), usedforsecurity=False).hexdigest()
    return Queue(f"p{digest}", kind.name, "Active", {"State": "Off"}, created, created)


def find(cloud: Cloud, bucket: str, kind: Kind, queue_id: str) -> Queue:
    """The queue of an id; the bucket's own for an empty one, which the service's newer manual
    allows. Raises `ServiceError` QueueNotFound."""
    queue = of(cloud, bucket, kind)
    if queue_id not in ("", queue.id):
        raise refusal(
            "QueueNotFound", f"QueueId is {queue_id[:100]!r}: GET /{kind.path} shows {queue.id}"
        )
    return queue


def check_url(where: str, url: str) -> None:
    """Raises `ServiceError` InvalidArgument for what is no http or https address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise refusal(
            "InvalidArgument", f"{where} is {url[:200]!r}: http://host/... or https://host/..."
        )


async def list_media(cloud: Cloud, request: Request) -> Response:
    """GET /queue."""
    return _list(cloud, request, MEDIA)


async def list_pictures(cloud: Cloud, request: Request) -> Response:
    """GET /picqueue."""
    return _list(cloud, request, PICTURES)


async def update_media(cloud: Cloud, request: Request) -> Response:
    """PUT /queue/<queueId>."""
    return await _update(cloud, request, MEDIA)


async def update_pictures(cloud: Cloud, request: Request) -> Response:
    """PUT /picqueue/<queueId>: Paused holds its jobs that have not begun."""
    return await _update(cloud, request, PICTURES)


def _list(cloud: Cloud, request: Request, kind: Kind) -> Response:
    require_bound(cloud, request.bucket)
    queue = of(cloud, request.bucket, kind)
    state = request.get("state")
    if state not in ("", "All", *_STATES):
        raise refusal("InvalidArgument", f"state is {state[:50]!r}: All, Active or Paused")
    page = request.number("pageNumber", 1, 1, 10**6)
    size = request.number("pageSize", 10, 1, _MAX_PAGE)
    ids = [each for each in request.get("queueIds").split(",") if each]
    found = [queue] if state in ("", "All", queue.state) and (not ids or queue.id in ids) else []
    parts: list[object] = [xml.element("RequestId", request.request_id)]
    if not ids:
        parts += [
            xml.element("TotalCount", len(found)),
            xml.element("PageNumber", page),
            xml.element("PageSize", size),
        ]
    shown = found if page == 1 or ids else []
    parts += [xml.element("QueueList", *_parts(each, kind)) for each in shown]
    parts += [xml.element("NonExistPIDs", each) for each in ids if each != queue.id]
    return xml_response(xml.document("Response", parts))


async def _update(cloud: Cloud, request: Request, kind: Kind) -> Response:
    require_bound(cloud, request.bucket)
    before = find(cloud, request.bucket, kind, request.key.rpartition("/")[2])
    root = await job_errors.read(request, _SHAPE)
    notify = root.find("NotifyConfig")
    queue = replace(
        before,
        name=content(root, "Name"),
        state=content(root, "State"),
        notify=_notify(notify if notify is not None else Element("NotifyConfig")),
        updated=time.time(),
    )
    cloud.storage.set_setting(request.bucket, f"ci-{kind.path}", json.dumps(asdict(queue)))
    if queue.paused != before.paused:
        cloud.jobs.pause(request.bucket, queue.id, paused=queue.paused)
    parts = [xml.element("RequestId", request.request_id)]
    return xml_response(
        xml.document("Response", [*parts, xml.element("Queue", *_parts(queue, kind))])
    )


def _notify(node: Element) -> dict[str, str]:
    """What NotifyConfig says. Raises `ServiceError` InvalidArgument for what is missing."""
    found = {each.tag: each.text for each in node if each.text and each.tag in _NOTIFY}
    found.setdefault("State", "Off")
    if found["State"] == "On":
        needed = ("Type", "Event", *_NEEDED.get(found.get("Type", ""), ()))
        if missing := [name for name in needed if not found.get(name)]:
            raise refusal("InvalidArgument", f"NotifyConfig is On and has no {missing[0]}")
        events = found["Event"].split(",")
        if not set(events) <= set(_EVENTS):
            raise refusal(
                "InvalidArgument",
                f"NotifyConfig/Event is {found['Event']!r}: allowed are {', '.join(_EVENTS)}",
            )
        found.setdefault("ResultFormat", "XML")
    if found.get("Url"):
        check_url("NotifyConfig/Url", found["Url"])
    return found


def _parts(queue: Queue, kind: Kind) -> list[str]:
    notify = [xml.element(name, value) for name, value in queue.notify.items()]
    return [
        xml.element("QueueId", queue.id),
        xml.element("Name", queue.name),
        xml.element("State", queue.state),
        xml.element("NotifyConfig", *notify),
        xml.element("MaxSize", MAX_QUEUE),
        xml.element("MaxConcurrent", MAX_CONCURRENT),
        xml.element("UpdateTime", time_text(queue.updated)),
        xml.element("CreateTime", time_text(queue.created)),
        xml.element("Category", kind.category),
    ]

"""Batch jobs: `/inventorytriggerjob` on the ci host (CI manual 004:91709, 004:93282-93900)."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, replace
from xml.etree.ElementTree import Element, tostring

from localcloud.ci import job_errors, queues
from localcloud.ci.batch import listing, names, order, pictures, scan
from localcloud.ci.batch.pic_jobs import find
from localcloud.ci.batch.table import BATCH, OPEN, Job, new_id
from localcloud.ci.job_errors import parse_time, refusal, require_bound, time_text
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings.shape import Shape, content, maybe, one, text
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.identity.authorization import require
from localcloud.limits import MAX_KEY

PLAYED = (pictures.TAG,)
# Two are printed in another spelling as well (004:91974); ImageInspect is of the newer manual.
_NOT_PLAYED = (
    "Animation", "Animatin", "Concat", "DigitalWatermark", "ExtractDigitalWatermark",
    "ImageInspect", "MediaInfo", "NoiseReduction", "QualityEstimate", "SDRtoHDR", "Segment",
    "SmartCover", "Snapshot", "SpeechRecognition", "StreamExtract", "SuperResolution", "Transcode",
    "Tts", "VideoMontage", "VideoProcess", "VideoTag", "VoiceSeparate", "VoiceSpearte",
)  # fmt: skip
_INPUTS = ("Manifest", "UrlFile", "Prefix", "Object")
_NAME = re.compile(r"[0-9A-Za-z\u4e00-\u9fff\u2014_-]{1,128}")
_SHAPE: Shape = {
    "Name": one(text(128, 1)),
    "Type": maybe(text(64)),
    "Input": one({name: maybe(text(2048 if name != "Prefix" else MAX_KEY)) for name in _INPUTS}),
    "Operation": one({"WorkflowIds": maybe(text(1024)), "Tag": maybe(text(64))}),
}
_JOB: Shape = {
    "Operation": one(
        {
            "TimeInterval": maybe({"Start": maybe(text(64)), "End": maybe(text(64))}),
            "QueueId": maybe(text(64)),
            "JobParam": one(order.PARAMETERS),
            "Output": order.OUTPUT,
            **order.COMMON,
            **order.CALLBACK,
        }
    )
}


async def create(cloud: Cloud, request: Request) -> Response:
    """POST /inventorytriggerjob, of the type Job: a picture job for each object of the input."""
    require_bound(cloud, request.bucket)
    root = await job_errors.read(request, _SHAPE)
    name = content(root, "Name")
    if not _NAME.fullmatch(name):
        raise refusal(
            "InvalidArgument", f"Name is {name!r}: Chinese and Latin letters, digits, - and _"
        )
    tag = _tag(root)
    job_errors.check(root, _JOB)
    queue_id = content(root, "Operation/QueueId").strip()
    queue = queues.find(cloud, request.bucket, queues.PICTURES, queue_id)
    operation, parameters = root.find("Operation"), root.find("Operation/JobParam")
    assert operation is not None and parameters is not None  # noqa: S101, PT018 - as the shape says
    wanted = order.read(cloud, request, queue, operation, parameters=parameters)
    names.check("Output/Object", wanted.object)
    created = time.time()
    source = _source(cloud, request, root, created)
    job = Job(
        id=new_id(BATCH),
        kind=BATCH,
        bucket=request.bucket,
        tag=tag,
        queue=queue.id,
        state="Pause" if queue.paused else "Submitted",
        created=created,
        document=wanted.dump(source=asdict(source), told=_told(root)),
        level=int(content(operation, "JobLevel", "0")),
        name=name,
    )
    cloud.jobs.submit(job)
    return _answer(request, [_details(job)])


async def describe(cloud: Cloud, request: Request) -> Response:
    """GET /inventorytriggerjob/<jobId>."""
    require_bound(cloud, request.bucket)
    job_id = request.key.rpartition("/")[2]
    try:
        return _answer(request, [_details(find(cloud, request.bucket, BATCH, job_id))])
    except ServiceError:
        return _answer(request, [xml.element("NonExistJobIds", job_id)])


async def list_jobs(cloud: Cloud, request: Request) -> Response:
    """GET /inventorytriggerjob."""
    require_bound(cloud, request.bucket)
    kind = request.get("type")
    if kind not in ("", "Job", "Workflow"):
        raise refusal("InvalidArgument", f"type is {kind[:50]!r}: Job or Workflow")
    wanted = replace(
        listing.read(request, BATCH), id=request.get("jobId"), name=request.get("name")
    )
    # No workflow is played: there are batches of the type Job alone.
    none = kind == "Workflow" or bool(request.get("workflowId"))
    jobs, more = ([], []) if none else listing.page(cloud, request, wanted)
    return _answer(request, [*map(_details, jobs), *more])


async def cancel(cloud: Cloud, request: Request) -> Response:
    """PUT /inventorytriggerjob/<jobId>?cancel: no more of its jobs begin; those that run end."""
    require_bound(cloud, request.bucket)
    job = find(cloud, request.bucket, BATCH, request.key.rpartition("/")[2])
    if job.state not in (*OPEN, "Cancel"):
        raise refusal("InvalidArgument", f"the job is {job.state}: it has ended")
    if job.state != "Cancel":
        cloud.jobs.cancel(job)
    return Response()


def _tag(root: Element) -> str:
    """The kind of job that is wanted. Raises `ServiceError` for one that is not played."""
    kind, tag = content(root, "Type").strip(), content(root, "Operation/Tag").strip()
    if kind == "Workflow" or (not kind and content(root, "Operation/WorkflowIds")):
        raise ServiceError(
            "NotImplemented", "batches of the type Workflow are not played by the local cloud"
        )
    if kind != "Job":
        raise refusal("InvalidArgument", f"Type is {kind!r}: Job or Workflow is expected")
    if tag in _NOT_PLAYED:
        raise ServiceError(
            "NotImplemented",
            f"batches of {tag} are not played by the local cloud: {', '.join(PLAYED)} is",
        )
    if tag not in PLAYED:
        allowed = ", ".join((*PLAYED, *_NOT_PLAYED))
        raise refusal("InvalidArgument", f"Operation/Tag is {tag!r}: allowed are {allowed}")
    return tag


def _source(cloud: Cloud, request: Request, root: Element, now: float) -> scan.Source:
    """Where the objects are found. Whoever asks must be allowed to read what is named."""
    given = {name: content(root, f"Input/{name}") for name in _INPUTS}
    named = [name for name in _INPUTS if given[name]]
    if not named and root.find("Input/Prefix") is not None:
        named = ["Prefix"]  # an empty one: the whole bucket
    if len(named) != 1:
        raise refusal(
            "InvalidArgument",
            f"Input has {', '.join(named) or 'nothing'}: exactly one of {', '.join(_INPUTS)}",
        )
    what = named[0]
    bucket, value = request.bucket, given[what]
    if what in ("Manifest", "UrlFile"):
        bucket, value = scan.locate(value, bucket)
    require(cloud, request, "cos:GetObject", bucket, value)
    start, end = (content(root, f"Operation/TimeInterval/{name}") for name in ("Start", "End"))
    since = parse_time("TimeInterval/Start", start) if start else 0.0
    until = parse_time("TimeInterval/End", end) + 1 if end else now
    if since >= until:
        raise refusal("InvalidArgument", f"TimeInterval is empty: Start {start} is behind its End")
    # Nothing that comes after the job is meant, or its own results would feed it for ever.
    return scan.Source(what, bucket, value, since, min(until, now))


def _told(root: Element) -> str:
    """`Input` and `Operation` as they are told again."""
    parts = [part for name in ("Input", "Operation") if (part := root.find(name)) is not None]
    return "".join(tostring(part, encoding="unicode") for part in parts)


def _details(job: Job) -> str:
    return xml.element(
        "JobsDetail",
        xml.element("Code", job.code),
        xml.element("Type", "Job"),
        xml.element("Message", job.message),
        xml.element("Name", job.name),
        xml.element("JobId", job.id),
        xml.element("State", job.state),
        xml.element("CreationTime", time_text(job.created)),
        xml.element("StartTime", time_text(job.started)),
        xml.element("EndTime", time_text(job.ended)),
        xml.Markup(json.loads(job.document)["told"]),
    )


def _answer(request: Request, parts: list[str]) -> Response:
    named = xml.element("RequestId", request.request_id)
    return xml_response(xml.document("Response", [named, *parts]))

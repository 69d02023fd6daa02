"""Picture jobs, one by one: `/pic_jobs` (CI manual 004:68441, 004:69150, 004:69257, 004:69478)."""

from __future__ import annotations

import time
from dataclasses import replace

from localcloud.ci import job_errors, queues
from localcloud.ci.batch import callbacks, listing, order, pictures
from localcloud.ci.batch.table import PICTURE, Job, new_id
from localcloud.ci.job_errors import refusal, require_bound
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings.shape import Shape, content, maybe, one, text
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.identity.authorization import require
from localcloud.limits import MAX_KEY

_SHAPE: Shape = {
    "Tag": one(text(64, 1)),
    "Input": one({"Object": one(text(MAX_KEY, 1))}),
    "Operation": one({**order.PARAMETERS, **order.COMMON, "Output": order.OUTPUT}),
    "QueueId": maybe(text(64)),
    **order.CALLBACK,
}


async def create(cloud: Cloud, request: Request) -> Response:
    """POST /pic_jobs. The answer comes at once, the result later."""
    require_bound(cloud, request.bucket)
    root = await job_errors.read(request, _SHAPE)
    if (tag := content(root, "Tag")) != pictures.TAG:
        raise refusal("InvalidArgument", f"Tag is {tag!r}: {pictures.TAG} is allowed")
    queue = queues.find(cloud, request.bucket, queues.PICTURES, content(root, "QueueId").strip())
    operation, key = root.find("Operation"), content(root, "Input/Object")
    assert operation is not None  # noqa: S101 - the shape has one
    wanted = order.read(cloud, request, queue, operation, asked=root)
    if wanted.object.endswith("/"):
        raise refusal("InvalidArgument", f"Output/Object is {wanted.object!r}: it must name a file")
    require(cloud, request, "cos:GetObject", request.bucket, key)
    job = Job(
        id=new_id(PICTURE),
        kind=PICTURE,
        bucket=request.bucket,
        tag=tag,
        queue=queue.id,
        state="Pause" if queue.paused else "Submitted",
        created=time.time(),
        document=wanted.dump(),
        level=int(content(operation, "JobLevel", "0")),
        object=key,
        callbacks=callbacks.TRIES if wanted.url else 0,
    )
    cloud.jobs.submit(job)
    return _answer(request, [_details(cloud, job)])


async def describe(cloud: Cloud, request: Request) -> Response:
    """GET /pic_jobs/<jobId>; several ids stand with commas between them."""
    require_bound(cloud, request.bucket)
    ids = request.key.rpartition("/")[2].split(",")
    if len(ids) > 100:
        raise refusal("InvalidArgument", f"{len(ids)} jobs are named: at most 100 are allowed")
    parts = []
    for job_id in ids:
        try:
            parts.append(_details(cloud, find(cloud, request.bucket, PICTURE, job_id)))
        except ServiceError:
            parts.append(xml.element("NonExistJobIds", job_id))
    return _answer(request, parts)


async def list_jobs(cloud: Cloud, request: Request) -> Response:
    """GET /pic_jobs; those of a batch with `inventoryTriggerJobId`."""
    require_bound(cloud, request.bucket)
    tag = request.get("tag")
    if tag not in ("", pictures.TAG):
        raise refusal("InvalidArgument", f"tag is {tag[:50]!r}: {pictures.TAG} is allowed")
    queue = queues.find(cloud, request.bucket, queues.PICTURES, request.get("queueId"))
    wanted = replace(
        listing.read(request, PICTURE),
        queue=queue.id,
        parent=request.get("inventoryTriggerJobId"),
        object=request.get("inputObject"),
        exclusive=True,
    )
    # No workflow is played, so none has triggered anything.
    jobs, more = ([], []) if request.get("workflowId") else listing.page(cloud, request, wanted)
    return _answer(request, [*(_details(cloud, job) for job in jobs), *more])


async def cancel(cloud: Cloud, request: Request) -> Response:
    """PUT /jobs/<jobId>?cancel: only a job that has not begun (004:69156)."""
    require_bound(cloud, request.bucket)
    job = find(cloud, request.bucket, PICTURE, request.key.rpartition("/")[2])
    if job.state not in ("Submitted", "Pause", "Cancel"):
        raise refusal(
            "InvalidArgument", f"the job is {job.state}: only one that has not begun is cancelled"
        )
    if job.state != "Cancel":
        cloud.jobs.cancel(job)
    return Response()


def find(cloud: Cloud, bucket: str, kind: str, job_id: str) -> Job:
    """A bucket's job. Raises `ServiceError` ResourceNotFound."""
    job = cloud.jobs.table.find(job_id)
    if job is None or (job.bucket, job.kind) != (bucket, kind):
        raise refusal("ResourceNotFound", f"there is no job {job_id[:100]!r}")
    return job


def _details(cloud: Cloud, job: Job) -> str:
    told = pictures.details(cloud, job, cloud.jobs.order(job))
    return xml.element("JobsDetail", xml.Markup(told))


def _answer(request: Request, parts: list[str]) -> Response:
    named = xml.element("RequestId", request.request_id)
    return xml_response(xml.document("Response", [named, *parts]))

"""One picture job carried out, and how answers and callbacks tell of it.

CI manual 004:68441 (submit), 004:69818 (callback: the form of PicProcessResult).
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, fromstring

from localcloud import addressing
from localcloud.ci import persistence, styles, upload_result
from localcloud.ci.batch import names
from localcloud.ci.batch.order import Order
from localcloud.ci.batch.table import Job
from localcloud.ci.job_errors import require_bound, time_text
from localcloud.cloud import Cloud
from localcloud.cos import objects, restore, xml
from localcloud.imaging import ImageFacts, ImageResult
from localcloud.storage import StoredObject
from shared.rules import parse

TAG = "PicProcess"


async def run(cloud: Cloud, job: Job, order: Order) -> str:
    """Make and store the result; its `PicProcessResult` as XML.

    Raises `ServiceError` for what cannot be done; nothing is stored then.
    """
    require_bound(cloud, job.bucket)
    stored = cloud.storage.head(job.bucket, job.object)
    restore.check_readable(stored, cloud.clock())
    rule = styles.resolve(cloud, job.bucket, parse(order.rule), persistent=True)
    results, facts = await persistence.process(cloud, stored, [rule], is_pic_info=order.is_pic_info)
    result, key = results[0], order.object
    if job.parent:
        key = names.expand(
            key, batch=job.parent, job=job.id, key=job.object, extension=result.format
        )
    written = await objects.store(
        cloud,
        addressing.own_request("POST", f"http://{order.bucket}.ci.{order.region}.myqcloud.com/"),
        order.bucket,
        key,
        result.data,
        content_type=result.content_type,
    )
    return _result(stored, written, result, facts)


def details(cloud: Cloud, job: Job, order: Order) -> str:
    """What `JobsDetail` holds."""
    region = cloud.storage.bucket(job.bucket).region
    source = [
        xml.element("BucketId", job.bucket),
        xml.element("Object", job.object),
        xml.element("Region", region),
    ]
    level = xml.element("JobLevel", job.level)
    return xml.Markup(
        "".join(
            (
                xml.element("Code", job.code),
                xml.element("Message", job.message),
                xml.element("JobId", job.id),
                xml.element("State", job.state),
                xml.element("CreationTime", time_text(job.created)),
                xml.element("StartTime", time_text(job.started)),
                xml.element("EndTime", time_text(job.ended)),
                xml.element("QueueId", job.queue),
                xml.element("Tag", job.tag),
                xml.element("Input", *source),
                xml.element("Operation", xml.Markup(order.operation(job.result) + level)),
            )
        )
    )


def callback(cloud: Cloud, job: Job, order: Order) -> bytes | dict[str, Any]:
    """What is posted when the job has ended: XML, or for JSON the document.

    JSON's `JobsDetail` is an array and its scalars are text, but for JobLevel (004:70288).
    """
    inner = details(cloud, job, order)
    event = xml.element("EventName", "TaskFinish")
    text = xml.document("Response", [event, xml.element("JobsDetail", xml.Markup(inner))])
    if order.format == "XML":
        return text.encode()
    told = _as_json(fromstring(f"<JobsDetail>{inner}</JobsDetail>"))  # noqa: S314 - our own
    told["Operation"]["JobLevel"] = job.level
    return {"EventName": "TaskFinish", "JobsDetail": [told]}


def _as_json(node: Element) -> Any:
    return {child.tag: _as_json(child) for child in node} if len(node) else node.text or ""


def _result(
    source: StoredObject, written: StoredObject, result: ImageResult, facts: ImageFacts | None
) -> str:
    original = [xml.element("Etag", f'"{source.etag}"')]
    if facts is not None:
        original.append(upload_result.image_info(facts))
    made = {
        "Etag": f'"{written.etag}"',
        "Format": result.format,
        "Width": result.width,
        "Height": result.height,
        "Quality": result.quality,
        "Size": written.size,
    }
    return xml.element(
        "PicProcessResult",
        xml.element("ObjectName", written.key),
        xml.element("OriginalInfo", *original),
        xml.element("ProcessResult", *(xml.element(name, value) for name, value in made.items())),
    )

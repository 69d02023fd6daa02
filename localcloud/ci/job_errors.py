"""What CI refuses about jobs, queues and templates, and how their bodies are read.

CI manual 004:94199 lists numbers and names, neither HTTP statuses nor a body: the body is COS's
error XML with those names, the statuses are ours.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from xml.etree.ElementTree import Element

from localcloud.ci import binding
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings import shape
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.limits import MAX_JOB

STATUS = {
    "InternalError": 500,
    "InvalidContent": 400,
    "InvalidArgument": 400,
    "MissingContent": 400,
    "AccessDenied": 403,
    "SlowDown": 429,
    "ResourceNotFound": 404,
    "QueueNotFound": 404,
    "TemplateNotFound": 404,
    "CreatedTemplateNumLimit": 409,
    "MediaBucketUnBinded": 400,
    "TemplateNameDuplicate": 409,
    "WriteTargetBucketDenied": 403,
}
_CHINA = timezone(timedelta(hours=8))  # the zone of every time in the manual
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[ +](\d{4})|(.*-\d{4}|.*Z)", re.ASCII)


def refusal(code: str, message: str) -> ServiceError:
    """The answer for a name of the manual's table."""
    return ServiceError(code, message, status=STATUS[code])


def require_bound(cloud: Cloud, bucket: str) -> None:
    """Raises `ServiceError` MediaBucketUnBinded unless `bucket` may use CI."""
    if not binding.is_bound(cloud, bucket):
        raise refusal("MediaBucketUnBinded", f"{bucket} is not bound to CI: PUT / on its pic host")


async def read(request: Request, wanted: shape.Shape) -> Element:
    """The checked `Request` of a body.

    Raises `ServiceError`: MissingContent for none, InvalidContent for what is no XML of that root,
    InvalidArgument for what does not fit the shape.
    """
    body = await request.read(MAX_JOB)
    if not body.strip():
        raise refusal("MissingContent", "the body is empty: a <Request> is expected")
    try:
        root = xml.parse(body, "Request")
    except ServiceError as error:
        raise refusal("InvalidContent", error.message) from None
    check(root, wanted)
    return root


def check(node: Element, wanted: shape.Shape) -> None:
    """Raises `ServiceError` InvalidArgument for an element that does not fit the shape."""
    try:
        shape.check(node, wanted)
    except ServiceError as error:
        code = error.code if error.code in STATUS else "InvalidArgument"
        raise refusal(code, error.message) from None


def time_text(seconds: float | None) -> str:
    """`2022-06-27T15:23:10+0800`; what has not happened yet is `-` (004:91709)."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, _CHINA).strftime("%Y-%m-%dT%H:%M:%S%z")


def parse_time(where: str, text: str) -> float:
    """Unix seconds. A `+` that a query lost stays readable. Raises `ServiceError`."""
    found = _TIME.fullmatch(text.strip())
    try:
        if not found:
            raise ValueError
        moment = found[3] or f"{found[1]}+{found[2]}"
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except (ValueError, OverflowError):
        raise refusal(
            "InvalidArgument",
            f"{where} is {text[:50]!r}: a time such as 2022-06-27T15:23:10+0800 is expected",
        ) from None

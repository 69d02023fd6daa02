"""Whether a bucket uses Cloud Infinite: bind, ask, unbind (pic host, CI manual 004:632-774).

A bucket starts bound, as a local cloud without CI is of no use; unbinding it shows what a program
does when nobody has opened the service.
"""

from __future__ import annotations

import json

from localcloud.ci.errors import refusal
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.http import Request, Response, xml_response

_SETTING = "ci-status"


async def bind(cloud: Cloud, request: Request) -> Response:
    """`PUT /` on the pic host. The bucket must exist; binding twice changes nothing."""
    cloud.storage.bucket(request.bucket)
    cloud.storage.set_setting(request.bucket, _SETTING, json.dumps("on"))
    return Response()


async def unbind(cloud: Cloud, request: Request) -> Response:
    """`PUT /?unbind` on the pic host. The bucket, its objects and its styles are kept."""
    cloud.storage.bucket(request.bucket)
    cloud.storage.set_setting(request.bucket, _SETTING, json.dumps("off"))
    return Response()


async def status(cloud: Cloud, request: Request) -> Response:
    """`GET /` on the pic host: `CIStatus` with the text on or off."""
    word = "on" if is_bound(cloud, request.bucket) else "off"
    return xml_response(xml.document("CIStatus", [word]))


def is_bound(cloud: Cloud, bucket: str) -> bool:
    """Raises ServiceError NoSuchBucket."""
    cloud.storage.bucket(bucket)
    value = cloud.storage.get_setting(bucket, _SETTING)
    return value is None or json.loads(value) == "on"


def require(cloud: Cloud, bucket: str) -> None:
    """Raises ServiceError unless `bucket` may use CI."""
    if not is_bound(cloud, bucket):
        raise refusal(-163, f"{bucket} is not bound to CI: PUT / on its pic host binds it")

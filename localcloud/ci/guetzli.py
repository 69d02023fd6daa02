"""The switch of Guetzli compression (pic host, CI manual 004:5649-5914).

How the compression is asked for is not described. Here all JPEG results of a bucket take the slow
path while the switch is on (`localcloud/imaging/slow_jpeg.py`).
"""

from __future__ import annotations

import json

from localcloud.ci import binding
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.http import Request, Response, xml_response

_SETTING = "ci-guetzli"


async def switch_on(cloud: Cloud, request: Request) -> Response:
    """`PUT /?guetzli`."""
    binding.require(cloud, request.bucket)
    cloud.storage.set_setting(request.bucket, _SETTING, json.dumps("on"))
    return Response()


async def status(cloud: Cloud, request: Request) -> Response:
    """`GET /?guetzli`: `GuetzliStatus` with the text on or off."""
    binding.require(cloud, request.bucket)
    word = "on" if is_on(cloud, request.bucket) else "off"
    return xml_response(xml.document("GuetzliStatus", [word]))


async def switch_off(cloud: Cloud, request: Request) -> Response:
    """`DELETE /?guetzli`."""
    binding.require(cloud, request.bucket)
    cloud.storage.set_setting(request.bucket, _SETTING, None)
    return Response()


def is_on(cloud: Cloud, bucket: str) -> bool:
    """Whether JPEG results of `bucket` take the slow path."""
    return cloud.storage.get_setting(bucket, _SETTING) is not None

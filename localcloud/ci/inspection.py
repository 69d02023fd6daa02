"""`?ci-process=ImageInspect`: is there a film in this picture? (CI manual 004:8787)"""

from __future__ import annotations

import json

from localcloud.ci import binding, jobs
from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.imaging import Inspection, inspect

PROCESS = "ImageInspect"


async def ci_process(cloud: Cloud, request: Request) -> Response:
    """GET with `ci-process`: ImageInspect is built, others answer NotImplemented by name."""
    wanted = request.get("ci-process")
    if wanted != PROCESS:
        raise ServiceError(
            "NotImplemented", f"ci-process={wanted[:100]} is not played by the local cloud"
        )
    return await image_inspect(cloud, request)


async def image_inspect(cloud: Cloud, request: Request) -> Response:
    """Also `?imageInspect`, as the published page and the SDK send it."""
    binding.require(cloud, request.bucket)
    stored = cloud.storage.head(request.bucket, request.key)
    jobs.check_size(stored)
    cloud.storage.fetch(stored)
    with jobs.Source(stored) as source:
        found = await cloud.run(lambda: inspect(source.read()))
    body = json.dumps(_document(found)).encode()
    return Response(200, {"Content-Type": "application/json"}, body)


def _document(found: Inspection) -> dict[str, object]:
    """The manual's fields; its samples name the kind in capitals only where there is suspicion."""
    if found.begin is None or found.end is None:
        return {"picSize": found.size, "picType": found.kind, "suspicious": False}
    return {
        "picSize": found.size,
        "picType": found.kind.upper(),
        "suspicious": True,
        "suspiciousBeginByte": found.begin,
        "suspiciousEndByte": found.end,
        "suspiciousSize": found.end - found.begin + 1,
        "suspiciousType": "MPEG-TS",
    }

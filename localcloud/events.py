"""The event document that COS pushes to a function when an object appears or goes.

The shape is that of the documented sample: `key` is `/<appid>/<bucket name>/<key>`, `url` is
percent-encoded, `cosBucket.name` comes without the appid.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def cos_event(
    *,
    bucket: str,
    region: str,
    key: str,
    size: int,
    event_name: str,
    event_time: int,
    meta: Mapping[str, str] | None = None,
    version_id: str = "",
    request_id: str = "",
) -> dict[str, Any]:
    """One event with one record.

    `bucket` is `name-appid`, `key` is decoded and has no leading slash, `size` is in bytes,
    `event_time` in Unix seconds. `meta` are the headers kept with the object (`Content-Type`,
    `x-cos-meta-*`); `request_id` is the x-cos-request-id of the upload, made up when empty.
    """
    name, _, appid = bucket.rpartition("-")
    request_id = request_id or base64.b64encode(uuid.uuid4().hex.encode()).decode()
    host = f"{bucket}.cos.{region}.myqcloud.com"
    return {
        "Records": [
            {
                "cos": {
                    "cosSchemaVersion": "1.0",
                    "cosObject": {
                        "url": f"http://{host}/{quote(key, safe='/-_.~')}",
                        "meta": {"x-cos-request-id": request_id, **(meta or {})},
                        "vid": version_id,
                        "key": f"/{appid}/{name}/{key}",
                        "size": size,
                    },
                    "cosBucket": {"region": region, "name": name, "appid": appid},
                    "cosNotificationId": "unkown",  # spelt so by the service
                },
                "event": {
                    "eventName": event_name,
                    "eventVersion": "1.0",
                    "eventTime": event_time,
                    "eventSource": "qcs::cos",
                    "requestParameters": {
                        "requestSourceIP": "127.0.0.1",
                        "requestHeaders": {"Authorization": ""},
                    },
                    "eventQueue": f"qcs:0:scf:{region}:appid/{appid}:default.localcloud.$LATEST",
                    "reservedInfo": "",
                    "reqid": uuid.uuid4().int % 2**31,
                },
            }
        ]
    }

"""What SCF sends to a function's dead-letter queue for an event that it gave up.

https://cloud.tencent.com/document/product/583/51666
"""

from __future__ import annotations

import json
from datetime import datetime

from localcloud.scf.cron import CHINA
from localcloud.scf.serverless import Function
from localcloud.scf.store import AsyncEvent, Message


def dead_letter(
    event: AsyncEvent,
    payload: str,
    *,
    function: Function,
    code: int,
    message: str,
    now: float,
    appid: str,
    uin: str,
) -> Message:
    """The message that SCF sends for an event that it gave up. `now` in Unix seconds."""
    if function.dead_letter is None:
        raise ValueError(f"{function.key} has no dead-letter queue")
    pushed = datetime.fromtimestamp(now, CHINA).isoformat()
    body = {
        "RequestId": event.request_id,
        "ErrorCode": code,
        "ErrorMessage": message,
        "Body": {
            "AppId": int(appid),
            "Uin": uin,
            "SubAccountUin": uin,
            "RequestSource": event.source,
            "FunctionName": function.name,
            "Namespace": function.namespace,
            "Qualifier": "$DEFAULT",
            "InvocationType": "Event",
            "ClientContext": payload,
            "LogType": "",
            "TimeStampForInvoker": str(int(event.accepted * 1000)),
            "RequestId": event.request_id,
            "PushTime": pushed,
            "RetryNum": max(0, event.tries - 1),
            "Ttl": 0,
        },
    }
    target = function.dead_letter
    return Message(
        id=0,
        type=target.type,
        name=target.name,
        tag=target.tag,
        request_id=event.request_id,
        published=now,
        body=json.dumps(body, ensure_ascii=False),
    )


def loggable(payload: str) -> str:
    """An event for the log: without the headers of an upload's request, one of which signs it."""
    try:
        event = json.loads(payload)
        for record in event["Records"]:
            record["event"]["requestParameters"].pop("requestHeaders", None)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return payload
    return json.dumps(event, ensure_ascii=False)

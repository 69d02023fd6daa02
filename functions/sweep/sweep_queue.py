"""What SCF's dead-letter queue delivers: events that no attempt of their function could keep.

A CMQ topic hands them over, each with the invocation that SCF gave up.
https://cloud.tencent.com/document/product/583/51666
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from shared import events
from shared.dead_letters import DeadLetter
from shared.events import EventError, parse_record
from shared.settings import Settings


def is_queue_event(event: object) -> bool:
    """Whether an event comes from a CMQ topic."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return isinstance(records, list) and any(
        isinstance(record, Mapping) and "CMQ" in record for record in records
    )


def letters_of(event: Any, settings: Settings, prefix: str) -> Iterator[tuple[str, DeadLetter]]:
    """A dead letter for each upload in each message, and the bucket to keep it in.

    `prefix` is what the names of deployed functions begin with.

    A message that holds no upload is logged whole enough to find it, and passed over: there is no
    bucket that it belongs to.
    """
    for record in event["Records"]:
        body = record.get("CMQ", {}).get("msgBody", "") if isinstance(record, Mapping) else ""
        try:
            message = json.loads(body)
            told = message["Body"]
            payload = json.loads(told["ClientContext"])
            found = [parse_record(each, n) for n, each in enumerate(events.records(payload))]
        except (ValueError, TypeError, KeyError, EventError) as error:
            problem = f"a message of the dead-letter queue holds no upload: {error}"
            print(json.dumps({"function": "sweep", "problem": problem, "message": str(body)[:200]}))
            continue
        for upload in found:
            bucket = settings.state_bucket or upload.bucket
            yield (
                bucket,
                DeadLetter(
                    bucket=upload.bucket,
                    key=upload.key,
                    function=str(told.get("FunctionName", "")).removeprefix(prefix),
                    pipeline="",
                    event=events.document(upload),
                    error={
                        "code": str(message.get("ErrorCode", "")),
                        "message": str(message.get("ErrorMessage", ""))[:1000],
                    },
                    attempts=int(told.get("RetryNum") or 0) + 1,
                    time=time.time(),
                    retryable=True,
                    upload=upload.request_id,
                    invocation=str(message.get("RequestId", "")),
                ),
            )

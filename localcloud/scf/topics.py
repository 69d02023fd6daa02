"""CMQ topics as triggers: what arrives on one wakes the functions that are bound to it.

https://cloud.tencent.com/document/product/583/11517
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from localcloud.scf.document import Field
from localcloud.scf.store import Message

TOPIC = "topic"
_BY_TAG, _BY_ROUTE = "1", "2"


@dataclass(frozen=True)
class CmqTrigger:
    """Messages of the topic `name` wake `function`; with `tags`, only those that carry one."""

    name: str
    function: str
    tags: tuple[str, ...] = ()

    def wants(self, message: Message) -> bool:
        """Whether this message is delivered here."""
        return (
            message.type == TOPIC
            and message.name == self.name
            and (not self.tags or message.tag in self.tags)
        )

    def __str__(self) -> str:
        return f"{self.function} <- topic {self.name} {' '.join(self.tags)}".rstrip()


def read_cmq_trigger(parameters: Field, function: str) -> CmqTrigger | None:
    """The `parameters` of a trigger; None when it is not enabled."""
    parameters.mapping({"name", "enable", "qualifier", "filterType", "filterKey"})
    kind = parameters.child("filterType").text(
        _BY_TAG, pattern=f"{_BY_TAG}|{_BY_ROUTE}", expected="1 (tags) or 2 (routes)"
    )
    if kind == _BY_ROUTE:
        parameters.child("filterType").problem("is 2: routes are not played here, tags (1) are")
    trigger = CmqTrigger(
        parameters.child("name").text(expected="the name of a CMQ topic"),
        function,
        tuple(entry.text() for entry in parameters.child("filterKey").items()),
    )
    return trigger if parameters.child("enable").boolean(False) else None


def cmq_event(message: Message, trigger: CmqTrigger, appid: str) -> dict[str, Any]:
    """The event that a `cmq` trigger hands to its function."""
    published = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(message.published))
    milliseconds = int(message.published * 1000) % 1000
    number = uuid.uuid4().int % 10**18
    return {
        "Records": [
            {
                "CMQ": {
                    "type": TOPIC,
                    "topicOwner": int(appid),
                    "topicName": message.name,
                    "subscriptionName": trigger.function,
                    "publishTime": f"{published}.{milliseconds:03}Z",
                    "msgId": str(number),
                    "requestId": message.request_id,
                    "msgBody": message.body,
                    "msgTag": [message.tag] if message.tag else [],
                }
            }
        ]
    }

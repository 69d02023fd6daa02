"""What a picture job is asked to do: read from a request, kept with the job, told in answers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree.ElementTree import Element, fromstring

from localcloud.ci import queues, styles, templates
from localcloud.ci.job_errors import refusal
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings.shape import Check, Child, Shape, content, maybe, one, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity.authorization import require
from localcloud.limits import MAX_KEY
from shared.rules import RuleError, parse

MAX_USER_DATA = 1024
MAX_URL = 2048
_SUPPRESSED = "no"  # as CallBack: the queue's address is not used either


def _printable(where: str, value: str) -> str:
    if len(value) > MAX_USER_DATA or not (value.isascii() and value.isprintable()):
        raise ServiceError(
            "InvalidArgument",
            f"{where} has {len(value)} characters: up to {MAX_USER_DATA}, printable ASCII, are "
            "allowed",
        )
    return value


_USER_DATA: Check = _printable
PARAMETERS: Shape = {
    "TemplateId": maybe(text(64)),
    "PicProcess": maybe(
        {"IsPicInfo": maybe(templates.flag), "ProcessRule": maybe(text(templates.MAX_RULE))}
    ),
}
OUTPUT: Child = one(
    {"Region": one(text(64, 1)), "Bucket": one(text(64, 1)), "Object": one(text(MAX_KEY, 1))}
)
COMMON: Shape = {"UserData": maybe(_USER_DATA), "JobLevel": maybe(word("0", "1", "2"))}
CALLBACK: Shape = {
    "CallBackFormat": maybe(word("XML", "JSON")),
    "CallBackType": maybe(word("Url", "TDMQ")),
    "CallBack": maybe(text(MAX_URL)),
    "CallBackMqConfig": maybe(
        {
            "MqRegion": one(word("sh", "bj", "gz", "cd", "hk")),
            "MqMode": one(word("Topic", "Queue")),
            "MqName": one(text(128, 1)),
        }
    ),
}


@dataclass(frozen=True)
class Order:
    """One `PicProcess`: `rule` on an object, stored as `object` of `bucket`.

    `object` of a batch may hold `${...}`. `url` is where the end is told, empty for nowhere;
    `format` is XML or JSON.
    """

    rule: str
    is_pic_info: bool
    region: str
    bucket: str
    object: str
    template_id: str = ""
    template_name: str = ""
    user_data: str = ""
    url: str = ""
    format: str = "XML"

    @classmethod
    def load(cls, document: str) -> Order:
        """The order that `dump` wrote."""
        known: dict[str, Any] = json.loads(document)
        return cls(**{name: known[name] for name in cls.__dataclass_fields__})

    def dump(self, **more: object) -> str:
        """As JSON, with other things to keep beside it."""
        return json.dumps({**asdict(self), **more}, ensure_ascii=False)

    def operation(self, result: str) -> str:
        """`Operation` as answers tell it; `result` is its finished `PicProcessResult`, whose name
        of the output takes the place of one with `${...}`."""
        made = fromstring(result).findtext("ObjectName") if result else None  # noqa: S314 - ours
        if self.template_id:
            asked = [
                xml.element("TemplateId", self.template_id),
                xml.element("TemplateName", self.template_name),
            ]
        else:
            asked = [templates.pic_process(self.rule, is_pic_info=self.is_pic_info)]
        output = [
            xml.element("Region", self.region),
            xml.element("Bucket", self.bucket),
            xml.element("Object", made or self.object),
        ]
        parts = [*asked, xml.element("Output", *output)]
        if result:
            parts.append(xml.Markup(result))
        if self.user_data:
            parts.append(xml.element("UserData", self.user_data))
        return "".join(parts)


def read(
    cloud: Cloud,
    request: Request,
    queue: queues.Queue,
    operation: Element,
    *,
    parameters: Element | None = None,
    asked: Element | None = None,
) -> Order:
    """The order that an `Operation` means; other elements may hold its `parameters` (TemplateId or
    PicProcess) and say where the end is `asked` to be told.

    Raises `ServiceError`: InvalidArgument, TemplateNotFound, AccessDenied, NotImplemented.
    """
    parameters = operation if parameters is None else parameters
    asked = operation if asked is None else asked
    wanted = _parameters(cloud, request.bucket, parameters)
    check_rule(cloud, request.bucket, wanted.rule)
    bucket, region = content(operation, "Output/Bucket"), content(operation, "Output/Region")
    key = content(operation, "Output/Object")
    check_target(cloud, request.bucket, bucket, region)
    require(cloud, request, "cos:PutObject", bucket, key)
    url, form = _callback(asked, queue)
    return Order(
        rule=wanted.rule,
        is_pic_info=wanted.is_pic_info,
        template_id=wanted.id,
        template_name=wanted.name,
        region=region,
        bucket=bucket,
        object=key,
        user_data=content(operation, "UserData"),
        url=url,
        format=form,
    )


def check_rule(cloud: Cloud, bucket: str, rule: str) -> None:
    """Raises `ServiceError` InvalidArgument for a rule that stores no picture."""
    try:
        parsed = parse(rule)
    except RuleError as error:
        raise refusal("InvalidArgument", f"ProcessRule: {error}") from None
    try:
        parsed = styles.resolve(cloud, bucket, parsed, persistent=True)
    except ServiceError as error:
        raise refusal("InvalidArgument", f"ProcessRule: {error.message}") from None
    if parsed.is_info:
        raise refusal(
            "InvalidArgument",
            f"ProcessRule is {rule[:100]!r}: information is for downloads, store a picture",
        )


def check_target(cloud: Cloud, own: str, bucket: str, region: str) -> None:
    """Raises `ServiceError` for an output bucket of another account or region, or none."""
    expected = cloud.storage.bucket(own).region
    if region != expected:
        raise refusal(
            "InvalidArgument", f"Output/Region is {region[:50]!r}: the bucket's, {expected}, is"
        )
    appid = own.rpartition("-")[2]
    if bucket.rpartition("-")[2] != appid:
        raise refusal(
            "WriteTargetBucketDenied", f"Output/Bucket is {bucket!r}: only buckets of appid {appid}"
        )
    try:
        found = cloud.storage.bucket(bucket).region
    except ServiceError as error:
        raise refusal("InvalidArgument", f"Output/Bucket is {bucket!r}: {error.message}") from None
    if found != expected:
        raise refusal(
            "InvalidArgument", f"Output/Bucket is {bucket!r} in {found}: allowed is {expected}"
        )


def _parameters(cloud: Cloud, bucket: str, node: Element) -> templates.PicProcess:
    template = content(node, "TemplateId").strip()
    if template:
        return templates.find(cloud, bucket, template)
    rule = content(node, "PicProcess/ProcessRule").strip()
    if not rule:
        raise refusal("InvalidArgument", "TemplateId or PicProcess with a ProcessRule is missing")
    return templates.PicProcess("", "", rule, content(node, "PicProcess/IsPicInfo") == "true")


def _callback(asked: Element, queue: queues.Queue) -> tuple[str, str]:
    """Where the end is told, and how: the request's own word goes before the queue's."""
    if content(asked, "CallBackType") == "TDMQ":
        if asked.find("CallBackMqConfig") is None:
            raise refusal("InvalidArgument", "CallBackType TDMQ needs CallBackMqConfig")
        raise ServiceError("NotImplemented", "callbacks to TDMQ are not played by the local cloud")
    url = content(asked, "CallBack").strip() or queue.url
    if url.lower() == _SUPPRESSED:
        return "", "XML"
    if url:
        queues.check_url("CallBack", url)
    return url, content(asked, "CallBackFormat") or queue.format

"""All settings of a bucket that are stored documents. One that has no effect here is one row."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from xml.etree.ElementTree import Element, SubElement

from localcloud.cloud import Cloud
from localcloud.cos.settings import (
    certificates,
    cors,
    encryption,
    lifecycle,
    referer,
    stored,
    tiering,
    website,
)
from localcloud.cos.settings.shape import content, matching, maybe, number, one, some, text, word
from localcloud.cos.settings.stored import Listed, Setting
from localcloud.errors import ServiceError
from localcloud.http import Request, Response
from localcloud.limits import MAX_KEY, MAX_TAG_KEY, MAX_TAG_VALUE

Handler = Callable[[Cloud, Request], Awaitable[Response]]

MAX_BUCKET_TAGS = 50
_SWITCH = word("Enabled", "Disabled")
_CLASS = word(*lifecycle.CLASSES)
_DOMAIN = matching(r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}", "www.example.com")
_BUCKET = matching(r"qcs::cos:[a-z0-9-]+:[^:]*:[a-z0-9-]+-[0-9]+", "qcs::cos:<region>::<bucket>")
_TARGET = re.compile(r"qcs::cos:[a-z0-9-]+:[^:]*:")
_FIELDS = (
    "Size", "LastModifiedDate", "StorageClass", "ETag", "IsMultipartUploaded", "ReplicationStatus",
    "Tag", "Crc64", "CosMetaTagging", "x-cos-meta-*",
)  # fmt: skip


def _tags(_cloud: Cloud, _request: Request, root: Element) -> None:
    keys = [content(tag, "Key") for tag in root.iter("Tag")]
    if len(keys) > MAX_BUCKET_TAGS:
        raise ServiceError("InvalidTag", f"{len(keys)} tags: at most {MAX_BUCKET_TAGS} are allowed")
    for tag in root.iter("Tag"):
        if not 0 < len(content(tag, "Key")) <= MAX_TAG_KEY or len(content(tag, "Value")) > (
            MAX_TAG_VALUE
        ):
            raise ServiceError(
                "InvalidTag",
                f"a tag's key has 1 to {MAX_TAG_KEY} characters, its value up to {MAX_TAG_VALUE}",
            )
    if len(set(keys)) != len(keys):
        raise ServiceError("InvalidTag", "a tag's key stands twice: keys must differ")


def _log_target(cloud: Cloud, request: Request, root: Element) -> None:
    target = root.findtext("LoggingEnabled/TargetBucket")
    if target is None:
        return
    known = {bucket.name: bucket.region for bucket in cloud.storage.buckets()}
    if known.get(target) != known[request.bucket]:
        raise ServiceError(
            "InvalidArgument",
            f"TargetBucket is {target[:100]!r}: a bucket in {known[request.bucket]} is expected",
        )


def _replication(cloud: Cloud, request: Request, root: Element) -> None:
    known = {bucket.name: bucket.versioning for bucket in cloud.storage.buckets()}
    for rule in root.iter("Rule"):
        target = _TARGET.sub("", content(rule, "Destination/Bucket"))
        if target == request.bucket:
            raise ServiceError("InvalidArgument", "Destination is the bucket itself")
        for name in (request.bucket, target):
            if known.get(name, "Enabled") != "Enabled":
                raise ServiceError(
                    "InvalidRequest", f"replication needs versions: they are not on in {name}"
                )


def _inventory(_cloud: Cloud, request: Request, root: Element) -> None:
    scheduled = request.method == "PUT"
    if scheduled and (root.find("IsEnabled") is None or root.find("Schedule/Frequency") is None):
        raise ServiceError("MalformedXML", f"{root.tag} needs IsEnabled and Schedule/Frequency")
    if root.find("OptionalFields") is None:
        # The SDK's parser cannot do without.
        SubElement(root, "OptionalFields")


def _retention(_cloud: Cloud, _request: Request, root: Element) -> None:
    rule = root.find("Rule/DefaultRetention")
    if rule is not None and len([n for n in ("Days", "Years") if rule.find(n) is not None]) != 1:
        raise ServiceError("MalformedXML", "DefaultRetention needs Days or Years, not both")


INVENTORY = Listed(
    "inventory",
    "InventoryConfiguration",
    {
        "Id": one(matching(r"[A-Za-z0-9_.-]{1,64}", "letters, digits, - _ and .")),
        "IsEnabled": maybe(word("true", "false")),
        "IncludedObjectVersions": one(word("All", "Current")),
        "Filter": maybe({"Prefix": maybe(text(MAX_KEY))}),
        "OptionalFields": maybe({"Field": some(word(*_FIELDS), len(_FIELDS), least=0)}),
        "Schedule": maybe({"Frequency": one(word("Daily", "Weekly"))}),
        "Destination": one(
            {
                "COSBucketDestination": one(
                    {
                        "Bucket": one(_BUCKET),
                        "AccountId": maybe(text(64)),
                        "Format": one(word("CSV", "ORC", "Parquet")),
                        "Prefix": maybe(text(MAX_KEY)),
                    }
                )
            }
        ),
    },
    missing="NoSuchInventory",
    judge=_inventory,
    listing="ListInventoryConfigurationResult",
    page=100,
)
SETTINGS: tuple[Setting, ...] = (
    cors.SETTING,
    lifecycle.SETTING,
    referer.SETTING,
    website.SETTING,
    encryption.SETTING,
    tiering.RULES,
    INVENTORY,
    Setting(
        "tagging",
        "Tagging",
        {"TagSet": one({"Tag": some({"Key": one(text(1024)), "Value": one(text(1024))}, 1000)})},
        missing="NoSuchTagSet",
        judge=_tags,
    ),
    Setting(
        "logging",
        "BucketLoggingStatus",
        {
            "LoggingEnabled": maybe(
                {"TargetBucket": one(text(64, 1)), "TargetPrefix": maybe(text(MAX_KEY))}
            )
        },
        judge=_log_target,
        removable=False,
    ),
    Setting(
        "replication",
        "ReplicationConfiguration",
        {
            "Role": one(text(255, 1)),
            "Rule": some(
                {
                    "ID": maybe(text(255)),
                    "Status": one(_SWITCH),
                    "Prefix": maybe(text(MAX_KEY)),
                    "Destination": one({"Bucket": one(_BUCKET), "StorageClass": maybe(_CLASS)}),
                },
                1000,
            ),
        },
        missing="ReplicationConfigurationnotFoundError",
        judge=_replication,
    ),
    Setting(
        "domain",
        "DomainConfiguration",
        {
            "DomainRule": some(
                {
                    "Name": one(_DOMAIN),
                    "Type": one(word("REST", "WEBSITE", "ACCELERATE")),
                    "Status": one(word("ENABLED", "DISABLED")),
                    "ForcedReplacement": maybe(word("CNAME", "TXT")),
                },
                20,
            )
        },
        missing="DomainConfigNotFoundError",
    ),
    Setting(
        "origin",
        "OriginConfiguration",
        {
            "OriginRule": some(
                {
                    "RulePriority": maybe(number(1, 100)),
                    "OriginType": one(word("Mirror", "Redirect", "Proxy")),
                    "OriginCondition": one(
                        {"HTTPStatusCode": one(text(64, 1)), "Prefix": maybe(text(MAX_KEY))}
                    ),
                    "OriginParameter": maybe({"Protocol": maybe(word("HTTP", "HTTPS", "FOLLOW"))}),
                    "OriginInfo": one({"HostInfo": one({"HostName": maybe(text(255))})}),
                },
                100,
            )
        },
        missing="NoSuchOriginConfiguration",
    ),
    Setting(
        "accelerate",
        "AccelerateConfiguration",
        {"Status": one(word("Enabled", "Suspended")), "Type": maybe(word("COS"))},
        digest=False,
        removable=False,
    ),
    Setting("notification", "NotificationConfiguration", {}, digest=False, removable=False),
    Setting(
        "object-lock",
        "ObjectLockConfiguration",
        {
            "ObjectLockEnabled": one(word("Enabled")),
            "Rule": maybe(
                {
                    "DefaultRetention": one(
                        {
                            "Mode": one(word("COMPLIANCE", "GOVERNANCE")),
                            "Days": maybe(number(1, 36_500)),
                            "Years": maybe(number(1, 100)),
                        }
                    )
                }
            ),
        },
        missing="ObjectLockConfigurationNotFoundError",
        judge=_retention,
        removable=False,
    ),
)


async def post_inventory(cloud: Cloud, request: Request) -> Response:
    """POST ?inventory&id: a list that is made once, here before the answer. Raises `ServiceError`
    DuplicateInventoryId."""
    from localcloud.cos.settings import inventory  # it is seldom needed, and needs much

    documents = stored.find_all(cloud, request.bucket, INVENTORY.name)
    if request.get("id") in documents:
        raise ServiceError("DuplicateInventoryId", f"the id {request.get('id')!r} is in use")
    root = await stored.read(cloud, request, INVENTORY, stored.MAX_PER_ID_SIZE)
    answer = stored.keep_one(cloud, request, INVENTORY, root)
    if root is not None:
        await inventory.write(cloud, request.bucket, root, cloud.clock(), instant=True)
    return answer


async def put_inventory(cloud: Cloud, request: Request) -> Response:
    """PUT ?inventory&id: the first list comes a day or a week from now."""
    from localcloud.cos.settings import inventory

    answer = await stored.put_one(cloud, request, INVENTORY)
    inventory.scheduled(cloud, request.bucket, request.get("id"))
    return answer


def operations() -> dict[tuple[str, str, str, str], Handler]:
    """The rows of the routing table: (service, method, scope, sub-resource) -> operation."""
    rows: dict[tuple[str, str, str, str], Handler] = {
        ("cos", "POST", "bucket", "inventory"): post_inventory,
        ("cos", "PUT", "bucket", "intelligenttiering"): tiering.put_default,
        ("cos", "GET", "bucket", "intelligenttiering"): tiering.get_default,
        ("cos", "PUT", "bucket", "domaincertificate"): certificates.put,
        ("cos", "GET", "bucket", "domaincertificate"): certificates.get,
        ("cos", "DELETE", "bucket", "domaincertificate"): certificates.delete,
    }
    for setting in SETTINGS:
        single = (stored.put, stored.get, stored.delete)
        several = (stored.put_one, stored.get_one, stored.delete_one)
        functions = several if isinstance(setting, Listed) else single
        for method, function in zip(("PUT", "GET", "DELETE"), functions, strict=True):
            if method != "DELETE" or setting.removable:
                rows["cos", method, "bucket", setting.name] = partial(function, setting=setting)
    return {**rows, ("cos", "PUT", "bucket", "inventory"): put_inventory}

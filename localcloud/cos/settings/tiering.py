"""Intelligent tiering: one rule per id, and the older call that knows the default rule only.

https://cloud.tencent.com/document/product/436/38315 and 60836. Nothing is moved locally.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from localcloud.cloud import Cloud
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, maybe, number, one, some, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response

_DEFAULT = "default"
_DAYS = ("30", "60", "90")
_ROOT = "IntelligentTieringConfiguration"
_STATUS = word("Enabled", "Suspended")
_TIERS = ("INFREQUENT", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS")
_TAG = {"Key": one(text(127, 1)), "Value": one(text(255))}
_FILTER = {"Prefix": maybe(text(850)), "Tag": some(_TAG, 10, least=0)}


def _judge(cloud: Cloud, request: Request, root: Element) -> None:
    infrequent = [content(node, "AccessTier") == "INFREQUENT" for node in root.findall("Tiering")]
    if (request.get("id") == _DEFAULT) != all(infrequent):
        raise ServiceError(
            "InvalidArgument", f"INFREQUENT is the tier of the rule {_DEFAULT!r}, and of no other"
        )
    _keep_default(cloud, request, root, "The default rule cannot be modified")


RULES = stored.Listed(
    "intelligent-tiering",
    _ROOT,
    {
        "Id": one(text(64, 1)),
        "Status": one(_STATUS),
        "Filter": maybe({**_FILTER, "And": maybe(_FILTER)}),
        "Tiering": some(
            {
                "AccessTier": one(word(*_TIERS)),
                "Days": one(number(30, 730)),
                "RequestFrequent": maybe(number(1, 1)),
            },
            len(_TIERS),
        ),
    },
    missing="NoSuchConfiguration",
    judge=_judge,
    digest=False,
    listing="ListBucketIntelligentTieringConfigurationOutput",
)
_OLDER = stored.Setting(
    "intelligenttiering",
    _ROOT,
    {
        "Status": one(_STATUS),
        "Transition": maybe({"Days": maybe(word(*_DAYS)), "RequestFrequent": maybe(number(1, 1))}),
    },
    digest=False,
)


async def put_default(cloud: Cloud, request: Request) -> Response:
    """PUT ?intelligenttiering: the rule `default` in its older form."""
    older = await stored.read(cloud, request, _OLDER)
    if older is None:
        return Response()
    root = Element(_ROOT)
    SubElement(root, "Id").text = _DEFAULT
    SubElement(root, "Status").text = content(older, "Status")
    tier = SubElement(root, "Tiering")
    SubElement(tier, "AccessTier").text = "INFREQUENT"
    SubElement(tier, "Days").text = content(older, "Transition/Days", _DAYS[0])
    SubElement(tier, "RequestFrequent").text = content(older, "Transition/RequestFrequent", "1")
    _keep_default(cloud, request, root, "Not support modify intelligent tiering configuration")
    documents = stored.find_all(cloud, request.bucket, RULES.name)
    documents[_DEFAULT] = tostring(root, encoding="unicode")
    stored.keep_all(cloud, request.bucket, RULES.name, documents)
    return Response()


async def get_default(cloud: Cloud, request: Request) -> Response:
    """GET ?intelligenttiering: an empty document until it was switched on."""
    older = Element(_ROOT)
    root = _default(cloud, request.bucket)
    if root is not None:
        SubElement(older, "Status").text = content(root, "Status")
        transition = SubElement(older, "Transition")
        for name in ("Days", "RequestFrequent"):
            SubElement(transition, name).text = content(root, f"Tiering/{name}", "1")
    return xml_response(older)


def _default(cloud: Cloud, bucket: str) -> Element | None:
    document = stored.find_all(cloud, bucket, RULES.name).get(_DEFAULT)
    return None if document is None else fromstring(document)  # noqa: S314 - our own writing


def _keep_default(cloud: Cloud, request: Request, root: Element, message: str) -> None:
    """The default rule can be suspended, but its days stay what they were."""
    before = _default(cloud, request.bucket) if content(root, "Id") == _DEFAULT else None
    if before is not None and content(before, "Tiering/Days") != content(root, "Tiering/Days"):
        raise ServiceError("InvalidArgument", message)

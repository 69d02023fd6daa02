"""Lifecycle rules: the document, what may stand in it, and when a rule's time has come.

https://cloud.tencent.com/document/product/436/8280. `expiry` carries the rules out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from localcloud.cloud import Cloud
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, maybe, number, one, some, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.limits import MAX_KEY
from localcloud.storage import StoredObject

MAX_RULES = 1000
MAX_DAYS = 3650
_DAY = 86_400.0
_MIDNIGHT = 8 * 3600.0  # the service starts its day at 0:00 of UTC+8
# How cold a storage class is: objects only ever move on to a colder one.
CLASSES = {
    "STANDARD": 0,
    "MAZ_STANDARD": 0,
    "INTELLIGENT_TIERING": 1,
    "MAZ_INTELLIGENT_TIERING": 1,
    "STANDARD_IA": 2,
    "MAZ_STANDARD_IA": 2,
    "COLD": 3,
    "ARCHIVE": 4,
    "MAZ_ARCHIVE": 4,
    "DEEP_ARCHIVE": 5,
}
_ACTIONS = (
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
)


def _date(where: str, value: str) -> str:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ServiceError(
            "InvalidArgument", f"{where} is {value[:50]!r}: 2027-01-01T00:00:00+08:00 is the form"
        )
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        raise ServiceError("InvalidArgument", f"{where} is {value[:50]!r}: midnight is expected")
    return value.strip()


_COLDER = word(*(name for name, degree in CLASSES.items() if degree))
_TAG = {"Key": one(text(127, 1)), "Value": one(text(255))}
_SIZE = number(0, 2**50)
_FILTER = {
    "Prefix": maybe(text(MAX_KEY)),
    "Tag": some(_TAG, 10, least=0),
    "ObjectSizeGreaterThan": maybe(_SIZE),
    "ObjectSizeLessThan": maybe(_SIZE),
}
SHAPE = {
    "Rule": some(
        {
            "ID": maybe(text(255)),
            "Status": one(word("Enabled", "Disabled")),
            "Prefix": maybe(text(MAX_KEY)),
            "Filter": maybe({**_FILTER, "And": maybe(_FILTER)}),
            "Expiration": maybe(
                {
                    "Days": maybe(number(1, MAX_DAYS)),
                    "Date": maybe(_date),
                    "ExpiredObjectDeleteMarker": maybe(word("true", "false")),
                }
            ),
            "Transition": some(
                {
                    "Days": maybe(number(0, MAX_DAYS)),
                    "Date": maybe(_date),
                    "StorageClass": one(_COLDER),
                },
                len(CLASSES),
                least=0,
            ),
            "NoncurrentVersionExpiration": maybe({"NoncurrentDays": one(number(1, MAX_DAYS))}),
            "NoncurrentVersionTransition": some(
                {"NoncurrentDays": one(number(0, MAX_DAYS)), "StorageClass": one(_COLDER)},
                len(CLASSES),
                least=0,
            ),
            "AbortIncompleteMultipartUpload": maybe(
                {"DaysAfterInitiation": one(number(1, MAX_DAYS))}
            ),
        },
        MAX_RULES,
    )
}


def _judge(_cloud: Cloud, _request: Request, root: Element) -> None:
    ids = [content(rule, "ID") for rule in root.iter("Rule") if content(rule, "ID")]
    if len(set(ids)) != len(ids):
        raise ServiceError("InvalidArgument", "an ID stands in two rules: IDs must differ")
    for place, rule in enumerate(root.iter("Rule"), 1):
        _judge_rule(rule, f"rule {content(rule, 'ID')[:50] or place}")


def _judge_rule(rule: Element, name: str) -> None:
    if not any(rule.find(action) is not None for action in _ACTIONS):
        raise ServiceError("MalformedXML", f"{name} does nothing: it needs {' or '.join(_ACTIONS)}")
    kinds = set()
    for action in [*rule.findall("Expiration"), *rule.findall("Transition")]:
        given = [kind for kind in ("Days", "Date") if action.find(kind) is not None]
        markers = action.find("ExpiredObjectDeleteMarker") is not None
        if len(given) + markers != 1:
            raise ServiceError("MalformedXML", f"{name}: {action.tag} needs Days or Date, not both")
        kinds.update(given)
    if len(kinds) > 1:
        raise ServiceError("InvalidArgument", f"{name} mixes Days and Date: make it two rules")
    gone = rule.findtext("Expiration/Days")
    for moved in rule.findall("Transition/Days"):
        if gone and int(moved.text or 0) >= int(gone):
            raise ServiceError(
                "InvalidArgument", f"{name}: Transition after {moved.text} days, Expiration {gone}"
            )
    if rule.find("AbortIncompleteMultipartUpload") is not None and rule.find(".//Tag") is not None:
        raise ServiceError(
            "InvalidRequest", f"{name}: an unfinished upload has no tags to select it by"
        )


SETTING = stored.Setting(
    "lifecycle",
    "LifecycleConfiguration",
    SHAPE,
    missing="NoSuchLifecycleConfiguration",
    judge=_judge,
)


@dataclass(frozen=True)
class When:
    """A number of days after something, or a date."""

    days: int | None = None
    date: float | None = None

    def has_come(self, since: float, now: float) -> bool:
        """Days count from `since` to the first midnight (UTC+8) after them; a date is itself."""
        if self.date is not None:
            return now >= self.date
        if self.days is None:
            return False
        due = since + self.days * _DAY + _MIDNIGHT
        return now + _MIDNIGHT >= -(-due // _DAY) * _DAY


@dataclass(frozen=True)
class Move:
    """To another storage class, when the time has come."""

    when: When
    storage_class: str


@dataclass(frozen=True)
class Rule:
    """One enabled rule. `larger` and `smaller` in bytes, both exclusive."""

    prefix: str
    tags: dict[str, str]
    larger: int | None
    smaller: int | None
    expiration: When = When()
    expired_markers: bool = False
    moves: tuple[Move, ...] = ()
    noncurrent: When = When()
    noncurrent_moves: tuple[Move, ...] = ()
    abort: When = When()
    id: str = field(default="", compare=False)

    def covers(self, stored_object: StoredObject) -> bool:
        """Whether the filter selects an object."""
        return (
            stored_object.key.startswith(self.prefix)
            and all(stored_object.tags.get(key) == value for key, value in self.tags.items())
            and (self.larger is None or stored_object.size > self.larger)
            and (self.smaller is None or stored_object.size < self.smaller)
        )


def rules(cloud: Cloud, bucket: str) -> list[Rule]:
    """The enabled rules of a bucket, in their order."""
    root = stored.find(cloud, bucket, SETTING.name)
    found = [] if root is None else list(root.iter("Rule"))
    return [_rule(node) for node in found if content(node, "Status") == "Enabled"]


def _rule(node: Element) -> Rule:
    chosen = node.find("Filter/And")
    if chosen is None:
        chosen = node.find("Filter")
    if chosen is None:
        chosen = Element("Filter")
    larger, smaller = (
        chosen.findtext("ObjectSizeGreaterThan"),
        chosen.findtext("ObjectSizeLessThan"),
    )
    return Rule(
        id=content(node, "ID"),
        prefix=content(chosen, "Prefix") or content(node, "Prefix"),
        tags={content(tag, "Key"): content(tag, "Value") for tag in chosen.findall("Tag")},
        larger=int(larger) if larger else None,
        smaller=int(smaller) if smaller else None,
        expiration=_when(node.find("Expiration"), "Days"),
        expired_markers=content(node, "Expiration/ExpiredObjectDeleteMarker") == "true",
        moves=_moves(node.findall("Transition"), "Days"),
        noncurrent=_when(node.find("NoncurrentVersionExpiration"), "NoncurrentDays"),
        noncurrent_moves=_moves(node.findall("NoncurrentVersionTransition"), "NoncurrentDays"),
        abort=_when(node.find("AbortIncompleteMultipartUpload"), "DaysAfterInitiation"),
    )


def _when(action: Element | None, days: str) -> When:
    if action is None:
        return When()
    if date := content(action, "Date"):
        return When(date=datetime.fromisoformat(date).astimezone(UTC).timestamp())
    number_of_days = content(action, days)
    return When(days=int(number_of_days) if number_of_days else None)


def _moves(actions: list[Element], days: str) -> tuple[Move, ...]:
    return tuple(Move(_when(action, days), content(action, "StorageClass")) for action in actions)

"""The policy language of CAM, version 2.0: text -> statements -> allow, deny or silence.

Pure: knows no request and no storage. Elements may begin with a capital letter, as the service
takes both. https://cloud.tencent.com/document/product/598/10603
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from localcloud.identity import conditions, globs
from localcloud.identity.conditions import Condition, ConditionError, Lookup

VERSION = "2.0"
ANYONE = frozenset(("*", "qcs::cam::anyone:anyone", "qcs::cam::*:*"))
_TOP = frozenset(("version", "statement", "principal", "id"))
_STATEMENT = frozenset(("effect", "action", "resource", "condition", "principal", "sid"))
_PARTS = 6  # qcs:project:service:region:account:resource
MAX_STATEMENTS = 200

Resource = tuple[str, str, str, str, str, str]


class PolicyError(ValueError):
    """A policy that cannot be read; the message names the element and what is allowed."""


@dataclass(frozen=True)
class Access:
    """What is about to be done, as a policy sees it.

    `action` is `service:Operation`; `resources` are the six-segment spellings of the one resource,
    any of which a policy may use; `principals` are the names of who asks, empty for an anonymous
    request; `lookup` gives the values of condition keys.
    """

    action: str
    resources: tuple[Resource, ...]
    principals: frozenset[str]
    lookup: Lookup


@dataclass(frozen=True)
class Statement:
    """One statement. `principals` is None where the policy belongs to an identity."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[Resource | None, ...]  # None: `*`
    principals: frozenset[str] | None
    conditions: tuple[Condition, ...]

    def applies(self, access: Access) -> bool:
        """Whether this statement speaks about `access`."""
        return (
            any(globs.matches(action, access.action) for action in self.actions)
            and self._names(access.principals)
            and any(_covers(own, access.resources) for own in self.resources)
            and all(condition.holds(access.lookup) for condition in self.conditions)
        )

    def _names(self, principals: frozenset[str]) -> bool:
        if self.principals is None or self.principals & ANYONE:
            return True
        return any(
            globs.matches(pattern, name) for pattern in self.principals for name in principals
        )


@dataclass(frozen=True)
class Policy:
    """A policy as it was checked."""

    statements: tuple[Statement, ...]

    def decide(self, access: Access) -> bool | None:
        """False when a statement denies, else True when one allows, else None."""
        allowed = None
        for statement in self.statements:
            if (not statement.allows or not allowed) and statement.applies(access):
                if not statement.allows:
                    return False
                allowed = True
        return allowed


def parse(text: str, *, principals: bool) -> Policy:
    """Read a policy. `principals`: whether its statements must name them, or must not.

    Raises `PolicyError`; the size of `text` is the caller's to bound.
    """
    top = _elements(_load(text), _TOP, "the policy")
    if top.get("version", VERSION) != VERSION:
        raise PolicyError(f"version is {str(top['version'])[:20]!r}: {VERSION!r} is the only one")
    listed = top.get("statement")
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_STATEMENTS:
        raise PolicyError(f"statement must be a list of 1 to {MAX_STATEMENTS} statements")
    return Policy(
        tuple(
            _statement(entry, f"statement[{index}]", top.get("principal"), principals=principals)
            for index, entry in enumerate(listed)
        )
    )


def _load(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except RecursionError:
        raise PolicyError("the policy is nested too deeply") from None
    except PolicyError:
        raise
    except ValueError as error:
        raise PolicyError(f"the policy is no JSON: {error}") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The last of two equal names would win unseen: a `deny` could hide behind an `allow`.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PolicyError("an element stands twice in one object")
    return found


def _elements(document: object, known: frozenset[str], where: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise PolicyError(f"{where} must be an object")
    found = {}
    for name, value in document.items():
        small = name[:1].lower() + name[1:]
        if small not in known:
            raise PolicyError(
                f"{where} has the element {name[:50]!r}: allowed are {', '.join(sorted(known))}"
            )
        if small in found:
            raise PolicyError(f"{where} has {small} twice")
        found[small] = value
    return found


def _statement(
    document: object, where: str, default_principal: object, *, principals: bool
) -> Statement:
    parts = _elements(document, _STATEMENT, where)
    effect = str(parts.get("effect", "")).lower()
    if effect not in ("allow", "deny"):
        raise PolicyError(f"{where}.effect is {effect[:50]!r}: allow or deny is expected")
    named = parts.get("principal", default_principal)
    if principals != (named is not None):
        raise PolicyError(f"{where}.principal {'is missing' if principals else 'is not allowed'}")
    try:
        limits = conditions.parse(parts.get("condition", {}))
    except ConditionError as error:
        raise PolicyError(f"{where}: {error}") from None
    return Statement(
        allows=effect == "allow",
        actions=tuple(_action(text, where) for text in _texts(parts, "action", where)),
        resources=tuple(_resource(text, where) for text in _texts(parts, "resource", where)),
        principals=_principals(named, where) if principals else None,
        conditions=limits,
    )


def _texts(parts: dict[str, Any], name: str, where: str) -> list[str]:
    value = parts.get(name)
    listed: list[Any] = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(text, str) and text for text in listed):
        raise PolicyError(f"{where}.{name} must be a text or a list of texts")
    return listed


def _action(text: str, where: str) -> str:
    name = text.removeprefix("name/")
    service, colon, operation = name.partition(":")
    if name != "*" and not (service and colon and operation):
        raise PolicyError(
            f"{where}.action is {text[:80]!r}: *, name/cos:<Operation> or name/ci:<Operation>"
        )
    return name


def _resource(text: str, where: str) -> Resource | None:
    if text == "*":
        return None
    parts = text.split(":", _PARTS - 1)
    if len(parts) != _PARTS or parts[0] != "qcs":
        raise PolicyError(
            f"{where}.resource is {text[:120]!r}: * or "
            "qcs::cos:<region>:uid/<appid>:<bucket-appid>/<path> is expected"
        )
    first, project, service, region, account, rest = parts
    return first, project, service, region, account, rest


def _covers(own: Resource | None, spellings: tuple[Resource, ...]) -> bool:
    if own is None:
        return True
    # An empty segment of a policy stands for all, except for the resource itself.
    return any(
        all(
            globs.matches(part or "*", sent)
            for part, sent in zip(own[:-1], spelling[:-1], strict=True)
        )
        and globs.matches(own[-1], spelling[-1])
        for spelling in spellings
    )


def _principals(value: object, where: str) -> frozenset[str]:
    listed = value
    if isinstance(value, dict):
        if set(value) != {"qcs"}:
            raise PolicyError(f'{where}.principal must be {{"qcs": [...]}}')
        listed = value["qcs"]
    listed = listed if isinstance(listed, list) else [listed]
    if not listed:
        raise PolicyError(f"{where}.principal names nobody")
    for name in listed:
        if not isinstance(name, str) or not (name in ANYONE or name.startswith("qcs::cam::uin/")):
            raise PolicyError(
                f"{where}.principal is {str(name)[:100]!r}: *, qcs::cam::anyone:anyone or "
                "qcs::cam::uin/<account>:uin/<user> is expected"
            )
    return frozenset(listed)

"""The conditions of a policy statement (CAM: condition operators and keys).

A key that the request lacks makes its condition false, and true with `_if_exist`; `null_equal`
asks just that. Several values of one key are alternatives; for a negated operator none may match.
https://cloud.tencent.com/document/product/598/10608, .../product/436/71306
"""

from __future__ import annotations

import ipaddress
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.identity import globs

# What a request says of a condition key; empty where it says nothing.
Lookup = Callable[[str], tuple[str, ...]]
MAX_VALUE = 2048


class ConditionError(ValueError):
    """A condition that cannot be read; the message names the operator or the value."""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and len(value) <= MAX_VALUE:
        return value
    if isinstance(value, int | float):
        return str(value)
    raise ConditionError(f"a value of at most {MAX_VALUE} characters is expected")


def _number(value: object) -> float:
    number = float(_text(value))
    if not math.isfinite(number):
        raise ConditionError("a finite number is expected")
    return number


def _date(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bool(value: object) -> bool:
    text = _text(value).lower()
    if text not in ("true", "false"):
        raise ConditionError("true or false is expected")
    return text == "true"


def _network(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(_text(value), strict=False)


def _is_in(sent: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return ipaddress.ip_address(sent) in network


def _lower(value: object) -> str:
    return _text(value).lower()


@dataclass(frozen=True)
class _Operator:
    """`read` reads the policy's value, `read_sent` the request's; `holds(sent, wanted)`."""

    read: Callable[[Any], Any]
    holds: Callable[[Any, Any], bool]
    negated: bool = False
    read_sent: Callable[[Any], Any] | None = None


def _compared(prefix: str, read: Callable[[Any], Any]) -> dict[str, _Operator]:
    return {
        f"{prefix}_equal": _Operator(read, operator.eq),
        f"{prefix}_not_equal": _Operator(read, operator.eq, negated=True),
        f"{prefix}_less_than": _Operator(read, operator.lt),
        f"{prefix}_less_than_equal": _Operator(read, operator.le),
        f"{prefix}_greater_than": _Operator(read, operator.gt),
        f"{prefix}_greater_than_equal": _Operator(read, operator.ge),
    }


def _like(sent: str, pattern: str) -> bool:
    return globs.matches(pattern, sent)


OPERATORS = {
    "string_equal": _Operator(_text, operator.eq),
    "string_not_equal": _Operator(_text, operator.eq, negated=True),
    "string_equal_ignore_case": _Operator(_lower, operator.eq),
    "string_not_equal_ignore_case": _Operator(_lower, operator.eq, negated=True),
    "string_like": _Operator(_text, _like),
    "string_not_like": _Operator(_text, _like, negated=True),
    **_compared("numeric", _number),
    **_compared("date", _date),
    "bool_equal": _Operator(_bool, operator.eq),
    "ip_equal": _Operator(_network, _is_in, read_sent=_text),
    "ip_not_equal": _Operator(_network, _is_in, negated=True, read_sent=_text),
}
_NULL = "null_equal"
_IF_EXIST = "_if_exist"
_QUANTIFIERS = {"for_any_value": any, "for_all_value": all}


@dataclass(frozen=True)
class Condition:
    """One operator on one key. `name` is without quantifier and `_if_exist`."""

    name: str
    key: str
    wanted: tuple[Any, ...]
    if_exist: bool = False
    quantifier: str = "for_any_value"

    def holds(self, lookup: Lookup) -> bool:
        """Whether the request that `lookup` describes meets this condition."""
        sent = lookup(self.key)
        if self.name == _NULL:
            return (not sent) in self.wanted
        if not sent:
            return self.if_exist
        quantified = _QUANTIFIERS[self.quantifier]
        return quantified(self._meets(value) for value in sent)

    def _meets(self, sent: str) -> bool:
        rule = OPERATORS[self.name]
        try:
            value = (rule.read_sent or rule.read)(sent)
            found = any(rule.holds(value, wanted) for wanted in self.wanted)
        except ValueError:
            return False  # the request's value is none of this type
        return found is not rule.negated


def parse(document: object) -> tuple[Condition, ...]:
    """`{"operator": {"key": value or [values]}}`. All of them must hold.

    Raises `ConditionError` for an unknown operator or a value that is none of its type.
    """
    if not isinstance(document, dict):
        raise ConditionError("condition must be an object of operators")
    found = []
    for text, keys in document.items():
        quantifier, colon, name = text.rpartition(":")
        quantifier = quantifier if colon else "for_any_value"
        if_exist = name.endswith(_IF_EXIST)
        name = name.removesuffix(_IF_EXIST)
        if quantifier not in _QUANTIFIERS or (name not in OPERATORS and name != _NULL):
            raise ConditionError(f"condition operator {text[:60]!r} is unknown")
        if not isinstance(keys, dict) or not keys:
            raise ConditionError(f"{text[:60]} must be an object of condition keys")
        read = _bool if name == _NULL else OPERATORS[name].read
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            try:
                wanted = tuple(read(value) for value in listed)
            except (ValueError, OverflowError) as error:
                raise ConditionError(f"{text[:60]} {key[:60]}: {error}") from None
            if not wanted:
                raise ConditionError(f"{text[:60]} {key[:60]} has no value")
            found.append(Condition(name, key, wanted, if_exist, quantifier))
    return tuple(found)

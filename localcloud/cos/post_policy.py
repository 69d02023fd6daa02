"""The policy of a form upload: what its signer allows, and that he signed it.

https://cloud.tencent.com/document/product/436/14690
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from localcloud.errors import ServiceError

_MAX_CONDITIONS = 200


@dataclass(frozen=True)
class PostPolicy:
    """A policy as sent: `text` is its JSON, `expiration` in Unix seconds, sizes in bytes."""

    text: str
    expiration: float
    conditions: tuple[tuple[str, str, str], ...]
    smallest: int
    largest: int | None

    @classmethod
    def parse(cls, encoded: str) -> PostPolicy:
        """Read the form's field `policy`. Raises `ServiceError` InvalidPolicyDocument."""
        try:
            text = base64.b64decode(encoded, validate=True).decode("utf-8")
            document = json.loads(text)
        except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError):
            raise _invalid("it must be the base64 of a JSON document") from None
        if not isinstance(document, dict) or not isinstance(document.get("conditions"), list):
            raise _invalid("it must have 'expiration' and a list 'conditions'")
        if len(document["conditions"]) > _MAX_CONDITIONS:
            raise _invalid(f"more than {_MAX_CONDITIONS} conditions")
        conditions: list[tuple[str, str, str]] = []
        smallest, largest = 0, None
        for condition in document["conditions"]:
            if isinstance(condition, list) and condition[:1] == ["content-length-range"]:
                low, high = _sizes(condition)
                smallest = max(smallest, low)
                largest = high if largest is None else min(largest, high)
            else:
                conditions += _conditions(condition)
        date = _date(document.get("expiration"))
        return cls(text, date, tuple(conditions), smallest, largest)

    def check(self, fields: Mapping[str, str], now: float) -> None:
        """Raises `ServiceError` AccessDenied for an expired policy or a condition that fails.

        `fields` are the form's by lower-case name, with `bucket`, and with `key` as it will be.
        """
        if now > self.expiration:
            raise ServiceError("AccessDenied", "Invalid according to Policy: Policy expired")
        for kind, name, wanted in self.conditions:
            value = fields.get(name)
            holds = value is not None and (
                value.startswith(wanted) if kind == "starts-with" else value == wanted
            )
            if not holds:
                raise ServiceError(
                    "AccessDenied",
                    f"Invalid according to Policy: Policy Condition failed: "
                    f'["{kind}", "${name}", "{wanted}"]',
                )


def _conditions(condition: Any) -> list[tuple[str, str, str]]:
    if isinstance(condition, dict) and condition:
        pairs = condition.items()
        if all(isinstance(value, str) for _, value in pairs):
            return [("eq", name.lower(), value) for name, value in pairs]
    elif isinstance(condition, list) and len(condition) == 3:
        kind, name, value = condition
        if (
            kind in ("eq", "starts-with")
            and isinstance(name, str)
            and name.startswith("$")
            and isinstance(value, str)
        ):
            return [(kind, name[1:].lower(), value)]
    raise _invalid(
        f"the condition {json.dumps(condition)[:100]} is none of "
        '{"name": "value"}, ["eq", "$name", "value"], ["starts-with", "$name", "value"], '
        '["content-length-range", smallest, largest]'
    )


def _sizes(condition: list[Any]) -> tuple[int, int]:
    try:
        low, high = (int(size) for size in condition[1:])
    except (TypeError, ValueError):
        low, high = 0, -1
    if not 0 <= low <= high:
        raise _invalid("content-length-range has two sizes in bytes, the smaller one first")
    return low, high


def _date(text: object) -> float:
    try:
        date = datetime.fromisoformat(str(text))
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        raise _invalid("its expiration must be like 2027-01-31T08:00:00.000Z") from None


def _invalid(reason: str) -> ServiceError:
    return ServiceError("InvalidPolicyDocument", f"The policy cannot be used: {reason}")

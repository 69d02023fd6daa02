"""What is wrong with a rule, where, and what would be right."""

from __future__ import annotations

from typing import Literal

Reason = Literal["invalid", "unsupported"]
_SHOWN = 80


class RuleError(ValueError):
    """A rule that cannot be run.

    `position` counts characters from 0 in the rule's text; `part` is the word that is wrong;
    `allowed` says in words what may stand there. `reason` is "unsupported" for an operation that
    CI has and this version does not build yet, "invalid" for everything else.
    """

    def __init__(
        self, position: int, part: str, allowed: str, reason: Reason = "invalid", where: str = ""
    ) -> None:
        self.position = position
        self.part = part if len(part) <= _SHOWN else part[:_SHOWN] + "..."
        self.allowed = allowed
        self.reason = reason
        place = f"{where}: " if where else ""
        fault = "is not supported yet" if reason == "unsupported" else "is not valid"
        super().__init__(
            f"{place}{self.part!r} at character {position} {fault}; allowed: {allowed}"
        )

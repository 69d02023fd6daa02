"""What is wrong with a rule, where, and what would be right."""

from __future__ import annotations

_SHOWN = 80


class RuleError(ValueError):
    """A rule that cannot be run.

    `position` counts characters from 0 in the rule's text; `part` is the word that is wrong;
    `allowed` says in words what may stand there.
    """

    def __init__(self, position: int, part: str, allowed: str, where: str = "") -> None:
        self.position = position
        self.part = part if len(part) <= _SHOWN else part[:_SHOWN] + "..."
        self.allowed = allowed
        place = f"{where}: " if where else ""
        super().__init__(
            f"{place}{self.part!r} at character {position} is not valid; allowed: {allowed}"
        )

"""Which fault befalls which request or event: rules, a seed, and counts for each operation."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from localcloud.faults.rules import Effect, EventFate, FaultError, Refusal, Rule

MAX_RULES = 100
MAX_DELAYED = 10_000  # events that wait; one more is delivered at once
# The operation that is at work: an event belongs to the one that caused it.
acting: ContextVar[str] = ContextVar("acting", default="")
_log = logging.getLogger("localcloud")
_Tell = Callable[[dict[str, Any]], None]


@dataclass
class _Counted:
    """A rule, how many requests it has seen and how many it befell, by operation."""

    rule: Rule
    seen: dict[str, int] = field(default_factory=dict)
    struck: dict[str, int] = field(default_factory=dict)

    def strikes(self, seed: int, operation: str) -> bool:
        turn = self.seen[operation] = self.seen.get(operation, 0) + 1
        done = self.struck.get(operation, 0)
        if turn <= self.rule.after or done >= self.rule.times:
            return False
        if not _chance(seed, self.rule.text, operation, turn) < self.rule.percent / 100:
            return False
        self.struck[operation] = done + 1
        return True


class Faults:
    """The faults of one cloud; none at first. Lives on the cloud's event loop."""

    def __init__(self) -> None:
        self.seed = 0
        self._rules: list[_Counted] = []
        self._delayed: set[asyncio.TimerHandle] = set()

    @property
    def active(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def replace(self, rules: Iterable[Rule], seed: int) -> None:
        """Begin anew: these rules, their counts at zero. Raises `FaultError` for too many."""
        self._rules, before = [], self._rules
        try:
            self.add(rules)
        except FaultError:
            self._rules = before
            raise
        self.seed = seed

    def add(self, rules: Iterable[Rule]) -> None:
        """Add rules behind those that are there. Raises `FaultError` for too many."""
        new = [_Counted(rule) for rule in rules]
        if len(self._rules) + len(new) > MAX_RULES:
            raise FaultError(f"{len(self._rules) + len(new)} faults: at most {MAX_RULES}")
        self._rules += new

    def report(self) -> dict[str, Any]:
        """The seed; each rule's text, and by operation what it has seen and what it befell."""
        rules = [
            {"fault": one.rule.text, "seen": dict(one.seen), "struck": dict(one.struck)}
            for one in self._rules
        ]
        return {"seed": self.seed, "faults": rules, "delayed": len(self._delayed)}

    def of_request(self, operation: str, bucket: str, key: str) -> list[Effect]:
        """What befalls this request, in the order of the rules; nothing follows a refusal."""
        effects: list[Effect] = []
        for one in self._rules:
            if isinstance(one.rule.effect, EventFate):
                continue
            if one.rule.concerns(operation, bucket, key) and one.strikes(self.seed, operation):
                effects.append(one.rule.effect)
                if isinstance(one.rule.effect, Refusal):
                    break
        return effects

    def deliver(self, event: dict[str, Any], tell: _Tell) -> None:
        """Hand a COS event to `tell`: once and now, unless a rule has it otherwise."""
        copies, delay = self._fate(event) if self._rules else (1, 0.0)
        for _ in range(copies):
            if delay and len(self._delayed) < MAX_DELAYED:
                self._later(delay, event, tell)
            else:
                tell(event)

    def close(self) -> None:
        """Give up the events that still wait, and say so."""
        if self._delayed:
            _log.warning("%d delayed events are not delivered", len(self._delayed))
        for handle in self._delayed:
            handle.cancel()
        self._delayed.clear()

    def _fate(self, event: dict[str, Any]) -> tuple[int, float]:
        cos, operation = event["Records"][0]["cos"], acting.get()
        place = cos["cosBucket"]
        bucket = f"{place['name']}-{place['appid']}"
        key = cos["cosObject"]["key"].removeprefix(f"/{place['appid']}/{place['name']}/")
        copies, delay = 1, 0.0
        for one in self._rules:
            fate = one.rule.effect
            if (
                isinstance(fate, EventFate)
                and one.rule.concerns(operation, bucket, key)
                and one.strikes(self.seed, operation)
            ):
                copies, delay = copies * fate.copies, delay + fate.delay
                if not copies:
                    break
        return min(copies, 2), delay

    def _later(self, delay: float, event: dict[str, Any], tell: _Tell) -> None:
        def arrive() -> None:
            self._delayed.discard(handle)
            tell(event)

        handle = asyncio.get_running_loop().call_later(delay, arrive)
        self._delayed.add(handle)


def _chance(seed: int, rule: str, operation: str, turn: int) -> float:
    """A number from 0 to 1 that is always the same for the same arguments."""
    text = f"{seed}\0{rule}\0{operation}\0{turn}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / 2**64

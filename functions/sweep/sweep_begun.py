"""Which claims were begun again, and when: the events of a burst may wait in SCF's queue for longer
than a round, and each round would add one more invocation of the same upload."""

from __future__ import annotations

import time

MOST = 1000  # claims that are remembered; the oldest are forgotten first
_LONGEST = 3600.0  # seconds between two invocations of one claim


class Begun:
    """How often each claim, by the key of its generation, was begun again, and when last."""

    def __init__(self, known: dict[str, tuple[int, float]] | None = None) -> None:
        self._known = known or {}

    @classmethod
    def read(cls, document: object) -> Begun:
        """From what `document` told; without what cannot be read."""
        found = {}
        for key, value in document.items() if isinstance(document, dict) else ():
            match value:
                case [int(times), int(when) | float(when)]:
                    found[str(key)] = (times, float(when))
        return cls(found)

    def document(self) -> dict[str, list[float]]:
        """The state as JSON values: of the last day, and at most `MOST`."""
        last = sorted(self._known.items(), key=lambda entry: entry[1][1])[-MOST:]
        return {key: [times, when] for key, (times, when) in last if when > time.time() - 86_400}

    def is_due(self, key: str, rest: float) -> bool:
        """Whether a claim may be begun again: at first, after half of `rest` seconds, and then
        after twice as long each time."""
        if key not in self._known:
            return True
        times, when = self._known[key]
        return bool(time.time() - when >= min(_LONGEST, rest * 2 ** (min(times, 30) - 2)))

    def add(self, key: str) -> None:
        """A claim was begun again now."""
        times, _ = self._known.get(key, (0, 0.0))
        self._known[key] = (times + 1, round(time.time(), 1))

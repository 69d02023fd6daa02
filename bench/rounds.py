"""Both sides in one run, in alternating rounds, compared by their medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping


def alternate(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call every side once per round, the order turned round each time, after one unused round."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for measure in sides.values():
        measure()
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in names:
            found[name].append(sides[name]())
    return found


def spread(values: list[float], digits: int = 1) -> str:
    """Median and range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median over median."""
    return statistics.median(ours) / statistics.median(theirs)

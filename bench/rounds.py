"""Both sides in one run, in alternating rounds, compared by their medians."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

FOREIGN = 0.10  # cores taken by others, from which a round is repeated
ATTEMPTS = 12


def alternate(sides: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call every side once per round, the order turned round each time, after one unused round."""
    found: dict[str, list[T]] = {name: [] for name in sides}
    for measure in sides.values():
        measure()
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in names:
            found[name].append(sides[name]())
    return found


def undisturbed(
    measure: Callable[[], T], server_cpu: Callable[[], float], repeated: list[float]
) -> T:
    """`measure()`, again while other programs (or the hypervisor) took a tenth of a core.

    `server_cpu()` is the CPU time of the server under test in seconds; the load generator is a
    child of ours. The last attempt counts anyway; `repeated` gets the cores that others took.
    """
    for _ in range(ATTEMPTS):
        busy, ours, begin = _busy(), server_cpu() + _own(), time.monotonic()
        value = measure()
        seconds = time.monotonic() - begin
        foreign = (_busy() - busy - (server_cpu() + _own() - ours)) / seconds
        if foreign < FOREIGN:
            break
        repeated.append(foreign)
    return value


def _busy() -> float:
    """CPU seconds of the whole machine that were not idle; stolen ones included."""
    fields = [int(text) for text in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    user, nice, system, _idle, _waiting, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """CPU seconds of this process and its ended children."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def spread(values: list[float], digits: int = 1) -> str:
    """Median and range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Median over median."""
    return statistics.median(ours) / statistics.median(theirs)

"""Rules executed on real pixels. The only place of the project that imports an image library.

The libraries are loaded by the first picture, not by importing this package: a server that has
none to do stays small.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from localcloud.imaging.errors import ImageError, NotEnabledError
from localcloud.imaging.inspect import Inspection, inspect
from localcloud.imaging.limits import LIMITS, Limits
from localcloud.imaging.results import ImageFacts, ImageResult
from shared.rules import Rule

__all__ = [
    "LIMITS",
    "ImageError",
    "ImageFacts",
    "ImageResult",
    "Inspection",
    "Limits",
    "NotEnabledError",
    "describe",
    "inspect",
    "process",
]


def process(
    source: bytes | Path,
    rule: Rule,
    *,
    limits: Limits = LIMITS,
    marks: Mapping[str, bytes] = MappingProxyType({}),
    slow_jpeg: bool = False,
) -> ImageResult:
    """Apply `rule`: see `localcloud.imaging.execute.process`."""
    from localcloud.imaging import execute

    return execute.process(source, rule, limits=limits, marks=marks, slow_jpeg=slow_jpeg)


def describe(source: bytes | Path, *, limits: Limits = LIMITS) -> ImageFacts:
    """Read all facts: see `localcloud.imaging.facts.describe`."""
    from localcloud.imaging import facts

    return facts.describe(source, limits=limits)

"""Rules executed on real pixels. The only place of the project that imports an image library."""

from __future__ import annotations

from localcloud.imaging.errors import ImageError, NotEnabledError
from localcloud.imaging.execute import ImageResult, process
from localcloud.imaging.facts import ImageFacts, describe
from localcloud.imaging.inspect import Inspection, inspect
from localcloud.imaging.limits import LIMITS, Limits

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

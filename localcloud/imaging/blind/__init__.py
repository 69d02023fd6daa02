"""Blind marks: what an eye does not see in a picture and `watermark/4` finds again.

The methods, their papers and what they survive: docs/blind-watermark.md. What does the work is
imported by the first job that needs it: numpy and OpenCV would double an idle server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL import Image

from localcloud.imaging.blind.source import check_source, extra_bytes
from localcloud.imaging.limits import Limits
from shared.rules import BlindExtraction, BlindWatermark

if TYPE_CHECKING:
    from localcloud.imaging.blind.rule import Extracted

__all__ = ["add", "check_source", "extra_bytes", "extract"]


def add(
    image: Image.Image, stage: BlindWatermark, marks: Mapping[str, bytes], limits: Limits
) -> Image.Image:
    """See `rule.add`."""
    from localcloud.imaging.blind import rule

    return rule.add(image, stage, marks, limits)


def extract(
    source: Image.Image, stage: BlindExtraction, marks: Mapping[str, bytes], limits: Limits
) -> Extracted:
    """See `rule.extract`."""
    from localcloud.imaging.blind import rule

    return rule.extract(source, stage, marks, limits)

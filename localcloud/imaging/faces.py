"""`scrop`: where the faces are, and the part of the picture around them (CI manual 004:1660).

The detector is the Viola-Jones cascade `frontalface_alt2` that comes with OpenCV: upright faces
seen from the front. A face that lies on its side in the file needs `auto-orient` first.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from localcloud.imaging import geometry
from localcloud.imaging.geometry import Box, Size
from localcloud.imaging.limits import Limits
from localcloud.imaging.stages import apply_stage
from shared import rules

if TYPE_CHECKING:
    import cv2

_CASCADE = "haarcascade_frontalface_alt2.xml"
_LOOKED_AT = 800  # px of the longer side: smaller faces than 3 % of it are not looked for
_SMALLEST = 24
_STEP = 1.1
_NEIGHBOURS = 4
_local = threading.local()


class NoFaceError(Exception):
    """The picture has no face: the original is the answer."""


def wants_faces(stage: rules.Stage) -> bool:
    """Whether the stage has a `scrop`."""
    return isinstance(stage, rules.ImageMogr2) and any(
        isinstance(operation, rules.SmartCrop) for operation in stage.operations
    )


def fixed(image: Image.Image, stage: rules.ImageMogr2, limits: Limits) -> rules.ImageMogr2:
    """The stage with its `scrop` as a fixed scaling and cut, found on `image` as it comes to it.

    So all frames of an animation get the same part. Raises NoFaceError, ImageError.
    """
    [index] = [at for at, one in enumerate(stage.operations) if isinstance(one, rules.SmartCrop)]
    operation = stage.operations[index]
    assert isinstance(operation, rules.SmartCrop)  # noqa: S101 - for the type checker
    if index:
        image = apply_stage(image, replace(stage, operations=stage.operations[:index]), limits)
    target = geometry.checked(Size(operation.target.width, operation.target.height), limits)
    scaled, place = around(Size(*image.size), target, find(image))
    form = rules.Geometry(rules.Form.FORCE, scaled.width, scaled.height)
    area = rules.Area(target.width, target.height, place.left, place.top)
    around_faces = (rules.Thumbnail(form), rules.Cut(area))
    operations = (*stage.operations[:index], *around_faces, *stage.operations[index + 1 :])
    return replace(stage, operations=operations)


def around(size: Size, target: Size, faces: Box) -> tuple[Size, Box]:
    """The size to scale to, so that it just covers `target`, and the part with the faces amidst.

    Where not all faces have room, their common centre has.
    """
    factor = max(target.width / size.width, target.height / size.height)
    scaled = Size(
        max(target.width, round(size.width * factor)),
        max(target.height, round(size.height * factor)),
    )
    left = _start((faces.left + faces.right) / 2 * factor, target.width, scaled.width)
    top = _start((faces.top + faces.bottom) / 2 * factor, target.height, scaled.height)
    return scaled, Box(left, top, left + target.width, top + target.height)


def _start(centre: float, length: int, whole: int) -> int:
    return min(max(round(centre - length / 2), 0), whole - length)


def find(image: Image.Image) -> Box:
    """The smallest box with all faces, in px of `image`. Raises NoFaceError."""
    import numpy

    factor = max(1.0, max(image.size) / _LOOKED_AT)
    small = (max(1, round(image.width / factor)), max(1, round(image.height / factor)))
    grey = image.convert("L").resize(small, Image.Resampling.BILINEAR)
    found = _detector().detectMultiScale(
        numpy.asarray(grey), _STEP, _NEIGHBOURS, minSize=(_SMALLEST, _SMALLEST)
    )
    if not len(found):
        raise NoFaceError
    edges = [(x, y, x + width, y + height) for x, y, width, height in found.tolist()]
    left, top, right, bottom = zip(*edges, strict=True)
    box = (min(left), min(top), max(right), max(bottom))
    return Box(*(round(edge * factor) for edge in box))


def _detector() -> cv2.CascadeClassifier:
    """One for each thread: it keeps its state between calls."""
    import cv2

    if not hasattr(_local, "detector"):
        cv2.setNumThreads(1)
        _local.detector = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / _CASCADE))
    detector: cv2.CascadeClassifier = _local.detector
    return detector

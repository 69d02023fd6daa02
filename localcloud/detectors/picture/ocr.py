"""Reads text in a picture: PP-OCRv6's detector and recogniser, run by onnxruntime.

The weights are files of an installed package that is never imported (`localcloud/models.txt`). The
steps around the networks are the usual ones of differentiable binarisation and of CTC: a map of
where text is, boxes around its blots, each box turned upright and read in one pass.
"""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from localcloud.detectors.judgement import Location

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime

ENGINE = "PP-OCRv6"
_PACKAGE = "rapidocr"
_DETECTOR, _READER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_TURNS = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"
# What the networks were trained with.
_LEAST_SIDE, _MOST_SIDE, _STEP = 736, 1600, 32
_MOST_GROWTH = 2.0
_FLAT = 8  # between the darkest and the lightest: less is no text for anybody
_TEXT, _BOX = 0.3, 0.5
_UNCLIP = 1.6
_LEAST_BOX = 3
MAX_LINES = 300
_HEIGHT, _LEAST_WIDTH, _MOST_WIDTH = 48, 320, 3200
_BATCH = 6
_TURN_WIDTH, _TURN_SURE = 192, 0.9
_SURE, _DOUBTFUL = 0.5, 0.9
_UPRIGHT = 1.5  # higher than wide by so much: written downwards, or lying


@dataclass(frozen=True)
class Line:
    """A line of text with its box in px of the picture; `score` is 0-1."""

    text: str
    score: float
    location: Location


def available() -> bool:
    names = ("onnxruntime", "cv2", "numpy")
    return all(importlib.util.find_spec(name) for name in names) and _model(_READER) is not None


class Reading(NamedTuple):
    """The lines from the top left; `whole` is False where there were more than `MAX_LINES`, of
    which the smaller ones were not read."""

    lines: list[Line]
    whole: bool = True


def read(picture: np.ndarray) -> Reading:
    """The lines of an RGB picture (height x width x 3, 8 bits)."""
    if not picture.size or int(picture.max()) - int(picture.min()) < _FLAT:
        return Reading([])
    boxes, whole = _boxes(picture)
    lines = []
    with _LOCK:
        crops = [_upright(_cut(picture, box)) for box in boxes]
        for (text, score), box in zip(_read(crops), boxes, strict=True):
            if text and score >= _SURE:
                lines.append(Line(text, score, _location(box)))
    return Reading(lines, whole)


_LOCK = threading.Lock()


@lru_cache(maxsize=4)
def _model(name: str) -> Path | None:
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, "models", name)
        if path.is_file():
            return path
    return None


@lru_cache(maxsize=3)
def _session(name: str) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Its arena never shrinks: a large picture would hold its memory for ever.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores from everything else on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(_model(name)), options, providers=["CPUExecutionProvider"]
    )


def _run(name: str, batch: np.ndarray) -> np.ndarray:
    session = _session(name)
    result: np.ndarray = session.run(None, {session.get_inputs()[0].name: batch})[0]
    return result


def _normal(picture: np.ndarray) -> np.ndarray:
    """Channels first, -1 to 1; the networks were trained on BGR."""
    import numpy as np

    channels = picture[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)
    return channels / 127.5 - 1.0


def _boxes(picture: np.ndarray) -> tuple[list[np.ndarray], bool]:
    """Four corners each, clockwise from the top left, sorted as one reads; whether that is all."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    scale = min(_MOST_GROWTH, max(1.0, _LEAST_SIDE / min(height, width)))
    scale = min(scale, _MOST_SIDE / max(height, width))
    size = [max(_STEP, round(side * scale / _STEP) * _STEP) for side in (width, height)]
    heat = _run(_DETECTOR, _normal(cv2.resize(picture, size))[None])[0, 0]
    blots = cv2.dilate((heat > _TEXT).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(blots, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    ratio = np.array([width / size[0], height / size[1]], np.float32)
    limit = np.array([width, height], np.float32)
    boxes: list[np.ndarray] = []
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True):
        centre, sides, angle = cv2.minAreaRect(outline)
        if min(sides) < _LEAST_BOX or _mean(heat, outline) < _BOX:
            continue
        if len(boxes) >= MAX_LINES:
            return sorted(boxes, key=_reading_order), False
        # The map marks the core of a line: grow it by what training shrank.
        grow = 2 * sides[0] * sides[1] * _UNCLIP / (2 * (sides[0] + sides[1]))
        grown = (sides[0] + grow, sides[1] + grow)
        corners = _ordered(cv2.boxPoints((centre, grown, angle)) * ratio)
        boxes.append(np.clip(corners, 0, limit))
    return sorted(boxes, key=_reading_order), True


def _mean(heat: np.ndarray, outline: np.ndarray) -> float:
    """How sure the network is of a blot, over its inside."""
    import cv2
    import numpy as np

    x, y, width, height = cv2.boundingRect(outline)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [outline - np.array([x, y])], 1)
    return float(cv2.mean(heat[y : y + height, x : x + width], inside)[0])


def _ordered(corners: np.ndarray) -> np.ndarray:
    """Clockwise from the top left."""
    import numpy as np

    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def _reading_order(corners: np.ndarray) -> tuple[int, float]:
    return int(corners[:, 1].min() // 10), float(corners[:, 0].min())


def _cut(picture: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The box as a picture of its own, level."""
    import cv2
    import numpy as np

    width = max(1, round(max(_length(corners, 0, 1), _length(corners, 3, 2))))
    height = max(1, round(max(_length(corners, 0, 3), _length(corners, 1, 2))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turned = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(
        picture, turned, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _length(corners: np.ndarray, one: int, two: int) -> float:
    import numpy as np

    return float(np.linalg.norm(corners[one] - corners[two]))


def _upright(crop: np.ndarray) -> np.ndarray:
    """Turned by a quarter if it is higher than wide, by a half if it stands on its head."""
    import cv2
    import numpy as np

    if crop.shape[0] >= crop.shape[1] * _UPRIGHT:
        crop = np.rot90(crop)
    width = min(_TURN_WIDTH, max(1, round(crop.shape[1] * _HEIGHT / crop.shape[0])))
    batch = np.zeros((1, 3, _HEIGHT, _TURN_WIDTH), np.float32)
    batch[0, :, :, :width] = _normal(cv2.resize(np.ascontiguousarray(crop), (width, _HEIGHT)))
    turned = float(_run(_TURNS, batch)[0][1])
    return np.ascontiguousarray(np.rot90(crop, 2) if turned > _TURN_SURE else crop)


def _read(crops: list[np.ndarray]) -> list[tuple[str, float]]:
    """The texts; what reads badly is turned by a half, for the network of turns errs as well."""
    import numpy as np

    results = _texts(crops)
    doubtful = [place for place, (_, score) in enumerate(results) if score < _DOUBTFUL]
    turned = [np.ascontiguousarray(np.rot90(crops[place], 2)) for place in doubtful]
    for place, other in zip(doubtful, _texts(turned), strict=True):
        results[place] = max(results[place], other, key=lambda result: result[1])
    return results


def _texts(crops: list[np.ndarray]) -> list[tuple[str, float]]:
    """What stands in each, and how sure that is. Read together with those of like width."""
    import cv2
    import numpy as np

    widths = [
        min(_MOST_WIDTH, max(1, round(crop.shape[1] * _HEIGHT / crop.shape[0]))) for crop in crops
    ]
    results: list[tuple[str, float]] = [("", 0.0)] * len(crops)
    order = sorted(range(len(crops)), key=widths.__getitem__)
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        widest = max(_LEAST_WIDTH, *(widths[place] for place in places))
        batch = np.zeros((len(places), 3, _HEIGHT, widest), np.float32)
        for row, place in enumerate(places):
            crop = cv2.resize(crops[place], (widths[place], _HEIGHT))
            batch[row, :, :, : widths[place]] = _normal(crop)
        for place, steps in zip(places, _run(_READER, batch), strict=True):
            results[place] = _decoded(steps)
    return results


@lru_cache(maxsize=1)
def _characters() -> list[str]:
    """What the reader's classes stand for: the first is "nothing new", the last a space."""
    listed = _session(_READER).get_modelmeta().custom_metadata_map["character"]
    return ["", *listed.splitlines(), " "]


def _decoded(steps: np.ndarray) -> tuple[str, float]:
    """CTC: the best class of each step, repetitions and blanks left out."""
    best, sure = steps.argmax(1), steps.max(1)
    new = best != 0
    new[1:] &= best[1:] != best[:-1]
    if not new.any():
        return "", 0.0
    characters = _characters()
    return "".join(characters[place] for place in best[new].tolist()), float(sure[new].mean())


def _location(corners: np.ndarray) -> Location:
    import math

    (x, y), (right, lower) = corners[0].tolist(), corners[1].tolist()
    angle = -math.degrees(math.atan2(lower - y, right - x)) % 360
    centre = corners.mean(0).tolist()
    width, height = _length(corners, 0, 1), _length(corners, 0, 3)
    return Location(
        round(centre[0] - width / 2, 1),
        round(centre[1] - height / 2, 1),
        round(width, 1),
        round(height, 1),
        round(angle, 1),
    )

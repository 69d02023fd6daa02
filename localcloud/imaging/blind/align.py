"""Bring a picture that was cropped, scaled or turned back onto its original."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from localcloud.imaging.blind import luma
from localcloud.imaging.blind.blocks import Plane
from localcloud.imaging.blind.luma import Grey

# Features are sought on pictures of about so many px, whatever the size of the real ones.
_SIDE = 1000
# Nothing is to be seen in less.
_LEAST_SIDE = 32
_FEATURES, _LEAST_MATCHES = 3000, 12
_RATIO = 0.8
_PATCH = 512
# As many pixels tell how grey levels have changed.
_TOLD = 1_000_000
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Aligned:
    """The suspect on the original's pixels; `inside` says where it covers them."""

    grey: Grey
    inside: NDArray[np.bool_]


def candidates(original: Grey, suspect: Grey) -> Iterator[Aligned]:
    """Ways in which `suspect` may lie on `original`, the likeliest first."""
    yield _warped(original, suspect, _whole(original, suspect))
    if all(a <= b for a, b in zip(suspect.shape, original.shape, strict=True)):
        yield _warped(original, suspect, _cut_out(original, suspect))
    matched = _matched(original, suspect)
    starts = [_whole(original, suspect)]
    if matched is not None:
        if (snapped := _snapped(matched)) is not matched:
            yield _warped(original, suspect, snapped)
        starts = [matched, *starts]
    for start in starts:
        refined = _refined(original, suspect, start)
        if refined is not None:
            yield _warped(original, suspect, refined)
    if matched is not None:
        yield _warped(original, suspect, matched)


def difference(original: Grey, aligned: Aligned) -> Plane:
    """What the suspect has more than the original, 0 outside.

    Changes of light, contrast and gamma are taken out: for each grey level of the original, the
    mean of what it has become is no difference.
    """
    # A part of the pixels tells as much.
    some = slice(None, None, max(1, round(math.sqrt(original.size / _TOLD))))
    inside = aligned.inside[some, some]
    levels, values = original[some, some][inside], aligned.grey[some, some][inside]
    counts = np.bincount(levels, minlength=256)
    sums = np.bincount(levels, weights=values, minlength=256)
    curve = (sums / np.maximum(counts, 1)).astype(np.float32)
    return (aligned.grey - curve[original]) * aligned.inside


def _warped(original: Grey, suspect: Grey, matrix: Matrix) -> Aligned:
    size = (original.shape[1], original.shape[0])
    # A picture much larger than its original is averaged first: interpolation alone would alias.
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.75:
        height, width = suspect.shape
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        suspect = luma.resized(suspect, small).clip(0, 255).astype(np.uint8)
        matrix = _composed(matrix, _stretch(small, (width, height)))
    grey = cv2.warpAffine(
        suspect, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    full = np.full(suspect.shape, 255, np.uint8)
    cover = cv2.warpAffine(full, matrix, size, flags=cv2.INTER_LINEAR, borderValue=0)
    return Aligned(grey, cover > 250)


def _stretch(size: tuple[int, int], target: tuple[int, int]) -> Matrix:
    """From pixels of a picture of `size` to those of the same picture at `target`."""
    across, down = target[0] / size[0], target[1] / size[1]
    return np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])


def _composed(outer: Matrix, inner: Matrix) -> Matrix:
    last = np.array([[0.0, 0.0, 1.0]])
    return (np.vstack([outer, last]) @ np.vstack([inner, last]))[:2]


def _inverted(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _whole(original: Grey, suspect: Grey) -> Matrix:
    """The whole picture, at another size."""
    return _stretch(suspect.shape[::-1], original.shape[::-1])


def _cut_out(original: Grey, suspect: Grey) -> Matrix:
    """A part of the original at its own scale: where, to the pixel."""
    small, suspect_small = _reduced(original), _reduced(suspect, original.shape)
    found = cv2.matchTemplate(small, suspect_small, cv2.TM_CCOEFF_NORMED)
    left, top = cv2.minMaxLoc(found)[3]
    factor = original.shape[1] / small.shape[1]
    # At full size only a part in the middle is compared, around the place that was found.
    rows, columns = (min(_PATCH, side) for side in suspect.shape)
    y, x = (suspect.shape[0] - rows) // 2, (suspect.shape[1] - columns) // 2
    reach = round(2 * factor) + 2
    row = int(np.clip(round(top * factor) + y - reach, 0, original.shape[0] - rows))
    column = int(np.clip(round(left * factor) + x - reach, 0, original.shape[1] - columns))
    window = original[row : row + rows + 2 * reach, column : column + columns + 2 * reach]
    patch = suspect[y : y + rows, x : x + columns]
    left, top = cv2.minMaxLoc(cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED))[3]
    return np.array([[1.0, 0.0, column + left - x], [0.0, 1.0, row + top - y]])


def _reduced(grey: Grey, like: tuple[int, ...] | None = None) -> Grey:
    """At most `_SIDE` px a side, by the factor that a picture of shape `like` needs."""
    factor = min(1.0, _SIDE / max(like or grey.shape))
    if factor == 1:
        return grey
    size = tuple(max(1, round(side * factor)) for side in grey.shape[::-1])
    return luma.resized(grey, (size[0], size[1])).astype(np.uint8)


def _matched(original: Grey, suspect: Grey) -> Matrix | None:
    """A shift, turn and scale by matching features (ORB, RANSAC)."""
    first, second = _reduced(original), _reduced(suspect)
    if min(*first.shape, *second.shape) < _LEAST_SIDE:
        return None
    finder = cv2.ORB_create(_FEATURES, fastThreshold=7)
    points, features = finder.detectAndCompute(first, None)
    others, other_features = finder.detectAndCompute(second, None)
    if features is None or other_features is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(other_features, features, k=2)
    good = [
        pair[0] for pair in pairs
        if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance
    ]  # fmt: skip
    if len(good) < _LEAST_MATCHES:
        return None
    source = np.array([others[match.queryIdx].pt for match in good])
    target = np.array([points[match.trainIdx].pt for match in good])
    # RANSAC draws at random: the same pictures must give the same answer each time.
    cv2.setRNGSeed(1)
    found, _ = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=1.5)
    if found is None:
        return None
    up = _stretch(first.shape[::-1], original.shape[::-1])
    down = _stretch(suspect.shape[::-1], second.shape[::-1])
    matrix = _composed(up, _composed(found, down))
    scale = abs(np.linalg.det(matrix[:, :2]))
    return matrix if 1e-3 < scale < 1e3 else None


def _snapped(matrix: Matrix) -> Matrix:
    """Whole pixels where the picture was hardly scaled or turned."""
    if np.abs(matrix[:, :2] - np.eye(2)).max() > 0.004:
        return matrix
    return np.hstack([np.eye(2), np.rint(matrix[:, 2:])])


def _refined(original: Grey, suspect: Grey, start: Matrix) -> Matrix | None:
    """`start` bettered to a small part of a pixel: ECC (Evangelidis and Psarakis, 2008)."""
    first, second = _reduced(original), _reduced(suspect)
    if min(*first.shape, *second.shape) < _LEAST_SIDE:
        return None
    up = _stretch(first.shape[::-1], original.shape[::-1])
    down = _stretch(suspect.shape[::-1], second.shape[::-1])
    small = _composed(_inverted(up), _composed(start, _inverted(down)))
    end = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-5)
    try:
        _, found = cv2.findTransformECC(
            first, second, _inverted(small).astype(np.float32), cv2.MOTION_AFFINE, end, None, 3
        )
    except cv2.error:
        # No convergence: this way of looking found nothing.
        return None
    return _composed(up, _composed(_inverted(found.astype(np.float64)), down))

"""Nudity in a picture, where an engine for it was installed by hand. None is by default.

NudeNet's licence file is AGPL-3.0, so nobody gets it without asking for the extra by its name.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from localcloud.detectors.judgement import (
    LEAST_SENSITIVE,
    LEAST_SUSPECTED,
    SENSITIVE,
    SUSPECTED,
    Finding,
    FoundObject,
    Location,
    no_engine,
)

if TYPE_CHECKING:
    import numpy as np

SCENE = "Porn"
NUDENET = "nudenet"
# Parts of the body that decide, and those that ask for a look.
_DECIDE = ("FEMALE_GENITALIA_EXPOSED", "MALE_GENITALIA_EXPOSED", "ANUS_EXPOSED")
_ASK = ("FEMALE_BREAST_EXPOSED", "BUTTOCKS_EXPOSED")
_UNSURE = 0.6


def judge(picture: np.ndarray, wanted: str) -> Finding:
    """The finding on scene Porn for an RGB picture; `wanted` is a policy's `nudity`."""
    if wanted not in ("auto", NUDENET):
        return no_engine(SCENE, "no nudity engine is wanted")
    if not importlib.util.find_spec(NUDENET):
        return no_engine(SCENE, "no nudity engine is installed")
    seen = [
        (str(part["class"]), float(part["score"]), part["box"])
        for part in _detector().detect(picture[:, :, ::-1].copy())
    ]
    decided = [score for name, score, _ in seen if name in _DECIDE]
    asked = [score for name, score, _ in seen if name in (*_DECIDE, *_ASK)]
    parts = tuple(
        FoundObject(name, Location(*map(float, box)), "Body")
        for name, _, box in seen
        if name in (*_DECIDE, *_ASK)
    )
    if decided and max(decided) >= _UNSURE:
        score = LEAST_SENSITIVE + round((100 - LEAST_SENSITIVE) * max(decided))
        return Finding(SCENE, SENSITIVE, score, "Nudity", objects=parts, engine=NUDENET)
    if asked:
        score = LEAST_SUSPECTED + round((LEAST_SENSITIVE - 1 - LEAST_SUSPECTED) * max(asked))
        return Finding(SCENE, SUSPECTED, score, "Exposure", objects=parts, engine=NUDENET)
    return Finding(SCENE, engine=NUDENET)


@lru_cache(maxsize=1)
def _detector() -> Any:
    from nudenet import NudeDetector

    return NudeDetector()

"""Nudity in a picture, where an engine for it was installed by hand. None is by default.

NudeNet's licence file is AGPL-3.0, so nobody gets it without asking for the extra by its name;
nsfwjs is MIT, and needs Node.
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
from localcloud.detectors.picture import nsfwjs

if TYPE_CHECKING:
    import numpy as np

SCENE = "Porn"
NUDENET = "nudenet"
# Parts of the body that decide, and those that ask for a look.
_DECIDE = ("FEMALE_GENITALIA_EXPOSED", "MALE_GENITALIA_EXPOSED", "ANUS_EXPOSED")
_ASK = ("FEMALE_BREAST_EXPOSED", "BUTTOCKS_EXPOSED")
_UNSURE = 0.6
_SURE = 0.8  # of a class


def judge(picture: np.ndarray, wanted: str) -> Finding:
    """The finding on scene Porn for an RGB picture; `wanted` is a policy's `nudity`."""
    if wanted == "none":
        return no_engine(SCENE, "no nudity engine is wanted")
    if wanted in ("auto", NUDENET) and importlib.util.find_spec(NUDENET):
        return _by_parts(picture)
    if wanted in ("auto", nsfwjs.ENGINE) and nsfwjs.available():
        return _by_classes(picture)
    return no_engine(SCENE, "no nudity engine is installed")


def _by_classes(picture: np.ndarray) -> Finding:
    """By nsfwjs: normal only where it is sure of a harmless class."""
    try:
        shares = nsfwjs.classify(picture)
    except nsfwjs.NsfwjsError as error:
        return no_engine(SCENE, f"nsfwjs fails: {error}")
    bad = shares.get("Porn", 0.0) + shares.get("Hentai", 0.0)
    harmless = shares.get("Neutral", 0.0) + shares.get("Drawing", 0.0)
    if bad >= _SURE:
        score = LEAST_SENSITIVE + round((100 - LEAST_SENSITIVE) * bad)
        return Finding(SCENE, SENSITIVE, min(score, 100), "Porn", engine=nsfwjs.ENGINE)
    if harmless >= _SURE:
        return Finding(SCENE, engine=nsfwjs.ENGINE)
    score = LEAST_SUSPECTED + round((LEAST_SENSITIVE - 1 - LEAST_SUSPECTED) * (1 - harmless))
    return Finding(SCENE, SUSPECTED, score, "Sexy", engine=nsfwjs.ENGINE)


def _by_parts(picture: np.ndarray) -> Finding:
    """By NudeNet, which finds parts of bodies."""
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

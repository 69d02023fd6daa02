"""What the caller wants of the detectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcloud.detectors.judgement import SCENES


@dataclass(frozen=True)
class Policy:
    """`lexicons` are files of the user, added to the preset ones unless `preset` is off.

    `interval` and `max_frames`: of an animated picture one frame in so many is judged, at most so
    many (CI's defaults). `large_image` is CI's LargeImageDetect: pictures above 5 MB are judged
    instead of refused. `ocr` and `codes` switch reading text and QR codes in pictures; `nudity`
    is "auto" (what is installed), "nudenet", "nsfwjs" or "none".
    """

    lexicons: tuple[Path, ...] = ()
    preset: bool = True
    interval: int = 5
    max_frames: int = 5
    large_image: bool = False
    ocr: bool = True
    codes: bool = True
    nudity: str = "auto"


@dataclass(frozen=True)
class Snapshots:
    """Which frames of a video are judged: CI's Conf/Snapshot.

    `mode`: "Interval" a frame every `time_interval` seconds (without it: `count` frames evenly),
    "Average" `count` frames evenly, "Fps" `time_interval` frames a second (without it: `count`
    evenly). `count` (1-10000) always bounds them.
    """

    mode: str = "Interval"
    count: int = 100
    time_interval: float = 0.0


DEFAULT = Policy()
EVENLY = Snapshots()


def checked_scenes(scenes: tuple[str, ...]) -> tuple[str, ...]:
    """The scenes without repetition. Raises ValueError naming an unknown one."""
    for scene in scenes:
        if scene not in SCENES:
            raise ValueError(f"scene {scene!r} is unknown; allowed: {', '.join(SCENES)}")
    return tuple(dict.fromkeys(scenes))

"""Judges sound, as far as that goes offline: silence is normal, anything else is for review.

No engine that understands Chinese speech comes in a package. The one for English that does
understands so little of ordinary speech that its silence would pass what was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from localcloud.detectors.judgement import (
    NOT_ELIGIBLE,
    SCENES,
    TOO_LARGE,
    Finding,
    Judgement,
    UnjudgeableError,
    no_engine,
)
from localcloud.detectors.media import ffmpeg
from localcloud.detectors.policy import DEFAULT, Policy, checked_scenes

ENGINE = "silencedetect"
MAX_SIZE = 600 * 1024**2  # CI's limits
MAX_SECONDS = 3 * 3600
SECTION = 60.0  # s
# Below what is heard even when it is played loudly.
_SILENT = "silencedetect=noise=-70dB:d=0.2"
_DECODE_SECONDS = 600.0
_START = re.compile(r"silence_start: (-?[\d.]+)")
_END = re.compile(r"silence_end: (-?[\d.]+)")
_SLACK = 0.05  # s: silence is found in steps


def judge_audio(
    path: Path, scenes: tuple[str, ...] = SCENES, _: Policy = DEFAULT
) -> Iterator[Judgement]:
    """A judgement for each minute; the sound of a video is taken out. Raises UnjudgeableError."""
    scenes = checked_scenes(scenes)
    media = ffmpeg.probe(path, MAX_SIZE)
    if not media.audio:
        raise UnjudgeableError(NOT_ELIGIBLE, "the file has no sound")
    if media.duration > MAX_SECONDS:
        raise UnjudgeableError(
            TOO_LARGE,
            f"the sound lasts {media.duration:.0f} s: at most {MAX_SECONDS} s are allowed",
        )
    yield from sections(path, media, scenes)
    for what in media.besides if not media.video else ():
        why = f"{what} are not looked at"
        yield Judgement(tuple(no_engine(scene, why) for scene in scenes), kind="audio")


def sections(path: Path, media: ffmpeg.Media, scenes: tuple[str, ...]) -> Iterator[Judgement]:
    """The judgements of a file's sound; `start` and `duration` are in ms."""
    quiet = _silences(path, media.duration)
    why = "speech is not understood"
    if media.sounds > 1:
        quiet, why = [], f"of {media.sounds} sounds one alone is heard at a time"
    start = 0.0
    while start < media.duration or start == 0.0:
        end = min(start + SECTION, media.duration)
        if any(begin <= start + _SLACK and end - _SLACK <= until for begin, until in quiet):
            findings = tuple(Finding(scene, engine=ENGINE, reason="silence") for scene in scenes)
        else:
            findings = tuple(no_engine(scene, why) for scene in scenes)
        yield Judgement(
            findings,
            kind="audio",
            start=round(start * 1000),
            duration=round((end - start) * 1000),
        )
        start += SECTION


def _silences(path: Path, duration: float) -> list[tuple[float, float]]:
    """From when to when nothing is heard, in s."""
    after = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-af", _SILENT, "-f", "null", "-"]
    _, said = ffmpeg.run(["-v", "info", "-nostats"], path, after, _DECODE_SECONDS)
    starts = [float(text) for text in _START.findall(said)]
    ends = [float(text) for text in _END.findall(said)]
    # What could not be decoded was not heard: only what ffmpeg ends by itself is silence then.
    broken = "Error" in said or "Invalid data" in said
    if len(ends) < len(starts) and not broken:
        ends.append(duration)
    return list(zip(starts, ends, strict=False))

"""Judges videos by snapshots. Each is found by seeking: what lies between is never decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from localcloud.detectors.judgement import (
    NOT_ELIGIBLE,
    SCENES,
    Judgement,
    UnjudgeableError,
    no_engine,
)
from localcloud.detectors.media import ffmpeg
from localcloud.detectors.media.audio import sections
from localcloud.detectors.picture import judge_pixels
from localcloud.detectors.policy import DEFAULT, EVENLY, Policy, Snapshots, checked_scenes

MAX_SIZE = 5 * 1024**3  # CI's limit
MAX_COUNT = 10_000
MAX_INTERVAL = 60.0  # s
MODES = ("Interval", "Average", "Fps")
_SIDE = 1600
_SECONDS = 60.0  # for one snapshot
_TAIL = 2.0  # s that the last frame may be shown for
_KEPT = 32  # judgements of equal snapshots, as of a still film


def judge_video(
    path: Path,
    snapshots: Snapshots = EVENLY,
    sound: bool = False,
    scenes: tuple[str, ...] = SCENES,
    policy: Policy = DEFAULT,
) -> Iterator[Judgement]:
    """A judgement for each snapshot, `start` in ms, one for review for each other thing that the
    file shows, such as subtitles, then one for each section of the sound if wanted.

    A snapshot that cannot be decoded is for review. Raises UnjudgeableError, ValueError.
    """
    import numpy as np

    from localcloud.detectors.picture.frames import decoded

    scenes = checked_scenes(scenes)
    media = ffmpeg.probe(path, MAX_SIZE)
    if not media.video:
        raise UnjudgeableError(NOT_ELIGIBLE, "the file has no video")
    known: dict[bytes, Judgement] = {}
    for time in times(snapshots, media.duration):
        data = _snapshot(path, time)
        if not data and time > media.duration - _TAIL:
            # The last frame is shown until the end, and no frame begins after it.
            tail = (_snapshot(path, max(0.0, time - back)) for back in (0.1, 0.5, _TAIL))
            data = next(filter(None, tail), b"")
        digest = hashlib.sha256(data).digest()
        if digest not in known:
            if len(known) >= _KEPT:
                known.clear()
            if data:
                known[digest] = judge_pixels(np.asarray(decoded(data)), scenes, policy)
            else:
                why = "the snapshot cannot be decoded"
                known[digest] = Judgement(tuple(no_engine(scene, why) for scene in scenes))
        yield replace(known[digest], kind="video", start=round(time * 1000))
    for what in media.besides:
        why = f"{what} are not looked at"
        yield Judgement(tuple(no_engine(scene, why) for scene in scenes), kind="video")
    if sound and media.audio:
        yield from sections(path, media, scenes)


def times(snapshots: Snapshots, duration: float) -> list[float]:
    """The seconds at which snapshots are taken. Raises ValueError for what CI refuses."""
    mode, count, interval = snapshots.mode, snapshots.count, snapshots.time_interval
    if mode not in MODES:
        raise ValueError(f"Mode is {mode!r}; allowed: {', '.join(MODES)}")
    if not 0 < count <= MAX_COUNT:
        raise ValueError(f"Count is {count}; allowed: 1 to {MAX_COUNT}")
    if not 0 <= interval <= MAX_INTERVAL:
        raise ValueError(f"TimeInterval is {interval}; allowed: 0 to {MAX_INTERVAL:g} seconds")
    step = duration / count
    if interval and mode != "Average":
        step = 1 / interval if mode == "Fps" else interval
    every = (place * step for place in range(count))
    return [time for time in every if time < duration] or [0.0]


def _snapshot(path: Path, time: float) -> bytes:
    """The frame at a time, as a file that Pillow reads; empty when there is none."""
    size = f"scale='min({_SIDE},iw)':'min({_SIDE},ih)':force_original_aspect_ratio=decrease"
    after = ["-map", "0:V:0", "-frames:v", "1", "-vf", size, "-c:v", "ppm", "-f", "image2pipe"]
    picture, _ = ffmpeg.run(
        ["-v", "error", "-ss", f"{time:.3f}"], path, [*after, "pipe:1"], _SECONDS
    )
    return picture

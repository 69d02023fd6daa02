"""Runs ffmpeg on files of strangers: a fixed command, local files only, in a bounded time.

Only containers that carry pictures and sound themselves are opened. Play lists and the like name
other files, which would be read for whoever sent them.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from localcloud.detectors.judgement import BROKEN, NOT_ELIGIBLE, TOO_LARGE, UnjudgeableError

SETTING = "LOCALCLOUD_FFMPEG"
MAX_PIXELS = 8192 * 4352
_FORMATS = ("aac,aiff,amr,ape,asf,avi,caf,flac,flv,matroska,webm,mov,mp3,mpeg,"
            "mpegts,ogg,rm,wav")  # fmt: skip
_DURATION = re.compile(r"^\s*Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.MULTILINE)
_STREAM = re.compile(
    r"^\s*Stream #0:\d+\S*?: (Video|Audio|Subtitle|Attachment): (.*)$", re.MULTILINE
)
_SIZE = re.compile(r"\b(\d{2,5})x(\d{2,5})\b")
_TIME = re.compile(r"time=(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_PROBE_SECONDS, _MEASURE_SECONDS = 30.0, 300.0


@dataclass(frozen=True)
class Media:
    """`duration` in s. A cover picture counts as no video. `besides` names what else the file
    shows than its first video, `sounds` counts the streams of sound."""

    duration: float
    video: bool
    audio: bool
    besides: tuple[str, ...] = ()
    sounds: int = 0


@lru_cache(maxsize=1)
def program() -> str | None:
    """The file that LOCALCLOUD_FFMPEG names, the package's, or the system's."""
    if chosen := os.environ.get(SETTING):
        return chosen
    if importlib.util.find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        try:
            return str(imageio_ffmpeg.get_ffmpeg_exe())
        except RuntimeError:
            pass
    return shutil.which("ffmpeg")


def run(before: list[str], path: Path, after: list[str], seconds: float) -> tuple[bytes, str]:
    """What ffmpeg writes to its standard output, and what it says.

    Raises UnjudgeableError: no ffmpeg, over `seconds`.
    """
    ffmpeg = program()
    if ffmpeg is None:
        raise UnjudgeableError(NOT_ELIGIBLE, "video and sound need the extra `audit`")
    opening = ["-protocol_whitelist", "file,pipe", "-format_whitelist", _FORMATS]
    command = [ffmpeg, "-nostdin", "-hide_banner", "-threads", "2", *before, *opening]
    # A path that begins with a dash or holds a colon is no option and no protocol.
    command += ["-i", f"file:{path.absolute()}", *after]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnjudgeableError(TOO_LARGE, f"the file takes over {seconds:g} s to decode") from None
    except OSError as error:
        raise UnjudgeableError(NOT_ELIGIBLE, f"ffmpeg cannot be run: {error.strerror}") from None
    return done.stdout, done.stderr.decode(errors="replace")


def probe(path: Path, max_size: int) -> Media:
    """What a file is, by its header. Raises UnjudgeableError: empty, over `max_size` bytes, no
    video or sound, pictures that are too large."""
    size = path.stat().st_size
    if size == 0:
        raise UnjudgeableError(BROKEN, "the file is empty")
    if size > max_size:
        raise UnjudgeableError(
            TOO_LARGE, f"the file has {size} bytes: at most {max_size} are allowed"
        )
    _, said = run([], path, [], _PROBE_SECONDS)
    streams = _STREAM.findall(said)
    video = [what for kind, what in streams if kind == "Video" and "attached pic" not in what]
    kinds = Counter(kind for kind, _ in streams)
    if not kinds["Video"] and not kinds["Audio"]:
        raise UnjudgeableError(NOT_ELIGIBLE, "the file is no video or sound that can be read")
    for what in video:
        if (found := _SIZE.search(what)) and int(found[1]) * int(found[2]) > MAX_PIXELS:
            raise UnjudgeableError(
                TOO_LARGE, f"the video is {found[0]}: at most {MAX_PIXELS} pixels are allowed"
            )
    # A header may say less than there is: what lies behind would never be looked at.
    duration = max(_seconds(_DURATION.findall(said)), _measured(path))
    if duration <= 0:
        raise UnjudgeableError(BROKEN, "how long the file lasts cannot be told")
    besides = {
        "further videos": len(video) - 1,
        "cover pictures": kinds["Video"] - len(video),
        "subtitles": kinds["Subtitle"],
        "attached files": kinds["Attachment"],
    }
    named = tuple(f"{count} {what}" for what, count in besides.items() if count > 0)
    return Media(duration, bool(video), kinds["Audio"] > 0, named, kinds["Audio"])


def _measured(path: Path) -> float:
    """How long the file lasts by its packets: all are read, none is decoded."""
    copy = ["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "null", "-"]
    _, said = run([], path, copy, _MEASURE_SECONDS)
    return _seconds(_TIME.findall(said))


def _seconds(found: list[tuple[str, str, str]]) -> float:
    """The last of the times found, 0 without one."""
    if not found:
        return 0.0
    hours, minutes, seconds = found[-1]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

"""nsfwjs (MIT), where the owner installed it: a Node process that is kept while the worker lives.

    npm install nsfwjs@4.3.0 @tensorflow/tfjs@4.22.0

LOCALCLOUD_NSFWJS names the folder that holds its `node_modules`. The weights are in the package;
nothing is fetched.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ENGINE, SETTING = "nsfwjs", "LOCALCLOUD_NSFWJS"
_PROGRAM = Path(__file__).with_name("nsfwjs_sidecar.cjs")
_SIDE = 224  # what the network takes
_SECONDS = 60.0  # for one answer, and to load
_LOCK = threading.Lock()


class NsfwjsError(Exception):
    """The process does not answer as it should."""


def available() -> bool:
    folder = os.environ.get(SETTING, "")
    return bool(shutil.which("node")) and Path(folder, "node_modules", "nsfwjs").is_dir()


def classify(picture: np.ndarray) -> dict[str, float]:
    """How likely an RGB picture is Drawing, Hentai, Neutral, Porn or Sexy. Raises NsfwjsError."""
    import cv2
    import numpy as np

    small = np.ascontiguousarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
    head = _SIDE.to_bytes(4, "big") * 2
    with _LOCK:
        process = _process()
        try:
            if process.stdin is None:
                raise NsfwjsError("a process without pipes")
            process.stdin.write(head + small.tobytes())
            process.stdin.flush()
            answer = _line(process)
        except (OSError, ValueError) as error:
            _end(process)
            raise NsfwjsError(type(error).__name__) from None
    if not answer:
        raise NsfwjsError("no classes")
    return {str(name): float(share) for name, share in answer.items()}


_running: list[subprocess.Popen[bytes]] = []


def _process() -> subprocess.Popen[bytes]:
    """The process, with its network loaded."""
    if _running and _running[0].poll() is None:
        return _running[0]
    _running.clear()
    node = shutil.which("node")
    if node is None:
        raise NsfwjsError("no Node")
    process = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [node, str(_PROGRAM)],
        cwd=os.environ[SETTING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(_end, process)
    try:
        ready = _line(process).get("ready")
    except (OSError, ValueError):
        ready = None
    if not ready:
        _end(process)
        raise NsfwjsError("it does not start")
    _running.append(process)
    return process


def _line(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """The next answer. The process is ended when it takes too long, which ends the line."""
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    try:
        line = process.stdout.readline() if process.stdout else b""
    finally:
        timer.cancel()
    answer: dict[str, float] = json.loads(line)
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()

"""The slow encoders in a process of their own, which can be ended: a call of theirs cannot.

Only where a picture is large enough to take seconds; starting Python takes a fifth of one.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from localcloud.imaging import deadline
from localcloud.imaging.errors import BAD_FORMAT, ImageError

if TYPE_CHECKING:
    from localcloud.imaging.encode import Encoding, Frame

_WORKER = Path(__file__).with_name("encode_worker.py")
# Of a megapixel, as measured on grain; the formats that are not here take less than 0.15.
_SECONDS = {"avif": 1.4, "heif": 5.0, "webp": 0.25, "gif": 0.5}
_SLOW_JPEG_SECONDS = 4.0
_WORTH_SECONDS = 5.0
_LOOK_SECONDS = 0.1
REFUSED = 3  # the worker's exit code with an ImageError's number and message as its output


def is_worth(frames: Sequence[Frame], encoding: Encoding) -> bool:
    """Whether encoding may take so long that it should be possible to end it."""
    slow = encoding.slow and encoding.format == "jpg"
    seconds = _SLOW_JPEG_SECONDS if slow else _SECONDS.get(encoding.format, 0.0)
    pixels = sum(frame.image.width * frame.image.height for frame in frames)
    return pixels * seconds >= _WORTH_SECONDS * 1_000_000


def encode(frames: Sequence[Frame], encoding: Encoding, exif: bytes, loop: int | None) -> bytes:
    """What `encode.written` gives. Raises ImageError, also once the job is to end."""
    with tempfile.TemporaryFile() as task, tempfile.TemporaryFile() as answer:
        # Without what still hangs on the source's file.
        plain = [(_plain(frame.image), frame.duration) for frame in frames]
        pickle.dump((plain, encoding, exif, loop), task)
        task.seek(0)
        command = [sys.executable, "-I", str(_WORKER)]
        with subprocess.Popen(  # noqa: S603 - our own file
            command, stdin=task, stdout=answer, stderr=subprocess.DEVNULL
        ) as worker:
            try:
                code = _ended(worker)
            finally:
                worker.kill()
        answer.seek(0)
        data = answer.read()
    if code == REFUSED:
        number, _, message = data.decode().partition(" ")
        raise ImageError(int(number), message)
    if code:
        raise ImageError(BAD_FORMAT, f"{encoding.format} cannot hold the result")
    return data


def _ended(worker: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return worker.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            deadline.check()


def _plain(image: Image.Image) -> Image.Image:
    return image if type(image) is Image.Image else image.copy()

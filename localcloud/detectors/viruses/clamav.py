"""ClamAV, where its daemon runs: files are sent over its socket (INSTREAM, clamd's manual page).

The daemon holds its database in memory; a program that loads it for each file takes 20 s and 1 GB.
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

ENGINE = "clamav"
SETTING = "LOCALCLOUD_CLAMD"  # the path of its socket, or host:port
DEFAULT = "/run/clamav/clamd.ctl"
# What every release takes as it comes: of a larger file it may leave out a part and call it clean.
MAX_SIZE = 25 * 1024**2
_SECONDS = 30.0  # without a word
_CHUNK = 256 * 1024
_MOST_ANSWER = 4096
_FOUND = re.compile(r"stream: (\S{1,200}) FOUND")


class ClamavError(Exception):
    """It does not answer, or could not scan."""


def address() -> str:
    """Where the daemon listens; "" where there is none."""
    if chosen := os.environ.get(SETTING, ""):
        return chosen
    return DEFAULT if Path(DEFAULT).is_socket() else ""


def scan(file: BinaryIO, place: str) -> str:
    """The name of what a file has, "" for none; it is read from its beginning.

    Raises ClamavError: no answer, or an error, such as for more bytes than it takes.
    """
    file.seek(0)
    try:
        with _connected(place) as daemon:
            # It may answer and hang up before it has read all.
            with suppress(BrokenPipeError, ConnectionResetError):
                daemon.sendall(b"zINSTREAM\0")
                while chunk := file.read(_CHUNK):
                    daemon.sendall(len(chunk).to_bytes(4, "big") + chunk)
                daemon.sendall(bytes(4))
            answer = b""
            while not answer.endswith(b"\0") and len(answer) < _MOST_ANSWER:
                if not (more := daemon.recv(_MOST_ANSWER)):
                    break
                answer += more
    except (OSError, ValueError) as error:
        raise ClamavError(type(error).__name__) from None
    said = answer.rstrip(b"\0\n").decode(errors="replace")
    if found := _FOUND.fullmatch(said):
        return found[1]
    if said != "stream: OK":
        raise ClamavError(said[:200] or "no answer")
    return ""


def _connected(place: str) -> socket.socket:
    host, colon, port = place.rpartition(":")
    if colon and port.isdigit() and "/" not in place:
        return socket.create_connection((host.strip("[]"), int(port)), _SECONDS)
    daemon = socket.socket(socket.AF_UNIX)
    try:
        daemon.settimeout(_SECONDS)
        daemon.connect(place)
    except OSError:
        daemon.close()
        raise
    return daemon

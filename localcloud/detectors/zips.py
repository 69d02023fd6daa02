"""How large a zip file's list of members is, before a library reads all of it into memory."""

from __future__ import annotations

import os
from typing import BinaryIO

# Ten thousand members with long names have less; a million take 10 s and half a gigabyte.
MAX_DIRECTORY = 16 * 1024**2  # bytes
_END, _END_SIZE, _COMMENT = b"PK\x05\x06", 22, 65_535
_END64, _LOCATOR_SIZE, _END64_SIZE = b"PK\x06\x06", 20, 56
_ELSEWHERE = 0xFFFFFFFF


def directory_size(file: BinaryIO) -> int:
    """Bytes, as the end of the file says; 0 for what is no zip file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_SIZE - _COMMENT - _LOCATOR_SIZE - _END64_SIZE))
    tail = file.read()
    file.seek(0)
    # As the library looks for it: without a comment first.
    plain = tail[-_END_SIZE:]
    bare = plain.startswith(_END) and plain.endswith(b"\0\0")
    place = len(tail) - _END_SIZE if bare else tail.rfind(_END)
    if place < 0:
        return 0
    said = int.from_bytes(tail[place + 12 : place + 16], "little")
    before = place - _LOCATOR_SIZE - _END64_SIZE
    if said == _ELSEWHERE and before >= 0 and tail.startswith(_END64, before):
        return int.from_bytes(tail[before + 40 : before + 48], "little")
    return said

"""What a file is recognised by: its hash, its beginning, or bytes anywhere in it.

EICAR's test file is known from the start. Owners add their own in the file that
LOCALCLOUD_SIGNATURES names, a line each:

    Some.Name sha256 <64 hex digits>
    Some.Name md5 <32 hex digits>
    Some.Name bytes 4d5a??90*504500     ?? any byte, * up to 512 bytes, in lower-case hex
    Some.Name start 7f454c46            the same, at the beginning of the file
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from localcloud.detectors.judgement import NOT_ELIGIBLE, UnjudgeableError

SETTING = "LOCALCLOUD_SIGNATURES"
MAX_SIGNATURES = 20_000
MAX_LINE = 4096
_CHUNK = 1024**2
# Longer than any match: what is kept of a chunk for the next.
_OVERLAP = 16 * 1024
_GAP = 512
_HASHES = {"sha256": 64, "md5": 32}
_LEAST_BYTES = 4
# Written backwards, or this source would be taken for the test file by scanners.
_EICAR = "*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X"[::-1]


@dataclass(frozen=True)
class Signatures:
    """`hashes`: hex digest -> name. `start` and `inside` match the names that they know."""

    hashes: dict[str, str]
    start: tuple[tuple[str, Pattern], ...]
    inside: tuple[tuple[str, Pattern], ...]

    def find(self, file: BinaryIO) -> Iterator[str]:
        """The names of all signatures that a file has; it is read from its beginning, once."""
        digests = [hashlib.new(name, usedforsecurity=False) for name in _HASHES]
        seen: set[str] = set()
        rest, first = b"", True
        while chunk := file.read(_CHUNK):
            for digest in digests:
                digest.update(chunk)
            data = rest + chunk
            looks = [(name, pattern.search) for name, pattern in self.inside]
            looks += [(name, pattern.match) for name, pattern in self.start] if first else []
            for name, look in looks:
                if name not in seen and look(data):
                    seen.add(name)
                    yield name
            rest, first = data[-_OVERLAP:], False
        for digest in digests:
            if (found := self.hashes.get(digest.hexdigest())) and found not in seen:
                seen.add(found)
                yield found


def known() -> Signatures:
    """EICAR's and those of the user. Raises UnjudgeableError for a file that cannot be used."""
    chosen = os.environ.get(SETTING, "")
    if not chosen:
        return _read("", 0)
    try:
        return _read(chosen, Path(chosen).stat().st_mtime_ns)
    except OSError as error:
        raise _wrong(
            f"{SETTING} names {chosen!r}, which cannot be read: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise _wrong(f"{SETTING} names {chosen!r}, which is not UTF-8") from None


@lru_cache(maxsize=2)
def _read(path: str, _: int) -> Signatures:
    hashes: dict[str, str] = {}
    eicar = re.compile(b"(?=" + re.escape(_EICAR.encode()) + b")")
    start = [("EICAR-Test-File", Pattern(((eicar, len(_EICAR)),)))]
    inside: list[tuple[str, Pattern]] = []
    lines = Path(path).read_text("utf-8").splitlines() if path else []
    if len(lines) > MAX_SIGNATURES:
        raise _wrong(f"{path} has over {MAX_SIGNATURES} lines, the most that is allowed")
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        name, kind, value = words if len(words) == 3 and len(line) <= MAX_LINE else ("", "", "")
        if kind in _HASHES and re.fullmatch(rf"[0-9a-f]{{{_HASHES[kind]}}}", value):
            hashes[value] = name
        elif kind in ("bytes", "start") and (pattern := _pattern(value)):
            (inside if kind == "bytes" else start).append((name, pattern))
        else:
            raise _wrong(
                f"{path}:{number} is no signature; allowed: NAME sha256|md5|bytes|start VALUE"
            )
    return Signatures(hashes, tuple(start), tuple(inside))


@dataclass(frozen=True)
class Pattern:
    """Pieces of fixed length, with up to `_GAP` bytes between them. Looked for one after the other
    over all places, for an expression with gaps would try every combination of them."""

    pieces: tuple[tuple[re.Pattern[bytes], int], ...]

    def search(self, data: bytes) -> bool:
        """Whether `data` has it anywhere."""
        return self._follows(data, None)

    def match(self, data: bytes) -> bool:
        """Whether `data` begins with it."""
        return self._follows(data, [0])

    def _follows(self, data: bytes, ends: list[int] | None) -> bool:
        if not all(piece.search(data) for piece, _ in self.pieces):
            return False
        gap = 0
        for piece, length in self.pieces:
            starts: Iterator[int] = (found.start() for found in piece.finditer(data))
            if ends is not None:
                starts = _within(starts, ends, gap)
            ends, gap = [start + length for start in starts], _GAP
            if not ends:
                return False
        return True


def _within(starts: Iterator[int], ends: list[int], gap: int) -> Iterator[int]:
    """Those of `starts` that come at most `gap` behind one of `ends`; both are in order."""
    place = 0
    for start in starts:
        while place < len(ends) and ends[place] + gap < start:
            place += 1
        if place == len(ends):
            return
        if ends[place] <= start:
            yield start


def _pattern(text: str) -> Pattern | None:
    if not re.fullmatch(r"(?:[0-9a-f]{2}|\?\?|\*)+", text):
        return None
    parts = re.findall(r"[0-9a-f]{2}|\?\?|\*", text)
    if sum(part not in ("??", "*") for part in parts) < _LEAST_BYTES or parts.count("*") > 8:
        return None
    pieces = []
    for piece in filter(None, text.split("*")):
        bytewise = re.findall(r"[0-9a-f]{2}|\?\?", piece)
        one = b"".join(b"." if part == "??" else _byte(part) for part in bytewise)
        # Looking ahead finds places that overlap.
        pieces.append((re.compile(b"(?=" + one + b")", re.DOTALL), len(bytewise)))
    return Pattern(tuple(pieces))


def _byte(part: str) -> bytes:
    return re.escape(bytes.fromhex(part))


def _wrong(message: str) -> UnjudgeableError:
    return UnjudgeableError(NOT_ELIGIBLE, message)

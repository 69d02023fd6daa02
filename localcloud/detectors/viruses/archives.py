"""Opens archives inside of archives, within bounds: zip, tar, gzip, bzip2, xz.

What cannot be opened is said, never skipped: an encrypted member, a damaged archive, one that
unpacks to too much, a format that nothing here reads.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from localcloud.detectors import zips
from localcloud.detectors.viruses import kinds

MAX_DEPTH = 8
MAX_FILES = 10_000
MAX_TOTAL = 1024**3  # bytes unpacked, of all members of all archives
MAX_RATIO = 250  # of unpacked to packed bytes
_FREE = 16 * 1024**2  # bytes unpacked before the ratio counts
_IN_MEMORY = 8 * 1024**2
_CHUNK = 256 * 1024
_HEAD = 512
_MEMBER = b"PK\x03\x04"
_STREAMS: tuple[tuple[bytes, Callable[[BinaryIO], BinaryIO]], ...] = (
    (b"\x1f\x8b", lambda file: cast("BinaryIO", gzip.GzipFile(fileobj=file))),
    (b"BZh", lambda file: cast("BinaryIO", bz2.BZ2File(file))),
    (b"\xfd7zXZ\x00", lambda file: cast("BinaryIO", lzma.LZMAFile(file))),  # noqa: SIM115 - its user closes it
    (b"\x5d\x00\x00", lambda file: cast("BinaryIO", lzma.LZMAFile(file))),  # noqa: SIM115 - as above
)
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError,
           ValueError, NotImplementedError, RuntimeError, KeyError, IndexError)  # fmt: skip


class ClosedError(Exception):
    """Something in an archive could not be looked into; the message says what."""


@dataclass
class Bounds:
    """What is left to unpack of one file; `packed` is its size in bytes."""

    packed: int
    files: int = 0
    total: int = 0
    # Reasons why something was not looked into.
    closed: list[str] = field(default_factory=list)

    def count(self, size: int) -> None:
        """Count unpacked bytes. Raises ClosedError when it is too much."""
        self.total += size
        if self.total > MAX_TOTAL:
            raise ClosedError(f"the archive unpacks to over {MAX_TOTAL} bytes")
        if self.total > _FREE and self.total > self.packed * MAX_RATIO:
            raise ClosedError(f"the archive unpacks to over {MAX_RATIO} times its size")

    def count_file(self) -> None:
        self.files += 1
        if self.files > MAX_FILES:
            raise ClosedError(f"the archive has over {MAX_FILES} files")


def walk(
    file: BinaryIO, bounds: Bounds, name: str = "", depth: int = 0
) -> Iterator[tuple[str, BinaryIO]]:
    """(name, file) of a file and of all files in it; names of archives and members are joined by
    "/". A file is good until the next is asked for. Raises ClosedError when a bound is reached;
    what else could not be opened is added to `bounds.closed`.
    """
    bounds.count_file()
    file.seek(0)
    yield name, file
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    place = f"{name}: " if name else ""
    if kind := kinds.archive(file):
        bounds.closed.append(f"{place}{kind} archives cannot be opened")
    opener = _opener(file, head)
    if opener is None:
        return
    if opener is not _zip and _is_zip(file):
        bounds.closed.append(f"{place}the archive is a zip archive as well")
    if depth >= MAX_DEPTH:
        raise ClosedError(f"{place}over {MAX_DEPTH} archives inside of each other")
    try:
        for member, inside in opener(file, bounds, place):
            with _unpacked(inside, bounds) as copy:
                yield from walk(copy, bounds, f"{name}/{member}" if name else member, depth + 1)
    except _BROKEN as error:
        bounds.closed.append(f"{place}the archive is damaged: {type(error).__name__}")


Members = Iterator[tuple[str, BinaryIO]]
Opener = Callable[[BinaryIO, Bounds, str], Members]


def _opener(file: BinaryIO, head: bytes) -> Opener | None:
    if any(head.startswith(magic) for magic, _ in _STREAMS):
        return _stream
    if _is_tar(head):
        return _tar
    return _zip if head.startswith(_MEMBER) or _is_zip(file) else None


def _is_tar(head: bytes) -> bool:
    if head[257:262] == b"ustar":
        return True
    try:
        # The oldest ones have nothing but the sum of their bytes to be known by.
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _is_zip(file: BinaryIO) -> bool:
    """By its end: the beginning may be a picture."""
    try:
        return zipfile.is_zipfile(file)
    except _BROKEN:
        return False
    finally:
        file.seek(0)


def _holds(file: BinaryIO, begin: int, end: int, wanted: Callable[[bytes], bool]) -> bool:
    """Whether a block from `begin` to `end` is what is wanted; blocks share their edges."""
    file.seek(begin)
    rest = b""
    while begin < end and (chunk := file.read(min(_CHUNK, end - begin))):
        if wanted(rest + chunk):
            return True
        begin, rest = begin + len(chunk), chunk[-len(_MEMBER) :]
    return False


def _zip(file: BinaryIO, bounds: Bounds, place: str) -> Members:
    if zips.directory_size(file) > zips.MAX_DIRECTORY:
        raise ClosedError(f"{place}the archive's list has over {zips.MAX_DIRECTORY} bytes")
    with zipfile.ZipFile(file) as archive:
        first = min((member.header_offset for member in archive.infolist()), default=0)
        if _holds(file, 0, first, lambda block: _MEMBER in block):
            bounds.closed.append(f"{place}the archive has members that its list does not name")
        for member in archive.infolist():
            if member.is_dir():
                bounds.count_file()
            elif member.flag_bits & 1:
                bounds.closed.append(f"{place}{member.filename!r} is encrypted")
            else:
                with archive.open(member) as inside:
                    yield member.filename, cast("BinaryIO", inside)


def _tar(file: BinaryIO, bounds: Bounds, place: str) -> Members:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            inside = archive.extractfile(member) if member.isreg() else None
            if inside is None:
                bounds.count_file()
            else:
                yield member.name, cast("BinaryIO", inside)
        end = archive.offset
    if _holds(file, end, file.seek(0, os.SEEK_END), lambda block: bool(block.strip(b"\0"))):
        bounds.closed.append(f"{place}the archive goes on behind its end")


def _stream(file: BinaryIO, _: Bounds, __: str) -> Members:
    head = file.read(_HEAD)
    file.seek(0)
    opened = next(opener for magic, opener in _STREAMS if head.startswith(magic))(file)
    with opened as inside:
        yield "content", inside


@contextmanager
def _unpacked(inside: BinaryIO, bounds: Bounds) -> Iterator[BinaryIO]:
    """A copy that can be read from any place, for archives in archives need that."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        while chunk := inside.read(_CHUNK):
            bounds.count(len(chunk))
            copy.write(chunk)
        yield cast("BinaryIO", copy)

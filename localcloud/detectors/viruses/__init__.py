"""Looks for viruses by signatures, in archives too; by ClamAV as well where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from localcloud.detectors.judgement import (
    BROKEN,
    NO_ENGINE,
    NORMAL,
    SENSITIVE,
    SUSPECTED,
    TOO_LARGE,
    UnjudgeableError,
    Virus,
    VirusReport,
)
from localcloud.detectors.viruses import archives, clamav, signatures

ENGINE = "signatures"
MAX_SIZE = 1024**3  # CI's limit
MAX_VIRUSES = 100  # named in a report
# Programs: what their signatures would be is for an antivirus' database to know.
_PROGRAMS = ((b"MZ", "a Windows program"), (b"\x7fELF", "a Linux program"),
             (b"\xcf\xfa\xed\xfe", "a macOS program"), (b"\xca\xfe\xba\xbe", "a program"),
             (b"dex\n", "an Android program"))  # fmt: skip


def scan_for_viruses(path: Path) -> VirusReport:
    """What is in a file. SUSPECTED for what cannot be told: encrypted or damaged archives, those
    beyond the bounds of `archives`, programs where no antivirus is installed.

    Raises UnjudgeableError: over 1 GB, empty.
    """
    size = path.stat().st_size
    if size > MAX_SIZE:
        raise UnjudgeableError(
            TOO_LARGE, f"the file has {size} bytes: at most {MAX_SIZE} are allowed"
        )
    if size == 0:
        raise UnjudgeableError(BROKEN, "the file is empty")
    bounds = archives.Bounds(size)
    antivirus = clamav.scan(path) if clamav.available() else None
    found = list(antivirus or ())
    reasons: list[str] = []
    with path.open("rb") as file:
        try:
            for virus, program in _looked_into(file, bounds):
                found += [virus] if virus else []
                if program and antivirus is None:
                    reasons.append(program)
                if len(found) >= MAX_VIRUSES:
                    break
        except archives.ClosedError as error:
            reasons.append(str(error))
    reasons += bounds.closed
    engine = ENGINE if antivirus is None else f"{clamav.ENGINE}+{ENGINE}"
    result = SENSITIVE if found else SUSPECTED if reasons else NORMAL
    return VirusReport(result, tuple(found), bounds.files, engine, "; ".join(reasons[:5]))


def _looked_into(file: BinaryIO, bounds: archives.Bounds) -> Iterator[tuple[Virus | None, str]]:
    known = signatures.known()
    for name, inside in archives.walk(file, bounds):
        clean = True
        for virus in known.find(inside):
            clean = False
            yield Virus(name, virus), ""
        inside.seek(0)
        head = inside.read(4)
        program = next((what for magic, what in _PROGRAMS if head.startswith(magic)), "")
        if program and clean:
            place = f"{name}: " if name else ""
            yield None, f"{place}{NO_ENGINE} for {program}"

"""Looks for viruses by signatures, in archives too; by ClamAV as well where its daemon runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
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
from localcloud.detectors.viruses import archives, clamav, kinds, signatures

ENGINE = "signatures"
MAX_SIZE = 1024**3  # CI's limit
MAX_VIRUSES = 100  # named in a report


def scan_for_viruses(path: Path) -> VirusReport:
    """What is in a file. SUSPECTED for what cannot be told: encrypted or damaged archives, those
    beyond the bounds of `archives`, programs that no antivirus has scanned.

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
    search = _Search(signatures.known(), clamav.address())
    with path.open("rb") as file:
        try:
            for name, inside in archives.walk(file, bounds):
                search.look(name, inside)
                if len(search.found) >= MAX_VIRUSES:
                    break
        except archives.ClosedError as error:
            search.reasons.append(str(error))
    reasons = search.reasons + bounds.closed
    result = SENSITIVE if search.found else SUSPECTED if reasons else NORMAL
    viruses = tuple(dict.fromkeys(search.found))
    return VirusReport(result, viruses, bounds.files, search.engine, "; ".join(reasons[:5]))


@dataclass
class _Search:
    """One file after the other. `antivirus` is where ClamAV listens, "" for nowhere; once it does
    not answer it is asked no more."""

    known: signatures.Signatures
    antivirus: str
    asked: bool = False
    found: list[Virus] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def engine(self) -> str:
        return f"{clamav.ENGINE}+{ENGINE}" if self.asked else ENGINE

    def look(self, name: str, file: BinaryIO) -> None:
        """Note what a file has, or why that cannot be told."""
        place = f"{name}: " if name else ""
        names = list(self.known.find(file))
        judged = bool(names)
        if self.antivirus and file.seek(0, os.SEEK_END) <= clamav.MAX_SIZE:
            try:
                names += [virus] if (virus := clamav.scan(file, self.antivirus)) else []
                self.asked = judged = True
            except clamav.ClamavError as error:
                self.reasons.append(f"{place}ClamAV at {self.antivirus}: {error}")
                self.antivirus = ""
        self.found += [Virus(name, virus) for virus in names]
        if not judged and (program := kinds.program(file)):
            self.reasons.append(f"{place}{NO_ENGINE} for {program}")

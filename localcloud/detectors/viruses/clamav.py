"""ClamAV, where it is installed with a database. Debian's package comes without one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from localcloud.detectors.judgement import Virus

ENGINE = "clamav"
_DATABASE = Path("/var/lib/clamav")
_SECONDS = 300.0
_FOUND = re.compile(r"^.*: (?P<name>\S+) FOUND$", re.MULTILINE)


def available() -> bool:
    return bool(shutil.which("clamscan")) and any(_DATABASE.glob("*.c[vl]d"))


def scan(path: Path) -> list[Virus] | None:
    """The viruses in a file; None when ClamAV could not tell."""
    program = shutil.which("clamscan")
    if program is None:
        return None
    command = [program, "--no-summary", "--stdout", "--", str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode not in (0, 1):
        return None
    return [Virus("", found["name"]) for found in _FOUND.finditer(done.stdout)]

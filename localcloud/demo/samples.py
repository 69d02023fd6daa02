"""The files that the demonstration uploads, and what is expected of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREFIX = "uploads/"
BROKEN = "broken-"  # names that start so are there to be refused
# By suffix, because that is all an uploader knows; the service looks at the bytes.
CONTENT_TYPES = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


class DemoError(Exception):
    """The demonstration cannot run or did not end as it should; one sentence, no trace."""


@dataclass(frozen=True)
class Sample:
    """One file to upload as `key`."""

    path: Path
    key: str

    @property
    def broken(self) -> bool:
        return self.path.name.startswith(BROKEN)

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.path.suffix.lower()]


def load(folder: Path) -> list[Sample]:
    """All pictures of `folder`, good ones first. Raises `DemoError` if there is none."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    samples = [
        Sample(path, PREFIX + path.name) for path in found if path.suffix.lower() in CONTENT_TYPES
    ]
    if not samples:
        raise DemoError(f"{folder} holds no pictures ({', '.join(CONTENT_TYPES)})")
    return sorted(samples, key=lambda sample: (sample.broken, sample.key))

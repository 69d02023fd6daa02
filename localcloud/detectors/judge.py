"""The door to the detectors for a server: every method runs in a worker process.

Nothing heavy is imported here. A worker that takes too long, too much memory or dies is ended, and
what it was judging raises `UnjudgeableError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from localcloud.detectors.judgement import SCENES, Judgement, VirusReport
from localcloud.detectors.policy import DEFAULT, EVENLY, Policy, Snapshots


class Judge(Protocol):
    """All raise `UnjudgeableError` for content that cannot be judged."""

    async def image(
        self, data: bytes | Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> Judgement: ...

    async def text(
        self, text: str, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> Judgement:
        """Judge a text of at most 10,000 characters."""
        ...

    def text_file(
        self, path: Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]:
        """UTF-8 or GBK, at most 1 MB; one judgement for each 10,000 characters."""
        ...

    def audio(
        self, path: Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]: ...

    def video(
        self,
        path: Path,
        snapshots: Snapshots = EVENLY,
        sound: bool = False,
        scenes: tuple[str, ...] = SCENES,
        policy: Policy = DEFAULT,
    ) -> AsyncIterator[Judgement]: ...

    def document(
        self, path: Path, kind: str, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]:
        """`kind` is the suffix without the dot: "pdf", "docx"; "" decides by content."""
        ...

    def webpage(
        self, html: bytes, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
    ) -> AsyncIterator[Judgement]: ...

    async def viruses(self, path: Path) -> VirusReport: ...

    async def close(self) -> None: ...

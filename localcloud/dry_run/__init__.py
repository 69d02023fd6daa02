"""What an upload would cause: the functions run, and their requests are noted instead of sent."""

from __future__ import annotations

from localcloud.dry_run.recorder import Exchange, Recorder
from localcloud.dry_run.run import Considered, DryRun, Woken, dry_run
from localcloud.dry_run.show import document, text

__all__ = [
    "Considered", "DryRun", "Exchange", "Recorder", "Woken", "document", "dry_run", "text",
]  # fmt: skip

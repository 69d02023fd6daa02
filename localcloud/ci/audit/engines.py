"""Where the engines come from: `localcloud.detectors`, in worker processes of their own."""

from __future__ import annotations

from localcloud.detectors.judge import Judge


def open_engines() -> Judge | None:
    """The engines of this machine; None where they are not installed."""
    try:
        from localcloud.detectors import open_judge

        return open_judge()
    except ImportError:
        return None

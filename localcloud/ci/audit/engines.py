"""Where the engines come from: `localcloud.detectors`, each in a process of its own."""

from __future__ import annotations

from localcloud.detectors.judge import Judge


def open_engines() -> Judge | None:
    """The engines of this machine; None where none are installed."""
    try:
        from localcloud.detectors import open_judge
    except ImportError:
        return None
    return open_judge()

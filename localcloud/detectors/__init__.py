"""Engines that judge content without a network. `open_judge` is the door for a server.

Importing this package loads none of them: they run in worker processes, which start with the first
content that is to be judged.
"""

from __future__ import annotations

from localcloud.detectors.judge import Judge


def open_judge() -> Judge:
    """A judge with workers of its own; `close` ends them. Nothing is started yet."""
    from localcloud.detectors.workers import Workers

    return Workers()

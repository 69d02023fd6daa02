"""CI's limits on pictures (CI manual 004:1290), checked from the header before any decoding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`source_size` in bytes, sides in px; `pixels` counts width x height x frames.

    Three are ours. `memory`, in bytes: what all jobs of the process may decode at one time; a
    larger one runs alone. `scans`: how often a JPEG may draw itself; encoders need about ten.
    `pieces`: of how many blocks a GIF, chunks a PNG or segments a JPEG may consist; the largest GIF
    needs 130,000.
    """

    source_size: int = 32 * 1024**2
    source_side: int = 30_000
    pixels: int = 250_000_000
    frames: int = 300
    result_side: int = 9_999
    memory: int = 1024**3
    scans: int = 100
    pieces: int = 250_000


LIMITS = Limits()

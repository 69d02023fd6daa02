"""Findings in the words of API 3.0: labels, suggestions, scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localcloud.detectors.judgement import (
    NORMAL,
    SENSITIVE,
    SUSPECTED,
    Finding,
    Judgement,
    Location,
    gravity,
    merged,
    no_engine,
)

_LABELS = {"Ads": "Ad", "Politics": "Polity", "Terrorism": "Terror"}
_SUGGESTIONS = {NORMAL: "Pass", SENSITIVE: "Block", SUSPECTED: "Review"}
NORMAL_LABEL = "Normal"
NO_LOCAL_ENGINE = "no local engine"
NO_ENGINE = "NoLocalEngine"  # the sub-label of a scene that nothing here can judge


def by_scene(pieces: Iterable[Judgement]) -> list[Finding]:
    """One finding for each scene, over all frames or sections."""
    found: dict[str, list[Finding]] = {}
    for piece in pieces:
        for finding in piece.findings:
            found.setdefault(finding.scene, []).append(finding)
    return [merged(findings) for findings in found.values()]


def label(finding: Finding) -> str:
    """What a scene is called; `Normal` where nothing was found."""
    if finding.result == NORMAL:
        return NORMAL_LABEL
    return _LABELS.get(finding.scene, finding.scene)


def head(finding: Finding) -> dict[str, Any]:
    """The four fields that every result begins with."""
    normal = finding.result == NORMAL
    sub_label = finding.label if finding.engine else NO_ENGINE
    return {
        "Suggestion": _SUGGESTIONS.get(finding.result, "Review"),
        "Label": label(finding),
        "SubLabel": "" if normal else sub_label,
        "Score": 0 if normal else finding.score,
    }


def worst(findings: Iterable[Finding]) -> Finding:
    """The gravest one; of none, what no engine can judge."""
    return max(findings, key=gravity, default=no_engine(""))


def explained(findings: Iterable[Finding]) -> str:
    """Which engine judged each scene and why it says so: what `Extra` carries here."""
    told = (
        f"{one.scene}: {' '.join(filter(None, (one.engine, one.reason))) or NO_LOCAL_ENGINE}"
        for one in findings
    )
    return "; ".join(told)


def location(box: Location | None) -> dict[str, float]:
    """A box in px; zeros where none is known."""
    found = box or Location(0.0, 0.0, 0.0, 0.0)
    return {
        "X": float(found.x),
        "Y": float(found.y),
        "Width": float(found.width),
        "Height": float(found.height),
        "Rotate": float(found.rotate),
    }

"""A scene of a piece as the elements of an answer: a picture's, a text's.

`Engine` and `Reason` are ours: which engine judged the scene, and why it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from localcloud.detectors.judgement import Finding, Location

Info = Callable[[Finding], dict[str, Any]]
_OK = "OK"


def image_info(finding: Finding) -> dict[str, Any]:
    """A scene of a picture, a snapshot or a page."""
    return {
        "Code": 0,
        "Msg": _OK if finding.engine else finding.reason,
        **told(
            finding,
            Score=finding.score,
            Label=finding.label,
            Category=finding.category,
            SubLabel=finding.label,
            Keywords=list(finding.keywords),
            OcrResults=[
                {
                    "Text": line.text,
                    "Keywords": list(line.keywords),
                    "SubLabel": line.label,
                    "Location": _location(line.location),
                }
                for line in finding.ocr
            ],
            ObjectResults=[
                {"Name": seen.name, "SubLabel": seen.label, "Location": _location(seen.location)}
                for seen in finding.objects
            ],
            LibResults=libraries(finding),
        ),
    }


def text_info(finding: Finding) -> dict[str, Any]:
    """A scene of a section of text."""
    return told(
        finding,
        Score=finding.score,
        Keywords=",".join(finding.keywords),
        SubLabel=finding.label,
        LibResults=libraries(finding),
    )


def scored(finding: Finding) -> dict[str, Any]:
    """A scene of a whole sound."""
    return told(finding, Score=finding.score, Label=finding.label)


def told(finding: Finding, **fields: Any) -> dict[str, Any]:
    """`fields` between what every scene begins and ends with."""
    ours = {"Engine": finding.engine, "Reason": finding.reason}
    return {"HitFlag": finding.result, **fields, **ours}


def infos(findings: Iterable[Finding], info: Info) -> dict[str, Any]:
    """The containers of several scenes."""
    return {f"{finding.scene}Info": info(finding) for finding in findings}


def libraries(finding: Finding) -> list[dict[str, Any]]:
    """LibResults: the lexicons with the terms of theirs that were found."""
    found: dict[tuple[bool, str], dict[str, None]] = {}
    for hit in finding.hits:
        found.setdefault((hit.preset, hit.library), {})[hit.keyword] = None
    return [
        {"LibType": 1 if preset else 2, "LibName": name, "Keywords": list(words)}
        for (preset, name), words in found.items()
    ]


def _location(place: Location | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "X": place.x,
        "Y": place.y,
        "Width": place.width,
        "Height": place.height,
        "Rotate": place.rotate,
    }

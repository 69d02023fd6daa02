"""A verdict as the elements of an answer: kinds differ in their pieces and in what they sum up."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from localcloud.ci.audit.judging import Outcome
from localcloud.ci.audit.kinds import AUDIO, DOCUMENT, IMAGE, TEXT, VIDEO, VIRUS, WEBPAGE, Kind
from localcloud.ci.audit.scenes import (
    Info,
    image_info,
    infos,
    libraries,
    scored,
    text_info,
    told,
)
from localcloud.detectors.judgement import (
    NORMAL,
    SENSITIVE,
    Finding,
    Judgement,
    VirusReport,
    gravity,
    merged,
)

NORMAL_LABEL = "Normal"
_MAX_TEXT = 10_000  # characters of a recognised text that an answer repeats


def result(kind: Kind, outcome: Outcome, *, callback_html: bool = False) -> dict[str, Any]:
    """The elements of JobsDetail that hold the verdict."""
    if kind is VIRUS and outcome.viruses is not None:
        return _virus(outcome.viruses)
    if kind is WEBPAGE:
        return _webpage(outcome.pieces, highlight=callback_html)
    return _SHAPES[kind.name](outcome.pieces)


def scores(outcome: Outcome) -> dict[str, int]:
    """The highest score of each scene, for freezing; what no engine judged freezes nothing."""
    found: dict[str, int] = {}
    for piece in outcome.pieces:
        for finding in piece.findings:
            if finding.engine:
                found[finding.scene] = max(finding.score, found.get(finding.scene, 0))
    return found


def _image(pieces: tuple[Judgement, ...]) -> dict[str, Any]:
    findings = by_scene(pieces)
    worst = max(findings, key=gravity)
    return {
        "CompressionResult": 0,
        **_verdict(worst),
        "Category": worst.category,
        "Score": worst.score,
        "Text": _text(pieces[0]),
        **infos(findings, image_info),
    }


def _sections(pieces: tuple[Judgement, ...]) -> dict[str, Any]:
    findings = by_scene(pieces)
    return {
        "SectionCount": len(pieces),
        **_verdict(max(findings, key=gravity)),
        **infos(findings, lambda finding: _counted(finding, pieces)),
        "Section": [
            {
                "StartByte": piece.start,
                **_verdict(piece.worst),
                **infos(piece.findings, text_info),
            }
            for piece in pieces
        ],
    }


def _audio(pieces: tuple[Judgement, ...]) -> dict[str, Any]:
    findings = by_scene(pieces)
    return {
        "AudioText": "\n".join(filter(None, map(_text, pieces))),
        **_verdict(max(findings, key=gravity)),
        **infos(findings, scored),
        "Section": [_sound(piece) for piece in pieces],
    }


def _video(pieces: tuple[Judgement, ...]) -> dict[str, Any]:
    findings = by_scene(pieces)
    shots = [piece for piece in pieces if piece.kind != "audio"]
    return {
        "SnapshotCount": len(shots),
        **_verdict(max(findings, key=gravity)),
        **infos(findings, lambda finding: _counted(finding, pieces)),
        "Snapshot": [
            {
                "Url": "",
                "Text": _text(piece),
                "SnapshotTime": piece.start,
                **_verdict(piece.worst),
                **infos(piece.findings, image_info),
            }
            for piece in shots
        ],
        "AudioSection": [_sound(piece) for piece in pieces if piece.kind == "audio"],
    }


def _document(pieces: tuple[Judgement, ...]) -> dict[str, Any]:
    return {**_pages(pieces), "PageSegment": {"Results": [_page(p, image_info) for p in pieces]}}


def _webpage(pieces: tuple[Judgement, ...], *, highlight: bool) -> dict[str, Any]:
    images = [piece for piece in pieces if piece.kind == "image"]
    texts = [piece for piece in pieces if piece.kind != "image"]
    return {
        **_pages(pieces),
        "ImageResults": {"Results": [_page(piece, image_info) for piece in images]},
        "TextResults": {"Results": [_page(piece, text_info) for piece in texts]},
        "HighlightHtml": "".join(map(_highlighted, texts)) if highlight else None,
    }


def _pages(pieces: tuple[Judgement, ...]) -> dict[str, Any]:
    findings = by_scene(pieces)
    worst = max(findings, key=gravity)
    return {
        "PageCount": len({(piece.sheet, piece.page) for piece in pieces}),
        "Label": _label(worst),
        "Suggestion": worst.result,
        "Labels": infos(findings, lambda finding: told(finding, Score=finding.score)),
    }


def _page(piece: Judgement, info: Info) -> dict[str, Any]:
    worst = piece.worst
    return {
        "Url": "" if info is image_info else None,
        "Text": _text(piece),
        "PageNumber": piece.page,
        "SheetNumber": piece.sheet,
        "Label": _label(worst),
        "Result": worst.result if info is text_info else None,
        "Suggestion": worst.result,
        **infos(piece.findings, info),
    }


def _sound(piece: Judgement) -> dict[str, Any]:
    return {
        "Url": "",
        "Text": _text(piece),
        "OffsetTime": piece.start,
        "Duration": piece.duration,
        **_verdict(piece.worst),
        **infos(
            piece.findings,
            lambda finding: told(
                finding,
                Score=finding.score,
                Keywords=list(finding.keywords),
                Category=finding.category,
                SubLabel=finding.label,
                LibResults=libraries(finding),
            ),
        ),
    }


def _virus(report: VirusReport) -> dict[str, Any]:
    results = [{"FileName": found.file, "VirusName": found.name} for found in report.viruses]
    return {
        "Suggestion": "block" if report.result == SENSITIVE or results else "normal",
        "DetectDetail": {"Result": results},
        "Engine": report.engine,
    }


def _counted(finding: Finding, pieces: Iterable[Judgement]) -> dict[str, Any]:
    count = sum(
        one.result != NORMAL
        for piece in pieces
        for one in piece.findings
        if one.scene == finding.scene
    )
    return told(finding, Count=count)


def _verdict(worst: Finding) -> dict[str, Any]:
    sub = worst.label if worst.result != NORMAL else ""
    return {"Label": _label(worst), "SubLabel": sub, "Result": worst.result}


def _label(worst: Finding) -> str:
    return NORMAL_LABEL if worst.result == NORMAL else worst.scene


def by_scene(pieces: Iterable[Judgement]) -> list[Finding]:
    """One finding for each scene, over all pieces."""
    grouped: dict[str, list[Finding]] = {}
    for piece in pieces:
        for finding in piece.findings:
            grouped.setdefault(finding.scene, []).append(finding)
    return [merged(findings) for findings in grouped.values()]


def _text(piece: Judgement) -> str:
    return piece.text[:_MAX_TEXT]


def _highlighted(piece: Judgement) -> str:
    """A section as HTML with its hits marked; everything else is text."""
    # Hits count from the beginning of the whole text.
    spans = sorted(
        {
            (max(0, hit.start - piece.start), hit.end - piece.start)
            for finding in piece.findings
            for hit in finding.hits
        }
    )
    out, at = [], 0
    for start, end in spans:
        if start < at or not start < end <= len(piece.text):
            continue
        out.append(f"{escape(piece.text[at:start])}<mark>{escape(piece.text[start:end])}</mark>")
        at = end
    return f"<p>{''.join(out)}{escape(piece.text[at:])}</p>"


_SHAPES = {
    IMAGE.name: _image,
    TEXT.name: _sections,
    AUDIO.name: _audio,
    VIDEO.name: _video,
    "live": _video,
    DOCUMENT.name: _document,
}

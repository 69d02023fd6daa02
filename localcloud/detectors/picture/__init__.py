"""Judges pictures: text and codes in them, nudity where an engine is installed.

No engine here can say what a picture shows. The scenes for which that decides come back for review
unless the text in the picture decides them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.detectors.judgement import (
    LEAST_SENSITIVE,
    NORMAL,
    SCENES,
    SUSPECTED,
    Finding,
    FoundObject,
    Judgement,
    OcrText,
    merged,
    no_engine,
)
from localcloud.detectors.picture import codes, nudity, ocr
from localcloud.detectors.policy import DEFAULT, Policy, checked_scenes
from localcloud.detectors.text import judge_text

if TYPE_CHECKING:
    import numpy as np

# Scenes that are in a picture's words, or nowhere; the others are in what it shows.
_IN_WORDS = ("Ads", "Abuse")
_MISSING = "the extra `audit` is not installed"
_OFF = "the policy leaves it out"
_QR_SCORE = 85
_NEAR = 12  # px between the boxes of one line seen in two pieces


@dataclass(frozen=True)
class _Words:
    """The lines and codes of a picture; `why` says why lines were not read, "" if all were."""

    lines: tuple[ocr.Line, ...] = ()
    codes: tuple[codes.Code, ...] = ()
    why: str = ""

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines] + [code.text for code in self.codes]


def judge_image(
    data: bytes | Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
) -> Judgement:
    """Judge a picture file; of an animated one the frames that the policy names, as one judgement.

    The name of the file plays no part. Raises UnjudgeableError.
    """
    from localcloud.detectors.picture.frames import frames
    from localcloud.detectors.picture.hidden import hidden

    scenes = checked_scenes(scenes)
    judged, seen = [], set()
    for frame in frames(data, policy):
        seen.add(frame.number)
        judged.append(judge_pixels(frame.pixels, scenes, policy))
    findings = [merged(same) for same in zip(*(one.findings for one in judged), strict=True)]
    if len(seen) < frame.frame_count:
        findings = [_sampled(finding, len(seen), frame.frame_count) for finding in findings]
    whole = data if isinstance(data, bytes) else data.read_bytes()
    if what := hidden(whole, frame.picture_count):
        findings = [_unsettled(finding, what) for finding in findings]
    lines = dict.fromkeys(line for one in judged for line in one.text.splitlines())
    return Judgement(tuple(findings), "\n".join(lines))


def judge_pixels(
    pixels: np.ndarray, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
) -> Judgement:
    """Judge an RGB picture (height x width x 3, 8 bits). `text` has a line for each read."""
    scenes = checked_scenes(scenes)
    from localcloud.detectors.picture.frames import pieces

    words = _words(pixels, policy)
    said = _said(words, scenes, policy)
    findings = []
    for scene in scenes:
        parts = [said[scene]] if scene in said else []
        if scene == "Ads":
            parts += _adverts(words, policy)
        elif scene == nudity.SCENE:
            parts += [nudity.judge(piece, policy.nudity) for _, _, piece in pieces(pixels)]
        elif scene not in _IN_WORDS:
            parts.append(no_engine(scene))
        if words.why and scene in _IN_WORDS:
            parts.append(no_engine(scene, words.why))
        findings.append(merged(parts))
    return Judgement(tuple(findings), "\n".join(line.text for line in words.lines))


def _words(pixels: np.ndarray, policy: Policy) -> _Words:
    seen = tuple(codes.read(pixels)) if policy.codes and codes.available() else ()
    if not policy.ocr or not ocr.available():
        return _Words(codes=seen, why=_MISSING if policy.ocr else _OFF)
    from localcloud.detectors.picture.frames import pieces

    lines: list[ocr.Line] = []
    why = ""
    for left, top, piece in pieces(pixels):
        read = ocr.read(piece)
        if not read.whole:
            why = f"of more than {ocr.MAX_LINES} lines the smaller ones were not read"
        for line in read.lines:
            place = replace(line.location, x=line.location.x + left, y=line.location.y + top)
            moved = replace(line, location=place)
            if not any(_same(moved, other) for other in lines[-100:]):
                lines.append(moved)
    return _Words(tuple(lines), seen, why)


def _same(one: ocr.Line, other: ocr.Line) -> bool:
    """Whether a line was seen in both of two pieces that share an edge."""
    return (
        one.text == other.text
        and abs(one.location.x - other.location.x) < _NEAR
        and abs(one.location.y - other.location.y) < _NEAR
    )


def _said(words: _Words, scenes: tuple[str, ...], policy: Policy) -> dict[str, Finding]:
    """What the lexicons say of the lines and of the codes' texts, scene by scene."""
    if words.why and not words.texts:
        return {}
    # Joined by spaces: a term that is broken into two lines is one again.
    judged = judge_text(" ".join(words.texts), scenes, policy)
    starts = [0]
    for text in words.texts:
        starts.append(starts[-1] + len(text) + 1)
    found = {}
    for finding in judged.findings:
        rows = [
            OcrText(line.text, keywords, line.location, finding.label)
            for line, start in zip(words.lines, starts, strict=False)
            if (keywords := _inside(finding, start, start + len(line.text)))
        ]
        if not finding.engine and finding.scene not in _IN_WORDS:
            continue
        reader = ocr.ENGINE if words.lines or not words.why else codes.ENGINE
        engine = f"{reader}+{finding.engine}" if finding.engine else ""
        found[finding.scene] = replace(
            finding,
            engine=engine,
            category=("OCR" if rows else codes.CATEGORY) if finding.hits else "",
            ocr=tuple(rows),
            hits=(),
        )
    return found


def _inside(finding: Finding, start: int, end: int) -> tuple[str, ...]:
    words = (hit.keyword for hit in finding.hits if hit.start < end and hit.end > start)
    return tuple(dict.fromkeys(words))


def _adverts(words: _Words, policy: Policy) -> list[Finding]:
    if not policy.codes or not codes.available():
        return [no_engine("Ads", _MISSING if policy.codes else _OFF)]
    seen = tuple(
        FoundObject(code.name, code.location, codes.CATEGORY)
        for code in words.codes
        if code.is_matrix
    )
    if not seen:
        return [Finding("Ads", engine=codes.ENGINE)]
    return [
        Finding(
            "Ads",
            SUSPECTED,
            _QR_SCORE,
            codes.CATEGORY,
            codes.CATEGORY,
            objects=seen,
            engine=codes.ENGINE,
        )
    ]


def _sampled(finding: Finding, seen: int, count: int) -> Finding:
    """Of an animation: the service looks at some frames too, so that this does not alter it."""
    if finding.result != NORMAL:
        return finding
    return replace(finding, reason=f"{seen} of {count} frames were looked at")


def _unsettled(finding: Finding, what: str) -> Finding:
    """A file that is also something else: what is normal of its picture is not of the file."""
    if finding.result != NORMAL:
        return finding
    score = max(finding.score, no_engine(finding.scene).score)
    return replace(
        finding,
        result=SUSPECTED,
        score=min(score, LEAST_SENSITIVE - 1),
        # No threshold for the score of the picture may let the rest pass.
        engine="",
        reason=f"the file is also {what}, which was not judged",
    )

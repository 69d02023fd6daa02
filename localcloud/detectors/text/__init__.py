"""Judges text with lexicons."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.detectors.judgement import (
    LEAST_SENSITIVE,
    SCENES,
    SENSITIVE,
    SUSPECTED,
    Finding,
    Hit,
    Judgement,
    no_engine,
)
from localcloud.detectors.policy import DEFAULT, Policy, checked_scenes
from localcloud.detectors.text import lexicon
from localcloud.detectors.text.lexicon import Term
from localcloud.detectors.text.plain import plain

if TYPE_CHECKING:
    from localcloud.detectors.text.matcher import Matcher

ENGINE = "lexicon"
SECTION = 10_000  # characters
_SEAM = 200
_MISSING = "the extra `audit` is not installed"


def available() -> bool:
    return all(importlib.util.find_spec(name) for name in ("ahocorasick_rs", "numpy"))


def judge_text(text: str, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT) -> Judgement:
    """Judge a text of any length in one piece. Raises LexiconError, ValueError (a scene)."""
    return _judge(text, scenes, policy, 0, len(text))


def judge_sections(
    text: str, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
) -> Iterator[Judgement]:
    """One judgement for each 10,000 characters, `start` says where; hits count from the beginning
    of the whole text. An empty text has one section."""
    for start in range(0, max(1, len(text)), SECTION):
        yield _judge(text, scenes, policy, start, min(start + SECTION, len(text)))


def _judge(text: str, scenes: tuple[str, ...], policy: Policy, start: int, end: int) -> Judgement:
    scenes = checked_scenes(scenes)
    own = text[start:end]
    if not available():
        return Judgement(tuple(no_engine(scene, _MISSING) for scene in scenes), own, "text", start)
    matcher = matcher_of(policy)
    found: dict[str, list[Hit]] = {}
    scores: dict[str, Term] = {}
    # A term that lies across the seam of two sections belongs to the one where it ends.
    begin = max(0, start - _SEAM)
    near = text[begin : end + _SEAM]
    matches = matcher.find(near)
    if (shown := plain(near)) != near:
        matches = sorted({*matches, *matcher.find(shown)}, key=lambda one: (one.start, one.end))
    for match in matches:
        first, last = match.start + begin, match.end + begin
        if not start < last <= end:
            continue
        term = match.term
        hit = Hit(term.text, first, last, text[first:last], term.library, term.preset)
        found.setdefault(term.scene, []).append(hit)
        scores[term.scene] = max(scores.get(term.scene, term), term, key=lambda term: term.score)
    findings = []
    for scene in scenes:
        if scene in scores:
            findings.append(_finding(scores[scene], found[scene]))
        elif scene in matcher.scenes:
            findings.append(Finding(scene, engine=ENGINE))
        else:
            findings.append(no_engine(scene, f"no lexicon has terms for {scene}"))
    return Judgement(tuple(findings), own, "text", start)


def matcher_of(policy: Policy) -> Matcher:
    """The automaton of a policy's lexicons, made once for as long as the files do not change."""
    files = [(path, True) for path in lexicon.preset_files()] if policy.preset else []
    files += [(path, False) for path in policy.lexicons]
    return _matcher(tuple((path, preset, _version(path)) for path, preset in files))


def _version(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise lexicon.LexiconError(f"{path} cannot be read: {error.strerror}") from None
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4)
def _matcher(files: tuple[tuple[Path, bool, tuple[int, int]], ...]) -> Matcher:
    from localcloud.detectors.text.matcher import Matcher

    return Matcher(term for path, preset, _ in files for term in lexicon.read(path, preset))


def _finding(worst: Term, hits: list[Hit]) -> Finding:
    return Finding(
        worst.scene,
        SENSITIVE if worst.score >= LEAST_SENSITIVE else SUSPECTED,
        worst.score,
        worst.label,
        keywords=tuple(dict.fromkeys(hit.keyword for hit in hits)),
        hits=tuple(hits),
        engine=ENGINE,
    )

"""Lexicon files: terms with their scene, label and score.

    # a comment
    [Abuse Insult 95]     scene, label, score: 61-90 suspected, 91-100 sensitive
    some term
    stem*                 the beginning of a word; Latin letters only
    [allow]
    an ordinary word      no term inside of it is hit

A line is a term. Upper and lower case, width, accents and traditional characters need no lines of
their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from localcloud.detectors.judgement import LEAST_SUSPECTED, SCENES

PRESET = Path(__file__).with_name("lexicons")
ALLOW = "allow"
MAX_FILE = 16 * 1024**2
MAX_TERMS = 200_000
MAX_TERM = 64
_HEAD = re.compile(r"\[(\w+)\s+(\w+)\s+(\d{1,3})\]")


class LexiconError(Exception):
    """A lexicon file cannot be used; the message has its name and line."""


@dataclass(frozen=True)
class Term:
    """`scene` is "" for an ordinary word that protects what is inside of it. `stem`: the word may
    go on behind. `library` is the file's name without suffix."""

    text: str
    scene: str
    label: str = ""
    score: int = 100
    stem: bool = False
    library: str = ""
    preset: bool = False


def preset_files() -> tuple[Path, ...]:
    return tuple(sorted(PRESET.glob("*.txt")))


def read(path: Path, preset: bool = False) -> list[Term]:
    """The terms of a file in UTF-8. Raises LexiconError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise LexiconError(f"{path} is over {MAX_FILE} bytes, the most that is allowed")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise LexiconError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LexiconError(f"{path} is not UTF-8, the encoding of lexicon files") from None
    scene: str | None = None
    label, score = "", 0
    terms = []
    for number, line in enumerate(text.splitlines(), 1):
        word, place = line.strip(), f"{path}:{number}"
        if not word or word.startswith("#"):
            continue
        if word.startswith("["):
            scene, label, score = _head(word, place)
            continue
        if scene is None:
            raise LexiconError(f"{place}: {word!r} is above the first [scene label score]")
        if len(word) > MAX_TERM:
            raise LexiconError(f"{place}: the term has over {MAX_TERM} characters")
        stem = word.endswith("*")
        terms.append(Term(word.rstrip("*"), scene, label, score, stem, path.stem, preset))
        if len(terms) > MAX_TERMS:
            raise LexiconError(f"{path} has over {MAX_TERMS} terms, the most that is allowed")
    return terms


def _head(line: str, place: str) -> tuple[str, str, int]:
    if line == f"[{ALLOW}]":
        return "", "", 0
    found = _HEAD.fullmatch(line)
    if not found or found[1] not in SCENES or not LEAST_SUSPECTED <= int(found[3]) <= 100:
        raise LexiconError(
            f"{place}: {line!r}; allowed: [{ALLOW}] or [scene label score] with a scene of "
            f"{', '.join(SCENES)} and a score from {LEAST_SUSPECTED} to 100"
        )
    return found[1], found[2], int(found[3])

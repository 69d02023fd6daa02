"""What a detector says of a piece of content: the values, in CI's terms, and nothing else.

A scene that no engine can judge is `SUSPECTED` with `engine == ""`: content is never passed by an
engine that did not run. Scores follow CI's bands: to 60 normal, to 90 suspected, above sensitive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SCENES = ("Porn", "Terrorism", "Politics", "Ads", "Illegal", "Abuse", "Teenager")
NORMAL, SENSITIVE, SUSPECTED = 0, 1, 2
LEAST_SUSPECTED, LEAST_SENSITIVE = 61, 91
NO_ENGINE = "no local engine"
# From the mildest on: CI numbers `suspected` after `sensitive`.
_ORDER = {NORMAL: 0, SUSPECTED: 1, SENSITIVE: 2}

# CI's numbers for content that cannot be audited (CI manual 004:94168).
MISSING, BROKEN, TOO_LARGE, TOO_SMALL, NOT_ELIGIBLE = -61011, -65007, -65011, -65012, -65013


class UnjudgeableError(Exception):
    """The content cannot be judged: `number` is CI's, the message says what is allowed.

    Whoever asked must take it for suspected, never for normal.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


@dataclass(frozen=True)
class Location:
    """A box in px of the picture as it is shown; `rotate` in degrees, counter-clockwise."""

    x: float
    y: float
    width: float
    height: float
    rotate: float = 0.0


@dataclass(frozen=True)
class OcrText:
    """A line of text read in a picture; `keywords` are the terms that it holds."""

    text: str
    keywords: tuple[str, ...] = ()
    location: Location | None = None
    label: str = ""


@dataclass(frozen=True)
class FoundObject:
    """What was seen in a picture: a QR code, a barcode, a part of a body."""

    name: str
    location: Location | None = None
    label: str = ""


@dataclass(frozen=True)
class Hit:
    """A term of a lexicon in a text. `keyword` is the term as its lexicon writes it; `start` and
    `end` (exclusive) are characters of the text as it was given, `written` is what stands there.
    `preset` is False for lexicons of the user: CI's LibType 1 and 2."""

    keyword: str
    start: int
    end: int
    written: str = ""
    library: str = ""
    preset: bool = True


@dataclass(frozen=True)
class Finding:
    """What one scene comes to. `score` is 0-100; `engine` names all that judged, joined by "+".

    `label` is the finer class and `category` the way it was found, as CI names them
    (`QRCode`, `OCR`); `reason` says why, for people.
    """

    scene: str
    result: int = NORMAL
    score: int = 0
    label: str = ""
    category: str = ""
    keywords: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    ocr: tuple[OcrText, ...] = ()
    objects: tuple[FoundObject, ...] = ()
    engine: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Judgement:
    """Of one picture, section of text, snapshot, section of sound, or page.

    `findings` has one for each scene that was asked for, in that order. `start` is where the piece
    begins: characters for text, ms for snapshots and sound, the number of the frame in an animated
    picture. `duration` is in ms, of sound. `page` counts from 1; `sheet` likewise, in workbooks.
    `kind` is "image", "text", "audio", "video" (a snapshot), "page" or "webpage".
    """

    findings: tuple[Finding, ...]
    text: str = ""
    kind: str = "image"
    start: int = 0
    duration: int = 0
    page: int = 0
    sheet: int = 0

    @property
    def worst(self) -> Finding:
        """The gravest finding, the first among equals. A judgement of no scene is not normal."""
        return max(self.findings, key=gravity, default=no_engine(""))

    @property
    def result(self) -> int:
        return self.worst.result

    @property
    def score(self) -> int:
        return self.worst.score

    @property
    def label(self) -> str:
        """The scene of the worst finding; `Normal` when nothing was found."""
        return "Normal" if self.result == NORMAL else self.worst.scene


@dataclass(frozen=True)
class Virus:
    """`file` is the name inside of an archive, parts joined by "/"; "" is the file itself."""

    file: str
    name: str


@dataclass(frozen=True)
class VirusReport:
    """`result` NORMAL, SENSITIVE (found) or SUSPECTED (could not be looked into, see `reason`)."""

    result: int
    viruses: tuple[Virus, ...] = ()
    files: int = 0
    engine: str = ""
    reason: str = ""


def no_engine(scene: str, why: str = "") -> Finding:
    """What is said of a scene that nothing here can judge."""
    reason = f"{NO_ENGINE}: {why}" if why else NO_ENGINE
    return Finding(scene, SUSPECTED, LEAST_SUSPECTED, reason=reason)


def gravity(finding: Finding) -> tuple[int, int]:
    """A key to order findings by, mildest first."""
    return _ORDER.get(finding.result, 1), finding.score


def merged(findings: Iterable[Finding]) -> Finding:
    """One finding of several on the same scene: the gravest one, with what all of them found.

    Raises ValueError for none, or for more than one scene.
    """
    every = list(findings)
    if len({finding.scene for finding in every}) != 1:
        raise ValueError("findings on one scene are expected")
    worst = max(every, key=gravity)
    return Finding(
        worst.scene,
        worst.result,
        worst.score,
        worst.label,
        worst.category,
        tuple(dict.fromkeys(word for finding in every for word in finding.keywords)),
        tuple(hit for finding in every for hit in finding.hits),
        tuple(line for finding in every for line in finding.ocr),
        tuple(seen for finding in every for seen in finding.objects),
        "+".join(dict.fromkeys(finding.engine for finding in every if finding.engine))
        if worst.engine
        else "",
        worst.reason,
    )

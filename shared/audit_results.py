"""CI's results -> a `Verdict`.

Five shapes: pictures, sound (CI manual 004:18498), text (004:18980) and video have `Result`,
documents and webpages `Suggestion` as a number, virus scans as a word. A missing result, an unknown
label, a failed job, a scene without an engine: all of them are for a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.verdicts import (
    BLOCK,
    PASS,
    RESULTS,
    REVIEW,
    SCENES,
    Label,
    Policy,
    Verdict,
    gravest,
    undecided,
)

VIRUS = "Virus"
_OF_NUMBER = {0: PASS, 1: BLOCK, 2: REVIEW}
_OF_WORD = {"normal": PASS, "pass": PASS, "block": BLOCK, "review": REVIEW}
_OTHER_NAMES = {"Terrorist": "Terrorism"}  # on the bucket's own host
_NO_SCENES = ("UserInfo", "ListInfo", "MaskInfo", "RecordInfo", "LiveInfo")
# Elements that hold pieces of a content, or hold what holds them.
_PIECES = (
    "Labels", "Section", "Snapshot", "AudioSection", "PageSegment", "Results", "ImageResults",
    "TextResults",
)  # fmt: skip
_DEEPEST = 8  # elements inside each other; the service's answers have four
_LONGEST = 64  # characters of a label that are kept


def of_job(
    kind: str, details: object, policy: Policy = Policy(), request_id: str = ""  # noqa: B008
) -> Verdict | None:  # fmt: skip
    """The verdict in `JobsDetail` or `RecognitionResult`, as the SDK or `json` reads it.

    None while the job is not done. What is no such answer at all is for review.
    """
    if not isinstance(details, Mapping):
        return undecided(kind, "the answer holds no result", policy, request_id=request_id)
    known = {"job_id": _text(details.get("JobId")), "request_id": request_id}
    state = _text(details.get("State"))
    if state in ("Submitted", "Snapshoting", "Auditing"):
        return None
    if state != "Success":
        code = _text(details.get("Code")) or "no code"
        what = "the job failed" if state == "Failed" else f"the job's state is {state!r}"
        return undecided(kind, f"{what}: {code}", policy, **known)
    labels, troubles = _labels(kind, details, policy)
    result = gravest([label.result for label in labels] + [REVIEW] * bool(troubles))
    said = _said(details)
    explained = gravest([flag for flag, _ in _flags(kind, details)] or [PASS])
    if said is None:
        troubles.append("the answer says no result")
        result = gravest((result, REVIEW))
    elif RESULTS.index(said) > RESULTS.index(explained):
        # Graver than any scene of it: no threshold speaks of that.
        result = gravest((result, said))
    elif not labels:
        result = gravest((said, REVIEW)) if troubles else said
    return Verdict(
        result,
        kind,
        labels,
        "; ".join(troubles),
        policy=policy,
        frozen=_text(details.get("ForbidState")) in ("1", "2"),
        **known,
    )


class _Found(NamedTuple):
    flag: str
    score: int | None
    sub_label: str
    engine: str
    trouble: str = ""


def _labels(
    kind: str, details: Mapping[str, Any], policy: Policy
) -> tuple[tuple[Label, ...], list[str]]:
    """One label for each scene, over all pieces, and what is wrong with the answer."""
    if kind == "virus":
        return _viruses(details)
    scenes: dict[str, list[_Found]] = {}
    troubles: dict[str, None] = {}
    for piece in _pieces(details):
        for name, info in _infos(piece):
            found = _found(info)
            scenes.setdefault(name, []).append(found)
            if found.trouble:
                troubles[f"{name}: {found.trouble}"] = None
            if name not in SCENES and found.flag != PASS:
                troubles[f"{name} is an unknown label"] = None
        for label in _several(piece.get("Label")):
            scene = _OTHER_NAMES.get(_text(label), _text(label))
            if scene not in ("", "Normal", *SCENES):
                troubles[f"{scene[:_LONGEST]} is an unknown label"] = None
        if _said(piece) is None and ("Result" in piece or "Suggestion" in piece):
            troubles["a piece has an unknown result"] = None
    return tuple(_label(name, found, policy) for name, found in scenes.items()), list(troubles)


def _label(scene: str, found: list[_Found], policy: Policy) -> Label:
    scores = [one.score for one in found if one.score is not None]
    worst = max(found, key=lambda one: (RESULTS.index(one.flag), one.score or 0))
    result = gravest(one.flag for one in found)
    threshold = policy.threshold(scene)
    if threshold and scores and not any(one.trouble for one in found):
        result = threshold.judge(max(scores))
    return Label(scene, result, max(scores) if scores else None, worst.sub_label, worst.engine)


def _found(info: Mapping[str, Any]) -> _Found:
    flags = [_OF_NUMBER.get(_number(flag)) for flag in _several(info.get("HitFlag"))]
    known = [flag for flag in flags if flag]
    trouble = "" if known and len(known) == len(flags) else "it has no known result"
    scores = [_number(score) for score in _several(info.get("Score"))]
    if any(not 0 <= score <= 100 for score in scores):
        trouble = trouble or "its score is no number from 0 to 100"
    if "Engine" in info and not info["Engine"]:
        # The local cloud: nothing could judge it, so no threshold lets it pass.
        trouble = trouble or _text(info.get("Reason"))[:200] or "no local engine"
    flag = gravest([*known, REVIEW] if trouble else known)
    return _Found(
        flag,
        max((score for score in scores if 0 <= score <= 100), default=None),
        _text(info.get("SubLabel"))[:_LONGEST],
        _text(info.get("Engine"))[:_LONGEST],
        trouble,
    )


def _viruses(details: Mapping[str, Any]) -> tuple[tuple[Label, ...], list[str]]:
    said = _said(details) or REVIEW
    names = [
        _text(found.get("VirusName"))[:_LONGEST]
        for detail in _several(details.get("DetectDetail"))
        if isinstance(detail, Mapping)
        for found in _several(detail.get("Result"))
        if isinstance(found, Mapping)
    ]
    result = BLOCK if names else said
    engine = _text(details.get("Engine"))[:_LONGEST]
    return (Label(VIRUS, result, None, names[0] if names else "", engine),), []


def _flags(kind: str, details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the service says of each scene."""
    if kind == "virus":
        return
    for piece in _pieces(details):
        for name, info in _infos(piece):
            yield _found(info).flag, name


def _infos(piece: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in piece.items():
        if not str(name).endswith("Info") or name in _NO_SCENES:
            continue
        scene = str(name).removesuffix("Info")[:_LONGEST]
        for info in _several(value):
            if isinstance(info, Mapping):
                yield _OTHER_NAMES.get(scene, scene), info


def _pieces(node: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    yield node
    if depth == _DEEPEST:
        return
    for name in _PIECES:
        for child in _several(node.get(name)):
            if isinstance(child, Mapping):
                yield from _pieces(child, depth + 1)


def _said(node: Mapping[str, Any]) -> str | None:
    """The result that an element gives itself; None where it gives none that is known."""
    values = _several(node.get("Result") if "Result" in node else node.get("Suggestion"))
    found = [
        _OF_WORD.get(_text(value).lower()) or _OF_NUMBER.get(_number(value)) for value in values
    ]
    known = [result for result in found if result]
    return gravest(known) if known and len(known) == len(found) else None


def _several(value: object) -> list[Any]:
    """Elements that may be repeated: the SDK makes a list of several alone."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _number(value: object) -> int:
    """A whole number of an answer; -1 for what is none."""
    text = _text(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""

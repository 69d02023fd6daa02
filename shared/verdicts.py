"""What an audit found, whoever judged: one `Verdict` for the five shapes of CI's results.

The rule that holds everywhere: what is not clearly judged is `review`, never `pass`. A missing
result, an unknown label, a failed job, a scene without an engine: all of them are for a person.

Shapes: pictures, sound (CI manual 004:18498), text (004:18980) and video have `Result`, documents
and webpages `Suggestion` as a number, virus scans as a word. A `Verdict` holds scenes and scores,
never the words or texts that were found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

PASS, REVIEW, BLOCK = "pass", "review", "block"
RESULTS = (PASS, REVIEW, BLOCK)  # from the mildest to the gravest
KINDS = ("image", "text", "audio", "video", "document", "webpage", "virus")
SCENES = ("Porn", "Terrorism", "Politics", "Ads", "Illegal", "Abuse", "Teenager")
VIRUS = "Virus"
EVERY = "*"

_OF_NUMBER = {0: PASS, 1: BLOCK, 2: REVIEW}
_OF_WORD = {"normal": PASS, "pass": PASS, "block": BLOCK, "review": REVIEW}
_OTHER_NAMES = {"Terrorist": "Terrorism"}  # on the bucket's own host
_NO_SCENES = ("UserInfo", "ListInfo", "MaskInfo", "RecordInfo", "LiveInfo")
# Elements that hold pieces of a content, or hold what holds them.
_PIECES = (
    "Labels", "Section", "Snapshot", "AudioSection", "PageSegment", "Results", "ImageResults",
    "TextResults",
)  # fmt: skip
_KIND_OF_EVENT = {
    "ReviewImage": "image",
    "ReviewText": "text",
    "ReviewAudio": "audio",
    "ReviewVideo": "video",
    "ReviewDocument": "document",
    "ReviewHtml": "webpage",
    "ReviewVirus": "virus",
}
_DEEPEST = 8  # elements inside each other; the service's answers have four
_LONGEST = 64  # characters of a label that are kept


class Label(NamedTuple):
    """One scene: `result` is ours, by thresholds or by the service's own flag. `score` is 0 to 100,
    None where the service gave none. `engine` is told by the local cloud alone."""

    scene: str
    result: str
    score: int | None = None
    sub_label: str = ""
    engine: str = ""


class Threshold(NamedTuple):
    """From which score a scene is for review, and from which it is blocked."""

    review: int = 61
    block: int = 91

    def judge(self, score: int) -> str:
        if score >= self.block:
            return BLOCK
        return REVIEW if score >= self.review else PASS


class Policy(NamedTuple):
    """By what was judged: `version` is the digest of the pipeline's audit section. `thresholds`
    are by scene, `*` stands for those not named; without one the service's own flag counts."""

    version: str = ""
    biz_type: str = ""
    thresholds: Mapping[str, Threshold] = {}

    def threshold(self, scene: str) -> Threshold | None:
        return self.thresholds.get(scene) or self.thresholds.get(EVERY)


class Verdict(NamedTuple):
    """`result` is `pass`, `review` or `block`; `reason` is a sentence where it needs one.

    `job_id` and `request_id` are what the provider's support asks for. `frozen`: the service has
    put the object out of reach itself.
    """

    result: str
    kind: str
    labels: tuple[Label, ...] = ()
    reason: str = ""
    job_id: str = ""
    request_id: str = ""
    policy: Policy = Policy()
    provider: str = "ci"
    frozen: bool = False

    @classmethod
    def restored(cls, entry: Mapping[str, Any], policy: Policy) -> Verdict:
        """What `document` wrote, by the policy that counts now. Raises KeyError, TypeError."""
        labels = tuple(Label(**label) for label in entry["labels"])
        known = {name: entry[name] for name in ("reason", "job_id", "request_id", "provider")}
        return cls(
            gravest([entry["result"]]), str(entry["kind"]), labels, policy=policy,
            frozen=bool(entry["frozen"]), **known,
        )  # fmt: skip

    def document(self) -> dict[str, Any]:
        """The verdict as JSON values, for records, manifests and webhooks."""
        return {
            "result": self.result,
            "kind": self.kind,
            "reason": self.reason,
            "labels": [
                {name: value for name, value in label._asdict().items() if value not in ("", None)}
                for label in self.labels
            ],
            "provider": self.provider,
            "job_id": self.job_id,
            "request_id": self.request_id,
            "frozen": self.frozen,
            "policy": {
                "version": self.policy.version,
                "biz_type": self.policy.biz_type,
                "thresholds": {
                    scene: found._asdict() for scene, found in self.policy.thresholds.items()
                },
            },
        }


def gravest(results: Iterable[str]) -> str:
    """Of several results; `review` of none."""
    found = [result if result in RESULTS else REVIEW for result in results]
    return max(found, key=RESULTS.index) if found else REVIEW


def undecided(kind: str, reason: str, policy: Policy = Policy(), **known: Any) -> Verdict:  # noqa: B008
    """The verdict on what could not be judged: `review`. `known` are more fields of it."""
    return Verdict(REVIEW, kind, reason=reason, policy=policy, **known)


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """One of several kinds of one content: the gravest counts. At least one is needed."""
    found = list(verdicts)
    first = found[0]
    if len(found) == 1:
        return first
    return Verdict(
        gravest(verdict.result for verdict in found),
        ",".join(verdict.kind for verdict in found),
        tuple(label for verdict in found for label in verdict.labels),
        "; ".join(verdict.reason for verdict in found if verdict.reason),
        ",".join(verdict.job_id for verdict in found if verdict.job_id),
        ",".join(verdict.request_id for verdict in found if verdict.request_id),
        first.policy,
        first.provider,
        any(verdict.frozen for verdict in found),
    )


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


def of_callback(document: object) -> tuple[str, dict[str, Any]]:
    """The kind and the details that the JSON of a callback tells, Simple or Detail, in the form
    that `of_job` reads. Raises ValueError for what is no callback of an audit.

    It is a hint that a job may be done, and no more: anybody can post one.
    """
    if not isinstance(document, Mapping):
        raise ValueError("a callback is a JSON object")
    details = document.get("JobsDetail")
    if isinstance(details, list) and len(details) == 1:
        details = details[0]
    if isinstance(details, Mapping):
        kind = _KIND_OF_EVENT.get(_text(document.get("EventName")))
        found = dict(details)
    else:
        data = document.get("data")
        if not isinstance(data, Mapping):
            raise ValueError("neither JobsDetail nor data is there")
        kind = _KIND_OF_EVENT.get(_text(data.get("event")))
        found = _of_simple(document, data)
    if kind is None or not _text(found.get("JobId")):
        raise ValueError("the event or the job's id is missing")
    return kind, found


def _of_simple(document: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    scenes = {
        f"{str(name).removesuffix('_info').capitalize()}Info": {
            "HitFlag": info.get("hit_flag"),
            "Score": info.get("score"),
        }
        for name, info in data.items()
        if str(name).endswith("_info") and isinstance(info, Mapping)
    }
    code = _text(document.get("code"))
    return {
        "JobId": data.get("trace_id"),
        "State": "Success" if code == "0" else "Failed",
        "Code": code,
        "Result": data.get("result"),
        "ForbidState": data.get("forbidden_status"),
        **scenes,
    }


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
        trouble = trouble or "no local engine"
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

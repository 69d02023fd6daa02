"""Image and text moderation through API 3.0, for buckets that CI is not bound to.

`ims` ImageModeration and `tms` TextModeration of version 2020-12-29: both answer at once, and their
answers become the same `Verdict` as CI's. What they answer with no known words is for review.
https://cloud.tencent.com/document/api/1125/53273 and .../1124/51860
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.api3 import Api3
from shared.audits import MODERATED, Audit
from shared.cos import Cos
from shared.errors import CloudError
from shared.settings import Settings
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
    merged,
    undecided,
)

PROVIDER = "api3"
MAX_CHARACTERS = 10_000  # of one text
_OVERLAP = 100  # characters that two sections share
MAX_TEXTS = 110  # of one object: a megabyte in sections of the size above
_SECONDS = 600  # that the address of a picture can be read for
_MAX_DATA_ID = 64
_VERSION = "2020-12-29"
_LONGEST = 64  # characters of a label that are kept
_SUGGESTIONS = {"Pass": PASS, "Review": REVIEW, "Block": BLOCK}
_SCENES = {
    "Ad": "Ads",
    "Polity": "Politics",
    "Terror": "Terrorism",
    "Sexy": "Porn",
    **{scene: scene for scene in SCENES},
}
_NORMAL = "Normal"
_NO_ENGINE = "NoLocalEngine"  # the local cloud's sub-label of what nothing there can judge
# The parts of an answer that hold results: of pictures the first four, of texts the last.
_PARTS = ("LabelResults", "ObjectResults", "OcrResults", "LibResults", "DetailResults")
# What the words of these APIs' own errors mean as HTTP statuses.
_STATUS = {"ResourceUnavailable": 503, "ResourceInUse": 503, "ResourcesSoldOut": 503,
           "ResourceUnavailable.ImageDownloadError": 400,
           "ResourceUnavailable.InvalidImageContent": 400}  # fmt: skip


class Moderation:
    """Both APIs, for one invocation. `biz_type` names a strategy of the console, empty for the
    default one; `policy` is what verdicts are made by. Methods raise `CloudError`; `calls` lists
    every attempt as (action, request id).
    """

    def __init__(
        self,
        settings: Settings,
        region: str,
        policy: Policy = Policy(),  # noqa: B008 - it cannot be changed
        deadline: float = float("inf"),
    ) -> None:
        self._policy = policy
        where = settings.region or region
        self._images = Api3("ims", _VERSION, settings, where, deadline, status=_STATUS)
        self._texts = Api3("tms", _VERSION, settings, where, deadline, status=_STATUS)

    @property
    def calls(self) -> list[tuple[str, str]]:
        return self._images.calls + self._texts.calls

    def image(
        self,
        url: str,
        *,
        data_id: str = "",
        interval: int = 0,
        max_frames: int = 1,
        user: Mapping[str, str] | None = None,
    ) -> Verdict:
        """Judge the picture at `url`, which the service fetches: sign it. Of an animation one frame
        in `interval`, at most `max_frames`."""
        parameters = {
            **self._common(data_id, user),
            "FileUrl": url,
            "Interval": interval,
            "MaxFrames": max_frames,
        }
        return self._images.call("ImageModeration", parameters, self._reader("image"))

    def text(
        self, text: str, *, data_id: str = "", user: Mapping[str, str] | None = None
    ) -> Verdict:
        """Judge a text: in sections, of which the gravest counts, if it is long."""
        sections = list(_sections(text))
        if len(sections) > MAX_TEXTS:
            reason = f"the text has more than {MAX_TEXTS * MAX_CHARACTERS} characters"
            return undecided("text", reason, self._policy, provider=PROVIDER)
        if not sections:
            reason = "the text is empty: there is nothing to judge"
            return undecided("text", reason, self._policy, provider=PROVIDER)
        found = []
        for section in sections:
            parameters = {
                **self._common(data_id, user),
                "Content": b64encode(section.encode("utf-8", "replace")).decode(),
            }
            found.append(self._texts.call("TextModeration", parameters, self._reader("text")))
        return _of_sections(found) if len(found) > 1 else found[0]

    def _common(self, data_id: str, user: Mapping[str, str] | None) -> dict[str, Any]:
        given = {"BizType": self._policy.biz_type, "DataId": data_id, "User": dict(user or {})}
        return {name: value for name, value in given.items() if value}

    def _reader(self, kind: str) -> Callable[[dict[str, Any]], Verdict]:
        return lambda answer: of_answer(kind, answer, self._policy)


def moderate(
    cos: Cos,
    bucket: str,
    key: str,
    kind: str,
    audit: Audit,
    *,
    etag: str,
    data_id: str = "",
    user: Mapping[str, str] | None = None,
) -> Verdict:
    """The verdict on an object. What these APIs do not judge is for review.

    Raises `CloudError`, NoSuchKey when a text is another one by now than `etag`.
    """
    if kind not in MODERATED:
        reason = f"provider api3 judges {' and '.join(MODERATED)} alone, this is {kind}"
        return undecided(kind, reason, audit.policy, provider=PROVIDER)
    found = Moderation(cos.settings, "", audit.policy, cos.deadline)
    # The service takes fewer letters than CI does.
    name = re.sub(r"[^A-Za-z0-9_@#-]", "_", data_id)[:_MAX_DATA_ID]
    try:
        if kind == "image":
            url = cos.signed_address(bucket, key, _SECONDS)
            frames = {"interval": audit.interval, "max_frames": audit.max_frames}
            return found.image(url, data_id=name, user=user, **frames)
        read = cos.read_object(bucket, key)
        if read is None or read.etag != etag:
            raise CloudError("NoSuchKey", "the object was replaced or deleted", status=404)
        text = _decoded(read.body)
        if text is None:
            reason = "the text is neither UTF-8 nor GB 18030"
            return undecided(kind, reason, audit.policy, provider=PROVIDER)
        return found.text(text, data_id=name, user=user)
    finally:
        cos.calls += found.calls


def _decoded(data: bytes) -> str | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def of_answer(kind: str, answer: Mapping[str, Any], policy: Policy) -> Verdict:
    """The verdict in the `Response` of either API. Whatever it lacks, or says in words that are not
    known, makes it `review` at least. Raises AttributeError, TypeError for no such answer."""
    request_id = str(answer.get("RequestId") or "")
    troubles: dict[str, None] = {}
    scenes: dict[str, list[Label]] = {}
    explained = PASS
    for part in _PARTS:
        for entry in answer.get(part) or ():
            result = _SUGGESTIONS.get(entry.get("Suggestion"))
            name = str(entry.get("Label") or "")[:_LONGEST]
            if result is None:
                troubles[f"a result of {part} has no known suggestion"] = None
            explained = gravest((explained, result or REVIEW))
            if name == _NORMAL:
                continue
            if entry.get("SubLabel") == _NO_ENGINE:
                troubles[f"{name}: no local engine"] = None
            if name not in _SCENES:
                troubles[f"{name or 'a result without a name'} is an unknown label"] = None
            scene = _SCENES.get(name, name)
            scenes.setdefault(scene, []).append(_label(scene, result or REVIEW, entry))
    labels = tuple(_judged(scene, found, policy) for scene, found in scenes.items())
    said = _SUGGESTIONS.get(answer.get("Suggestion", ""))
    if said is None:
        troubles["the answer says no known suggestion"] = None
    result = gravest([label.result for label in labels] + [REVIEW] * bool(troubles))
    if not labels and not troubles:
        result = said or REVIEW
    elif said is not None and RESULTS.index(said) > RESULTS.index(explained):
        # Graver than any part of it: no threshold speaks of that.
        result = gravest((result, said))
    return Verdict(
        result,
        kind,
        labels,
        "; ".join(troubles),
        request_id=request_id,
        policy=policy,
        provider=PROVIDER,
    )


def _label(scene: str, result: str, entry: Mapping[str, Any]) -> Label:
    score = entry.get("Score")
    is_score = isinstance(score, int) and not isinstance(score, bool) and 0 <= score <= 100
    return Label(scene, result, score if is_score else None,
                 str(entry.get("SubLabel") or "")[:_LONGEST])  # fmt: skip


def _judged(scene: str, found: list[Label], policy: Policy) -> Label:
    """One label of all that were found of a scene, by the threshold if there is one for it."""
    worst = max(found, key=lambda one: (RESULTS.index(one.result), one.score or 0))
    scores = [one.score for one in found if one.score is not None]
    threshold = policy.threshold(scene)
    result = worst.result
    if threshold is not None and scene in SCENES and len(scores) == len(found):
        result = threshold.judge(max(scores))
    return Label(scene, result, max(scores) if scores else None, worst.sub_label)


def _of_sections(found: list[Verdict]) -> Verdict:
    """One verdict of all sections of a text, with each scene once."""
    whole = merged(found)
    worst: dict[str, Label] = {}
    for label in whole.labels:
        known = worst.get(label.scene)
        grave = (RESULTS.index(label.result), label.score or 0)
        if known is None or grave > (RESULTS.index(known.result), known.score or 0):
            worst[label.scene] = label
    return whole._replace(
        kind="text", labels=tuple(worst.values()), request_id=found[0].request_id,
        reason="; ".join(dict.fromkeys(part.reason for part in found if part.reason)),
    )  # fmt: skip


def _sections(text: str) -> Iterator[str]:
    """Pieces that overlap a little: what stands across an edge is whole in one of them."""
    step = MAX_CHARACTERS - _OVERLAP
    for start in range(0, max(len(text) - _OVERLAP, 1) if text else 0, step):
        yield text[start : start + MAX_CHARACTERS]

"""What the parts of a document come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from localcloud.detectors.judgement import Judgement, UnjudgeableError, merged, no_engine
from localcloud.detectors.picture import judge_image
from localcloud.detectors.policy import Policy


def together(judgements: Iterable[Judgement]) -> Judgement:
    """One judgement of several on the same scenes, as the first with all texts."""
    every = list(judgements)
    columns = zip(*(one.findings for one in every), strict=True)
    text = "\n".join(one.text for one in every if one.text)
    return replace(every[0], findings=tuple(merged(column) for column in columns), text=text)


def unjudged(scenes: tuple[str, ...], what: str, kind: str = "page") -> Judgement:
    """Of a part that nothing here can judge: every scene is suspected."""
    return Judgement(tuple(no_engine(scene, what) for scene in scenes), kind=kind)


def picture(data: bytes, name: str, scenes: tuple[str, ...], policy: Policy) -> Judgement:
    """Of a picture inside of a document; one that cannot be read is suspected."""
    try:
        return judge_image(data, scenes, replace(policy, large_image=True))
    except UnjudgeableError as error:
        return unjudged(scenes, f"{name}: {error.message}", "image")

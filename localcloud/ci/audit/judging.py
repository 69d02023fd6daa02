"""One content -> what is found in each of its pieces: by the policy file, then by the engines."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.ci.audit import contents
from localcloud.ci.audit.contents import Content
from localcloud.ci.audit.errors import NO_POLICY, NO_SCENE, AuditError, from_unjudgeable
from localcloud.ci.audit.kinds import AUDIO, DOCUMENT, IMAGE, TEXT, VIDEO, VIRUS, Kind
from localcloud.ci.audit.policy import VIRUS_SCENE, AuditPolicy, Facts, Rule, Strategy
from localcloud.ci.audit.requests import Conf, Input
from localcloud.detectors.judge import Judge
from localcloud.detectors.judgement import (
    BROKEN,
    NORMAL,
    NOT_ELIGIBLE,
    SUSPECTED,
    Finding,
    Judgement,
    UnjudgeableError,
    Virus,
    VirusReport,
    no_engine,
)
from localcloud.detectors.policy import Policy, Snapshots

MAX_PIECES = 20_000  # snapshots, sections and pages of one content
# What is told of all pieces together: texts in characters, and about as much for each place of a
# term or a line. Behind it the verdicts and terms of a piece are told alone.
MAX_TOLD = 16 * 1024**2
_A_PLACE = 200
Scratch = Callable[[], Path]


@dataclass(frozen=True)
class Task:
    """What is to be judged, and how."""

    kind: Kind
    bucket: str
    wanted: Input
    conf: Conf
    content: Content


@dataclass(frozen=True)
class Outcome:
    """What an audit found: `pieces` in their order; `viruses` is of a virus scan alone."""

    pieces: tuple[Judgement, ...]
    viruses: VirusReport | None = None


def scenes_of(conf: Conf, strategy: Strategy, kind: Kind) -> tuple[str, ...]:
    """The scenes to judge: a BizType's, or those asked for, or the default ones.

    Raises AuditError -65015 for none.
    """
    chosen = strategy.scenes if conf.biz_type or conf.scenes is None else conf.scenes
    scenes = kind.default if chosen is None else chosen
    if not scenes and kind is not VIRUS:
        raise AuditError(NO_SCENE)
    return scenes


def facts(task: Task) -> Facts:
    """What the policy's rules may ask."""
    stored, data = task.content.stored, task.content.data
    return Facts(
        kind=task.kind.name,
        bucket=task.bucket,
        key=task.wanted.object,
        url=task.wanted.url,
        etag=stored.etag if stored else hashlib.md5(data, usedforsecurity=False).hexdigest(),
        tags=stored.tags if stored else {},
        sha256=lambda: _sha256(task.content),
    )


async def judge(
    scratch: Scratch, engines: Judge | None, policy: AuditPolicy, task: Task
) -> Outcome:
    """What is found in the content; `engines` None judge nothing, `scratch` names new files.

    Raises AuditError for what cannot be judged.
    """
    rule = await asyncio.to_thread(policy.rule, facts(task))
    if rule is not None and rule.fails:
        raise AuditError(rule.fails, f"decided by {rule.where}")
    try:
        if task.kind is VIRUS:
            return await _viruses(scratch, engines, rule, task.content)
        strategy = policy.strategy(task.conf.biz_type)
        if strategy is None:
            raise AuditError(NO_POLICY, f"the BizType {task.conf.biz_type!r} does not exist")
        return await _scenes(scratch, engines, strategy, rule, task)
    except UnjudgeableError as error:
        raise from_unjudgeable(error) from None


async def _viruses(
    scratch: Scratch, engines: Judge | None, rule: Rule | None, content: Content
) -> Outcome:
    decided = rule.finding(VIRUS_SCENE) if rule else None
    if decided is not None:
        found = (Virus("", decided.label or "Policy"),) if decided.result != NORMAL else ()
        report = VirusReport(decided.result, found, 1, decided.engine, decided.reason)
    elif engines is None:
        report = VirusReport(SUSPECTED, reason=no_engine(VIRUS_SCENE).reason)
    else:
        async with contents.held(scratch, content) as path:
            report = await engines.viruses(path)
    if report.result == SUSPECTED and not report.viruses:
        # The API knows normal and block alone: what could not be looked into must be neither.
        raise AuditError(NOT_ELIGIBLE, report.reason or "the file could not be looked into")
    return Outcome((), report)


async def _scenes(
    scratch: Scratch, engines: Judge | None, strategy: Strategy, rule: Rule | None, task: Task
) -> Outcome:
    scenes = scenes_of(task.conf, strategy, task.kind)
    decided = {scene: found for scene in scenes if rule and (found := rule.finding(scene))}
    left = tuple(scene for scene in scenes if scene not in decided)
    if not left or engines is None:
        missing = tuple(no_engine(scene) for scene in left)
        pieces = [Judgement(missing, kind=task.kind.name)]
    else:
        pieces = await _judged(scratch, engines, strategy, left, task)
    return Outcome(tuple(with_decided(piece, decided, scenes) for piece in pieces))


async def _judged(
    scratch: Scratch, engines: Judge, strategy: Strategy, scenes: tuple[str, ...], task: Task
) -> list[Judgement]:
    options = Policy(
        lexicons=strategy.lexicons,
        preset=strategy.preset,
        interval=task.wanted.interval,
        max_frames=task.wanted.max_frames,
        large_image=task.wanted.large,
    )
    pieces: list[Judgement] = []
    in_file = task.content.stored is not None
    async with (
        contents.held(scratch, task.content) if in_file else nullcontext() as path,
        # What is left early must be told so: an engine works on otherwise.
        aclosing(_stream(engines, task, path, scenes, options)) as stream,
    ):
        left = MAX_TOLD
        async for piece in stream:
            left -= _told(piece)
            pieces.append(piece if left >= 0 else _bare(piece))
            if len(pieces) > MAX_PIECES:
                raise AuditError(
                    NOT_ELIGIBLE, f"the content has over {MAX_PIECES} pieces, the most allowed"
                )
    if not pieces:
        raise AuditError(NOT_ELIGIBLE, "nothing in the content could be judged")
    return pieces


def _told(piece: Judgement) -> int:
    places = sum(len(one.hits) + len(one.ocr) + len(one.objects) for one in piece.findings)
    return len(piece.text) + _A_PLACE * places


def _bare(piece: Judgement) -> Judgement:
    findings = (replace(one, hits=(), ocr=(), objects=()) for one in piece.findings)
    return replace(piece, text="", findings=tuple(findings))


def with_decided(
    piece: Judgement, decided: dict[str, Finding], scenes: tuple[str, ...]
) -> Judgement:
    """The piece with a finding for every scene; what was decided in advance goes first."""
    known = {finding.scene: finding for finding in piece.findings} | decided
    return replace(piece, findings=tuple(known.get(scene) or no_engine(scene) for scene in scenes))


async def _stream(
    engines: Judge, task: Task, path: Path | None, scenes: tuple[str, ...], options: Policy
) -> AsyncGenerator[Judgement, None]:
    kind, conf = task.kind, task.conf
    if path is None:
        data = await contents.plain(task.content)
        if kind is IMAGE:
            yield await engines.image(data, scenes, options)
        else:
            yield await engines.text(_decoded(data), scenes, options)
        return
    if kind is IMAGE:
        yield await engines.image(path, scenes, options)
        return
    if kind is VIDEO:
        snapshots = Snapshots(conf.mode, conf.count, conf.time_interval)
        pieces = engines.video(path, snapshots, conf.sound, scenes, options)
    elif kind is AUDIO:
        pieces = engines.audio(path, scenes, options)
    elif kind is TEXT:
        pieces = engines.text_file(path, scenes, options)
    elif kind is DOCUMENT:
        pieces = engines.document(path, task.wanted.type or task.content.suffix, scenes, options)
    else:
        html = await asyncio.to_thread(path.read_bytes)
        pieces = engines.webpage(html, scenes, options)
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise AuditError(BROKEN, "the text is no UTF-8") from None


def _sha256(content: Content) -> str:
    if content.stored is None:
        return hashlib.sha256(content.data).hexdigest()
    try:
        with content.stored.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

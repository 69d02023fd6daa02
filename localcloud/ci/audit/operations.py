"""The operations of content audit as the routing table knows them."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import nullcontext

from localcloud.ci import binding
from localcloud.ci.audit import answers, fields, requests, service, tree
from localcloud.ci.audit.errors import INVALID_ARGUMENT, AuditError, illegal, to_service
from localcloud.ci.audit.kinds import IMAGE, LIVE, TEXT, VIDEO, Kind
from localcloud.ci.audit.requests import Faulty, Input
from localcloud.ci.audit.store import FAILED, Job
from localcloud.ci.errors import job_refusal
from localcloud.cloud import Cloud
from localcloud.detectors.judgement import SCENES
from localcloud.http import Request, Response
from localcloud.limits import MAX_XML

_TEXT_REPORT, _IMAGE_REPORT = 1, 2
_MAX_REPORT = 64 * 1024
_NORMAL = "Normal"


async def submit(cloud: Cloud, request: Request, kind: Kind) -> Response:
    """`POST /<kind>/auditing`, `POST /virus/detect`: audits at once or takes a job."""
    binding.require(cloud, request.bucket)
    wanted = await requests.read(request, kind)
    audits = service.of(cloud)
    audits.check(wanted.kind, wanted.conf)
    if kind is IMAGE:
        details = await _batch(cloud, request.bucket, wanted)
        return _answer(request, {"JobsDetail": details})
    content = wanted.single
    if wanted.kind is TEXT and content.content:
        with audits.room([content]):
            job = await audits.judge_now(TEXT, request.bucket, content, wanted.conf)
        if job.code == INVALID_ARGUMENT:
            raise job_refusal(1015, job.message)
        return _answer(request, {"JobsDetail": answers.detail(job)})
    job = audits.submit(wanted.kind, request.bucket, content, wanted.conf)
    return _answer(request, {"JobsDetail": answers.submitted(job)})


async def query(cloud: Cloud, request: Request, kind: Kind) -> Response:
    """`GET /<kind>/auditing/<jobId>`: how the job stands. Jobs of other buckets are unknown."""
    binding.require(cloud, request.bucket)
    return _answer(request, {"JobsDetail": answers.detail(_find(cloud, request, kind))})


async def cancel(cloud: Cloud, request: Request) -> Response:
    """`POST /video/cancel_auditing/<jobId>`: end the audit of a live stream."""
    binding.require(cloud, request.bucket)
    job = _find(cloud, request, VIDEO)
    if job.kind is not LIVE:
        raise job_refusal(1015, f"{job.id} audits no live stream: only those are cancelled")
    service.of(cloud).cancel(job)
    return _answer(request, {"JobsDetail": answers.submitted(job)})


async def recognize(cloud: Cloud, request: Request) -> Response:
    """`GET /<key>?ci-process=sensitive-content-recognition`: one picture, mostly at once."""
    binding.require(cloud, request.bucket)
    wanted = requests.of_query(request)
    audits = service.of(cloud)
    audits.check(IMAGE, wanted.conf)
    content = wanted.single
    if wanted.conf.is_async:
        job = audits.submit(IMAGE, request.bucket, content, wanted.conf)
        return tree.answer("RecognitionResult", answers.submitted(job))
    with audits.room([content]):
        job = await audits.judge_now(IMAGE, request.bucket, content, wanted.conf)
    if job.state == FAILED:
        raise to_service(AuditError(job.code, job.message))
    return tree.answer("RecognitionResult", answers.recognition(job))


async def report(cloud: Cloud, request: Request) -> Response:
    """`POST /report/badcase`: a person disagrees with a verdict. It is kept, and alters nothing."""
    binding.require(cloud, request.bucket)
    root = await requests.body(request, MAX_XML)

    def get(name: str) -> str:
        return fields.text(root.findtext(name))

    kind = fields.number("ContentType", get("ContentType"), 0, _TEXT_REPORT, _IMAGE_REPORT)
    if not kind:
        raise illegal("ContentType", "", "1 (text) or 2 (image) is expected")
    for name in ("Label", "SuggestedLabel"):
        fields.choice(name, get(name), (*SCENES, _NORMAL), "")
        if not get(name):
            raise illegal(name, "", f"{', '.join(SCENES)} or {_NORMAL} is expected")
    if kind == _TEXT_REPORT:
        _check_text(get("Text"))
    elif not get("Url"):
        raise illegal("Url", "", "the picture's address is expected")
    fields.url("Url", get("Url"))
    names = ("Text", "Url", "Label", "SuggestedLabel", "JobId", "ModerationTime")
    kept = {name: get(name) for name in names if get(name)}
    if sum(map(len, kept.values())) > _MAX_REPORT:
        raise illegal("Request", "too long", f"up to {_MAX_REPORT} characters are allowed")
    store = service.of(cloud).store
    store.add_feedback(request.bucket, cloud.clock(), {"ContentType": kind, **kept})
    store.forget(cloud.clock())
    return _answer(request, {})


async def _batch(cloud: Cloud, bucket: str, wanted: requests.Submission) -> list[dict[str, object]]:
    """One JobsDetail for each Input, in their order; a bad one fails alone."""
    audits = service.of(cloud)

    async def one(item: Input | Faulty) -> dict[str, object]:
        if isinstance(item, Faulty):
            return answers.faulty(item)
        if wanted.conf.is_async:
            return answers.submitted(audits.submit(IMAGE, bucket, item, wanted.conf))
        return answers.detail(await audits.judge_now(IMAGE, bucket, item, wanted.conf))

    given = [item for item in wanted.inputs if isinstance(item, Input)]
    # Before the first is taken: a client that is refused repeats all of them.
    audits.check_room(given)
    with nullcontext() if wanted.conf.is_async else audits.room(given):
        return await asyncio.gather(*(cloud.storage.serving(one(item)) for item in wanted.inputs))


def _find(cloud: Cloud, request: Request, kind: Kind) -> Job:
    job_id = request.key.rpartition("/")[2]
    job = service.of(cloud).store.find(job_id)
    if job is None or job.bucket != request.bucket or job.kind.path != kind.path:
        raise job_refusal(1103, f"there is no job {job_id[:100]!r} of {kind.path}")
    return job


def _check_text(text: str) -> None:
    try:
        base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text:
        raise illegal("Text", "", "the base64 of the text is expected")


def _answer(request: Request, found: dict[str, object]) -> Response:
    return tree.answer("Response", {**found, "RequestId": request.request_id})

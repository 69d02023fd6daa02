"""What an object is to a backfill: which pipelines it is still to go through, or why none."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from backfill_objects import Found

from shared import events, records
from shared.audit_gate import passes
from shared.backfills import Plan
from shared.batches import BatchCos
from shared.blind_text import META
from shared.errors import CloudError
from shared.events import FORCED, LISTED, Upload
from shared.invocations import Invocation, sift
from shared.pipelines import Pipeline, waits_for
from shared.session import unix_time

# What a listing cannot tell, so that no output may depend on it.
_UNKNOWN = ("request_id", "source_ip")
# How objects are counted.
UNWANTED, OUTSIDE, OWN, PROCESSED, GATED, GONE, UNREADABLE, WANTED = (
    "unwanted", "outside", "own", "processed", "gated", "gone", "unreadable", "wanted"
)  # fmt: skip


class Look(NamedTuple):
    """`kind` is how the object counts; `pipelines` are those it still needs."""

    kind: str
    found: Found
    upload: Upload | None = None
    pipelines: tuple[Pipeline, ...] = ()
    problem: str = ""


class Looker:
    """Looks at objects for one plan. `invocation` is limited to the pipelines that the plan names,
    and `run` names this run of it: with `force`, each object is processed once in a run."""

    def __init__(self, cos: BatchCos, plan: Plan, invocation: Invocation, run: str) -> None:
        self._cos = cos
        self._plan = plan
        self._invocation = invocation
        self._run = run
        self._named = [
            each
            for each in invocation.pipelines.entries
            if invocation.only is None or each.name in invocation.only
        ]
        self._state = invocation.settings.state_prefix
        self._versioned = cos.was_versioned(plan.bucket)

    def look(self, found: Found) -> Look:
        """Raises `CloudError` for what is no matter of this object."""
        if found.key.startswith(self._state):
            return Look(OWN, found)
        try:
            return self._look(found)
        except CloudError as error:
            if error.status == 404 and error.code != "NoSuchBucket":
                return Look(GONE, found)
            if error.retryable or error.status in (401, 403, 404):
                raise
            return Look(UNREADABLE, found, problem=f"{found.key}: {error}"[:300])

    def _look(self, found: Found) -> Look:
        near = [
            pipeline
            for pipeline in self._named
            if found.key.startswith(pipeline.when.prefix)
            and (not pipeline.when.suffix or found.key.lower().endswith(pipeline.when.suffix))
        ]
        if not near:
            return Look(UNWANTED, found)
        if not self._in_time(found.modified):
            return Look(OUTSIDE, found)
        upload, found = self._upload(found, near)
        if not self._in_time(found.modified):
            return Look(OUTSIDE, found)
        upload = self._let_through(upload, found.etag)
        record = events.document(upload)["Records"][0]
        endings, wanted = sift(self._invocation, record, 0)
        if wanted is None:
            if waits_for(self._invocation.pipelines.match(upload), upload.passed):
                return Look(GATED, found)
            return Look(OWN if any("pipeline" in end.entry for end in endings) else UNWANTED, found)
        left = wanted.pipelines
        if not self._plan.force:
            left = tuple(each for each in left if not self._is_done(each, upload, found.etag))
        return Look(WANTED if left else PROCESSED, found, upload, left)

    def _in_time(self, modified: int | None) -> bool:
        if modified is None:
            return True  # not known yet
        plan = self._plan
        return modified >= plan.since and not (plan.until and modified > plan.until)

    def _upload(self, found: Found, near: list[Pipeline]) -> tuple[Upload, Found]:
        headers = {}
        untold = found.size is None or found.modified is None
        if untold or self._versioned or any(map(needs_headers, near)):
            told = self._cos.head_object(self._plan.bucket, found.key)
            headers = {name.lower(): value for name, value in told.items()}
            found = found._replace(
                size=int(headers.get("content-length", 0)),
                modified=round(unix_time(headers.get("last-modified", ""))),
                etag=headers.get("etag", "").strip('"'),
            )
        start = f"{FORCED}{self._run}-" if self._plan.force else LISTED
        meta = "x-cos-meta-"
        return (
            Upload(
                bucket=self._plan.bucket,
                region=self._invocation.settings.region,
                key=found.key,
                size=found.size,
                event_name="cos:ObjectCreated:Put",
                event_time=found.modified or 0,
                version_id=headers.get("x-cos-version-id", ""),
                request_id=f"{start}{found.modified}-{found.etag}",
                content_type=headers.get("content-type", ""),
                meta=tuple(
                    (name[len(meta) :], value)
                    for name, value in headers.items()
                    if name.startswith(meta)
                ),
            ),
            found,
        )

    def _let_through(self, upload: Upload, etag: str) -> Upload:
        """The upload with its gates, if they have let this very content pass before.

        Not where a gate itself is to judge everything anew: the others follow from that.
        """
        wanted = self._invocation.pipelines.match(upload)
        names = waits_for(wanted, ())
        gates = [each for each in wanted if each.name in names]
        anew = self._plan.force and any(gate in self._named for gate in gates)
        if not gates or anew or not etag:
            return upload
        if not all(passes(self._cos, upload, gate, etag) for gate in gates):
            return upload
        return replace(upload, passed=tuple(names), etag=etag)

    def _is_done(self, pipeline: Pipeline, upload: Upload, etag: str) -> bool:
        key = records.record_key(pipeline, upload, etag)
        return records.covers(self._cos, upload, key, etag)


def needs_headers(pipeline: Pipeline) -> bool:
    """Whether the outputs depend on what only the object's headers tell: one more request."""
    templates = [pipeline.record]
    for output in pipeline.outputs:
        templates += [output.fileid, *([output.blind_text] if output.blind_text else [])]
    fields = {field for template in templates for field in template.fields}
    return (
        bool(pipeline.when.content_type)
        or any(len(output.auto) > 1 for output in pipeline.outputs)
        or "version" in fields
        or any(field.startswith(META) for field in fields)
    )


def unknowable(pipeline: Pipeline) -> str:
    """Why a pipeline cannot be repeated for what is already there; empty if it can."""
    for output in pipeline.outputs:
        for field in output.blind_text.fields if output.blind_text else ():
            if field in _UNKNOWN:
                return (
                    f"pipelines: {pipeline.name} hides {{{field}}} in its output {output.name}, "
                    "which only the event of the upload tells: name other pipelines"
                )
    return ""

"""COS event -> CI's audit -> verdict -> actions -> record.

What is judged at once is acted on at once; what becomes a job of CI is left to `callback`, or to
`sweep` where no callback comes.
"""

from __future__ import annotations

import json
from typing import Any

from shared.attempts import failure
from shared.audit_actions import (
    GONE,
    REPLACED,
    act,
    by_person,
    put_away_before,
    treat_as_review,
)
from shared.audit_finish import submitted
from shared.audit_kinds import LOOK, Kinds, decide, named, needs_look
from shared.audit_requests import MAX_CHARACTERS, Asked, Requests, beginning
from shared.audit_steps import Case
from shared.audit_subject import Subject, look, settle
from shared.audits import FUNCTION, METADATA, Audit
from shared.cos import Cos
from shared.decisions import decided
from shared.errors import CloudError
from shared.events import FORCED, Upload
from shared.outcomes import FAILED, REJECTED, SKIPPED, Outcome
from shared.pipelines import Pipeline
from shared.records import record_key
from shared.runtime import main_handler as build_handler
from shared.verdicts import BLOCK, Policy, Verdict, merged, undecided


def judge(upload: Upload, pipeline: Pipeline, cos: Cos, _etag: str) -> Outcome:
    """The verdict on one upload and what it causes, or the jobs that will bring it."""
    audit = _audit_of(pipeline)
    subject = look(cos, upload.bucket, upload.key)
    if subject is None:
        return put_away_before(Case(upload, pipeline, audit, cos)) or GONE
    if upload.version_id and subject.version_id != upload.version_id:
        return REPLACED
    case = Case(upload, pipeline, audit, cos)
    return _known(case, subject) or _of_service(case, subject)


def _known(case: Case, subject: Subject) -> Outcome | None:
    """What is known without asking: a copy of our own, or that a person has decided."""
    upload, cos = case.upload, case.cos
    is_copy = upload.event_name == "cos:ObjectCreated:Copy"
    if is_copy and _is_own_copy(case, subject.etag):
        return Outcome(SKIPPED, reason="the audit itself wrote the object's metadata")
    decision = decided(cos, subject) if is_copy or upload.request_id.startswith(FORCED) else None
    if decision is None:
        return None
    kinds = ",".join(named(case.audit, subject.key, subject.content_type))
    before = _record(case, subject.etag).get("verdict")
    verdict = by_person(decision, kinds, case.audit.policy)
    return act(case, verdict, subject, before=before if isinstance(before, dict) else None)


def _of_service(case: Case, subject: Subject) -> Outcome:
    audit, cos = case.audit, case.cos
    try:
        start, kinds = _look_at(case, subject)
        requests = Requests(cos, case.upload, case.pipeline, audit, cos.settings.callback, start)
        if not kinds.names:
            reason = kinds.doubt or f"no audit takes {subject.content_type or 'an unknown type'}"
            return act(case, undecided("", reason, audit.policy), subject)
        case = case._replace(asked=tuple(requests.described(kind) for kind in kinds.names))
        if audit.gate:
            settle(cos, subject)
        asked = _ask(requests, kinds.names, subject)
    except CloudError as error:
        return _failed(case, subject, error)
    found = [each.verdict for each in asked if each.verdict]
    if kinds.doubt:
        found.append(undecided("", kinds.doubt, audit.policy))
    if jobs := [(each.kind, each.job_id) for each in asked if each.verdict is None]:
        return submitted(audit, subject, jobs, found, case.asked)
    return act(case, merged(found), subject, is_fresh=False)


def _look_at(case: Case, subject: Subject) -> tuple[bytes, Kinds]:
    """How the object begins, as far as that is needed, and as what it is judged."""
    kinds = named(case.audit, subject.key, subject.content_type)
    if not subject.size or not needs_look(kinds):
        return b"", Kinds(kinds)
    # A short text is sent itself: all of it is read at once.
    most = subject.size if subject.size <= MAX_CHARACTERS else LOOK
    start = beginning(case.cos, subject, most)
    return start, decide(case.audit, kinds, start)


def give_up(upload: Upload, pipeline: Pipeline, cos: Cos, error: CloudError) -> Outcome:
    """The last attempt has failed: the upload counts as `review`, and is a dead letter."""
    return treat_as_review(Case(upload, pipeline, _audit_of(pipeline), cos), error)


def _ask(requests: Requests, kinds: tuple[str, ...], subject: Subject) -> list[Asked]:
    """What is known of each kind, or of that which blocks. Raises `CloudError` if one could not be
    asked for, and none blocks."""
    asked: list[Asked] = []
    trouble = None
    for kind in kinds:
        try:
            found = requests.ask(kind, subject)
        except CloudError as error:
            if error.retryable:
                raise
            if failure(error).status != REJECTED:
                trouble = trouble or error
                continue
            found = Asked(kind, _refused(kind, error, requests.audit.policy))
        if found.verdict is not None and found.verdict.result == BLOCK:
            return [found]  # nothing makes it worse
        asked.append(found)
    if trouble is not None:
        raise trouble
    return asked


def _refused(kind: str, error: CloudError, policy: Policy) -> Verdict:
    reason = f"CI refused it: {error.code}"
    return undecided(kind, reason, policy, request_id=error.request_id)


def _failed(case: Case, subject: Subject, error: CloudError) -> Outcome:
    """The end of what could not be looked at or asked about: for review if the file is at fault,
    else an error."""
    now = look(case.cos, subject.bucket, subject.key)
    if now is None:
        return GONE
    if not subject.is_same(now):
        return REPLACED
    if failure(error).status in (FAILED, SKIPPED):
        return Outcome(FAILED, error=error)
    return act(case, _refused("", error, case.audit.policy), subject)


def _is_own_copy(case: Case, etag: str) -> bool:
    """Whether the event tells of our own writing of metadata, by the id of that request."""
    upload = case.upload
    if not upload.request_id or not any(METADATA in on for _, on in case.audit.on):
        return False
    actions = _record(case, etag).get("actions") or []
    try:
        return any(each.get("request_id") == upload.request_id for each in actions)
    except (TypeError, AttributeError):
        return False


def _record(case: Case, etag: str) -> dict[str, Any]:
    """What the record under this upload's key says of an audit; empty if nothing."""
    key = record_key(case.pipeline, case.upload, etag)
    found = case.cos.read_object(case.upload.bucket, key)
    try:
        return dict(json.loads(found.body)["audit"]) if found else {}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _audit_of(pipeline: Pipeline) -> Audit:
    if pipeline.audit is None:
        raise CloudError("InvalidState", f"the pipeline {pipeline.name} has no audit", status=409)
    return pipeline.audit


main_handler = build_handler(FUNCTION, judge, give_up)

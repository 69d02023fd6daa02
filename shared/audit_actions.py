"""What a verdict causes: taken in one order, each action safe to repeat, none on another upload.

Before each action the object is looked at again: a verdict belongs to the content that was judged,
so an old `pass` never clears a new upload, and an old `block` never deletes one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.audit_requests import Subject, look
from shared.audits import METADATA, NOTIFY, PRIVATE, QUARANTINE, TAG, Audit
from shared.cos import Cos, wire_key
from shared.errors import CloudError
from shared.events import Upload
from shared.outcomes import DONE, FAILED, SKIPPED, Outcome, error_document
from shared.pipelines import Pipeline
from shared.quarantine import Manifest, Store, changed, copy, identity
from shared.records import timestamp
from shared.verdicts import PASS, Policy, Verdict, undecided

GONE = Outcome(SKIPPED, reason="the object was deleted before it was judged")
_TAG = "audit"
_META = "x-cos-meta-audit"
# Bytes up to which an object is away as soon as it would be private: quarantine goes first.
_QUICK = 16 << 20
# Headers of an object that a copy onto itself would lose.
_KEPT = (
    "Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language",
    "Cache-Control", "Expires",
)  # fmt: skip


class Case(NamedTuple):
    """One upload before its judge: `by` is what took the actions, `asked` what CI was asked."""

    upload: Upload
    pipeline: Pipeline
    audit: Audit
    cos: Cos
    by: str = "audit"
    asked: tuple[Mapping[str, Any], ...] = ()

    @property
    def store(self) -> Store:
        place = self.audit.quarantine
        return Store(self.cos, place.bucket or self.upload.bucket, place.prefix)


def act(case: Case, verdict: Verdict, subject: Subject) -> Outcome:
    """Take the actions of `verdict` on `subject`, which the caller has just looked at; the outcome,
    whose details are the record's.

    What cannot be done does not keep the rest from being done; the first error is the outcome's.
    """
    wanted = _ordered(case.audit.actions(verdict.result), subject)
    steps = _Steps(case, verdict, subject)
    taken: list[dict[str, Any]] = []
    first = None
    for name in wanted:
        if name != NOTIFY and any(each["action"] == QUARANTINE and each["done"] for each in taken):
            continue  # there is nothing left to do it to
        begun = {"action": name, "time": timestamp(time.time()), "by": case.by}
        try:
            taken.append({**begun, "done": True, **steps.take(name)})
        except CloudError as error:
            if error.code == "ObjectChanged":
                return Outcome(
                    SKIPPED, reason="the object was replaced or deleted after it was judged"
                )
            first = first or error
            taken.append({**begun, "done": False, "error": error_document(error)})
    return _outcome(case, verdict, subject, taken, first)


def _ordered(wanted: tuple[str, ...], subject: Subject) -> tuple[str, ...]:
    if QUARANTINE not in wanted:
        return wanted
    # The manifest tells what metadata would, and a copy onto itself would wake us.
    others = tuple(each for each in wanted if each not in (QUARANTINE, METADATA))
    if subject.size <= _QUICK:
        return (QUARANTINE, *others)
    return tuple(each for each in wanted if each != METADATA)


def put_away_before(case: Case) -> Outcome | None:
    """What an attempt that died after it had put the object away still owes: telling of it.

    None if the object was not put away.
    """
    manifest = case.store.read(identity(case.upload, case.pipeline.name))
    if manifest is None:
        return None
    try:
        verdict = Verdict.restored(manifest.verdict, case.audit.policy)
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError(
            "InvalidState", f"the manifest {manifest.id}: {error}", status=400
        ) from None
    taken: list[dict[str, Any]] = [
        {
            "action": QUARANTINE,
            "time": manifest.time,
            "by": case.by,
            "done": True,
            **_told(manifest),
        }
    ]
    first = None
    if NOTIFY in case.audit.actions(verdict.result):
        begun = {"action": NOTIFY, "time": timestamp(time.time()), "by": case.by}
        try:
            steps = _Steps(case, verdict, manifest.subject)
            taken.append({**begun, "done": True, **steps.take(NOTIFY)})
        except CloudError as error:
            first = error
            taken.append({**begun, "done": False, "error": error_document(error)})
    return _outcome(case, verdict, manifest.subject, taken, first)


def treat_as_review(case: Case, error: CloudError) -> Outcome:
    """The end of what could not be judged, for `error`: it is treated as for review, and the
    outcome is a failure, so that a dead letter tells of it."""
    subject = look(case.cos, case.upload.bucket, case.upload.key)
    if subject is None:
        return put_away_before(case) or GONE
    reason = f"it could not be judged: {error.code}"
    outcome = act(case, undecided("", reason, case.audit.policy), subject)
    if outcome.status == SKIPPED:
        return outcome
    return Outcome(FAILED, error=error, reason=outcome.reason, details=outcome.details)


def _outcome(
    case: Case, verdict: Verdict, subject: Subject, taken: list[dict[str, Any]],
    error: CloudError | None,
) -> Outcome:  # fmt: skip
    details = {
        "audit": {
            "verdict": verdict.document(),
            "judged": subject._asdict(),
            "asked": list(case.asked),
            "actions": taken,
            "by": case.by,
            "time": timestamp(time.time()),
        }
    }
    scenes = ",".join(label.scene for label in verdict.labels if label.result == verdict.result)
    reason = f"{verdict.result}: {verdict.reason or scenes or 'nothing found'}"
    return Outcome(FAILED if error else DONE, error=error, reason=reason, details=details)


def _told(manifest: Manifest) -> dict[str, Any]:
    return {"id": manifest.id, "place": manifest.place}


class _Steps:
    """The actions by name. Each raises `CloudError`, ObjectChanged where it is another object."""

    def __init__(self, case: Case, verdict: Verdict, subject: Subject) -> None:
        self._case = case
        self._verdict = verdict
        self._subject = subject
        self._acl = ""
        self._is_fresh = True

    def take(self, name: str) -> dict[str, Any]:
        """Do it; what the record should tell of it."""
        if name == NOTIFY:
            return self._notify()
        fresh, self._is_fresh = self._is_fresh, False
        if not fresh:
            now = look(self._case.cos, self._subject.bucket, self._subject.key)
            if not self._subject.is_same(now):
                raise changed(self._subject)
        return {
            PRIVATE: self._private,
            METADATA: self._metadata,
            TAG: self._tag,
            QUARANTINE: self._quarantine,
        }[name]()

    def _private(self) -> dict[str, Any]:
        if self._verdict.frozen:
            return {"note": "frozen by the service"}  # which a new ACL would end
        before = self._read_acl()
        self._case.cos.call(
            "PutObjectACL",
            lambda client: client.put_object_acl(
                Bucket=self._subject.bucket, Key=wire_key(self._subject.key), ACL="private"
            ),
        )
        return {"before": before}

    def _read_acl(self) -> str:
        if not self._acl:
            found = self._case.cos.call(
                "GetObjectACL",
                lambda client: client.get_object_acl(
                    Bucket=self._subject.bucket, Key=wire_key(self._subject.key)
                ),
            )
            self._acl = str(found.get("CannedACL") or "default")
        return self._acl

    def _tag(self) -> dict[str, Any]:
        self._case.cos.add_tags(
            self._subject.bucket, self._subject.key, {_TAG: self._verdict.result}
        )
        return {"tag": f"{_TAG}={self._verdict.result}"}

    def _metadata(self) -> dict[str, Any]:
        subject, cos = self._subject, self._case.cos
        headers = cos.head_object(subject.bucket, subject.key)
        meta = {
            name.lower(): value
            for name, value in headers.items()
            if name.lower().startswith("x-cos-meta-")
        }
        if meta.get(_META) == self._verdict.result:
            return {"note": "it was there"}
        meta |= {name: headers[name] for name in _KEPT if name in headers}
        acl = "private" if self._verdict.frozen else self._read_now()
        copy(
            cos, subject, self._case.upload.region, subject.bucket, subject.key, acl=acl,
            metadata={**meta, _META: self._verdict.result},
        )  # fmt: skip
        request_id = cos.request_id
        written = look(cos, subject.bucket, subject.key)
        if written is None or written.size != subject.size:
            raise changed(subject)
        self._subject = written
        return {"request_id": request_id}

    def _read_now(self) -> str:
        self._acl = ""
        return self._read_acl()

    def _quarantine(self) -> dict[str, Any]:
        case, subject = self._case, self._subject
        tags = case.cos.read_tags(subject.bucket, subject.key)
        tags.pop(_TAG, None)
        manifest = case.store.put_away(
            subject,
            case.upload,
            case.pipeline.name,
            self._verdict.document(),
            # As it was before we made it private.
            acl=self._read_acl(),
            tags=tags,
        )
        return _told(manifest)

    def _notify(self) -> dict[str, Any]:
        from shared import webhook

        case = self._case
        document = {
            "event": "audit",
            "bucket": self._subject.bucket,
            "key": self._subject.key,
            "etag": self._subject.etag,
            "version_id": self._subject.version_id,
            "pipeline": case.pipeline.name,
            "verdict": self._verdict.document(),
        }
        id = identity(case.upload, case.pipeline.name)
        secret = case.cos.settings.notify_secret
        tries = webhook.send(case.audit.notify, secret, id, document, case.cos.deadline)
        return {"event_id": id, "tries": tries}


def passed_by_person(policy: Policy, kind: str, who: str) -> Verdict:
    """The verdict of somebody who brought an object back."""
    return Verdict(PASS, kind, reason=f"restored by {who}", policy=policy, provider="person")

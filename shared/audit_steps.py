"""The actions that a verdict may cause, each for itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.audit_subject import Subject, look
from shared.audits import METADATA, NOTIFY, PRIVATE, QUARANTINE, TAG, Audit
from shared.cos import Cos, wire_key
from shared.events import Upload
from shared.pipelines import Pipeline
from shared.quarantine import Manifest, Store, changed, copy, identity
from shared.records import record_key
from shared.verdicts import BLOCK, PASS, REVIEW, Verdict

ASK = "ask"  # a person: each upload for review waits in a list
_TAG = "audit"
_META = "x-cos-meta-audit"
_ACLS = ("default", "private", "public-read", "public-read-write")
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


def told_of(manifest: Manifest) -> dict[str, Any]:
    return {"id": manifest.id, "place": manifest.place}


class Steps:
    """The actions by name; `document` is what they tell of the verdict.

    Each raises `CloudError`, ObjectChanged where it is another object.
    """

    def __init__(
        self, case: Case, verdict: Verdict, subject: Subject, document: Mapping[str, Any]
    ) -> None:
        self._case = case
        self._verdict = verdict
        self._document = document
        self._subject = subject
        self._acl = ""
        self._is_fresh = True

    def take(self, name: str) -> dict[str, Any]:
        """Do it; what the record should tell of it."""
        if name == NOTIFY:
            return self._notify()
        if name == ASK:
            return self._ask()
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
        if before == "private":
            before = self._acl_before() or before
        self._set_acl("private")
        return {"before": before}

    def _set_acl(self, acl: str) -> None:
        self._case.cos.call(
            "PutObjectACL",
            lambda client: client.put_object_acl(
                Bucket=self._subject.bucket, Key=wire_key(self._subject.key), ACL=acl
            ),
        )

    def _acl_before(self) -> str:
        """What the ACL was before an earlier audit of this content made it private, by its record;
        empty where none did."""
        case = self._case
        key = record_key(case.pipeline, case.upload, self._subject.etag)
        found = case.cos.read_object(case.upload.bucket, key)
        try:
            audit: Any = json.loads(found.body)["audit"] if found else {"actions": ()}
            acls = [
                str(each["before"])
                for each in audit["actions"]
                if each["action"] == PRIVATE and each["done"] and "before" in each
            ]
            if not acls or not Subject(**audit["judged"]).is_same(self._subject):
                return ""
        except (ValueError, TypeError, KeyError, RecursionError):
            return ""
        return acls[0] if acls[0] in _ACLS else ""

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
        result = self._verdict.result
        before = self._case.cos.add_tags(
            self._subject.bucket, self._subject.key, {_TAG: result}
        ).get(_TAG)
        told = {"tag": f"{_TAG}={result}"}
        if result == PASS and before in (REVIEW, BLOCK) and (acl := self._acl_before()):
            # The dead letter of an audit that could not be made: what it took away comes back.
            self._set_acl(acl)
            told["acl"] = acl
        return told

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
            self._document,
            # As it was before we made it private.
            acl=self._read_acl(),
            tags=tags,
        )
        return told_of(manifest)

    def _ask(self) -> dict[str, Any]:
        from shared.reviews import Review, Reviews

        case, subject = self._case, self._subject
        id = identity(case.upload, case.pipeline.name)
        review = Review.of(
            id,
            subject,
            self._document,
            case.upload,
            pipeline=case.pipeline.name,
            function=case.pipeline.function,
            record=record_key(case.pipeline, case.upload, subject.etag),
            audit=case.audit,
        )
        Reviews(case.cos, case.cos.settings.state_bucket or subject.bucket).write(review)
        return {"id": id}

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
            "verdict": self._document,
        }
        id = identity(case.upload, case.pipeline.name)
        secret = case.cos.settings.notify_secret
        tries = webhook.send(case.audit.notify, secret, id, document, case.cos.deadline)
        return {"event_id": id, "tries": tries}

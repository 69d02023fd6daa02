"""Asking CI to judge an object: the requests of each kind, and fetching what became of a job.

One picture is judged at once, as is a short text, which is sent itself; everything else becomes a
job. Pictures that take long (above 5 MB, or many frames) do too. The SDK's own batch call drops
`Async` where it is 1, and its other calls each leave out some field, so jobs are sent by the call
that they all share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from shared.audit_kinds import document_type
from shared.audit_results import of_job
from shared.audit_subject import Subject
from shared.audits import API3, LARGEST, MIB, Audit
from shared.cos import Cos, wire_key
from shared.errors import CloudError
from shared.events import Upload
from shared.pipelines import Pipeline
from shared.verdicts import Verdict, undecided

ANOTHER = "the answer is about another object"
MAX_CHARACTERS = 10_000  # of a text that is sent itself (CI manual 004:18980)
_SYNC_IMAGE = 5 * MIB  # above it CI compresses first
_SYNC_FRAMES = 5
_MAX_DATA_ID, _MAX_USER = 512, 128  # bytes
_PEOPLE = {"TokenId": "UserId", "Nickname": "Nickname"}  # what both providers know of a user
# The bits of the scenes that the request for one picture knows (the SDK's CiDetectType).
_BITS = {"Porn": 1, "Terrorism": 2, "Politics": 4, "Ads": 8, "Teenager": 64}


class Asked(NamedTuple):
    """One request: either its verdict, or the id of its job."""

    kind: str
    verdict: Verdict | None = None
    job_id: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Requests:
    """The requests about one object. Methods raise `CloudError`.

    `callback` is where CI tells results to; empty for nowhere. `start` is how the object begins, as
    far as it was read.
    """

    cos: Cos
    upload: Upload
    pipeline: Pipeline
    audit: Audit
    callback: str = ""
    start: bytes = b""

    def ask(self, kind: str, subject: Subject) -> Asked:
        """Judge `subject` at once or submit a job. What CI would not take is for review."""
        if subject.size == 0:
            return self._refused(kind, "the object is empty: there is nothing to judge")
        if subject.size > LARGEST[kind]:
            sentence = f"{subject.size} bytes: CI takes {LARGEST[kind]} of this kind"
            return self._refused(kind, sentence)
        if self.audit.provider == API3:
            return self._moderated(kind, subject)
        if kind == "image":
            return self._image(subject)
        if kind == "text" and subject.size <= MAX_CHARACTERS and not self.audit.freeze:
            return self._text(subject)
        return self._submit(kind, {"Object": subject.key}, subject)

    def _moderated(self, kind: str, subject: Subject) -> Asked:
        # Not for those who ask CI.
        from shared.moderation import moderate

        user = self._user()
        verdict = moderate(
            self.cos,
            subject.bucket,
            subject.key,
            kind,
            self.audit,
            etag=subject.etag,
            data_id=self._data_id(),
            user={_PEOPLE[name]: value for name, value in user.items() if name in _PEOPLE},
        )
        return Asked(kind, verdict, request_id=verdict.request_id)

    def _refused(self, kind: str, reason: str) -> Asked:
        return Asked(kind, undecided(kind, reason, self.audit.policy))

    def _image(self, subject: Subject) -> Asked:
        audit = self.audit
        is_large = subject.size > _SYNC_IMAGE
        if is_large and not audit.large_image:
            return self._refused("image", f"{subject.size} bytes, and large_image is false")
        frames = {"Interval": audit.interval, "MaxFrames": audit.max_frames}
        # What the request for one picture has no parameter for.
        needs_batch = audit.freeze or audit.user or not set(audit.scenes) <= set(_BITS)
        if not is_large and audit.max_frames <= _SYNC_FRAMES and not needs_batch:
            return self._recognize(subject)
        given = {"Object": subject.key, **frames, "LargeImageDetect": int(is_large)}
        if is_large or audit.max_frames > _SYNC_FRAMES:
            return self._submit("image", given, subject)
        return self._send("image", given, {"Async": 0})

    def _recognize(self, subject: Subject) -> Asked:
        audit = self.audit
        # Without any CI's policy decides.
        bits = sum(_BITS[scene] for scene in audit.scenes) or None
        data = self.cos.call(
            "AuditImage",
            lambda client: client.get_object_sensitive_content_recognition(
                Bucket=subject.bucket,
                Key=wire_key(subject.key),
                DetectType=bits,
                Interval=audit.interval,
                MaxFrames=audit.max_frames,
                BizType=audit.biz_type or None,
                DataId=self._data_id() or None,
            ),
            is_paced=True,
        )
        return self._answered("image", data, subject.key)

    def _text(self, subject: Subject) -> Asked:
        body = self.start
        if len(body) != subject.size:
            body = beginning(self.cos, subject, subject.size)
        try:
            body.decode()
        except UnicodeDecodeError:
            # A file may be GBK; CI reads that of an object alone.
            return self._submit("text", {"Object": subject.key}, subject)
        from base64 import b64encode

        return self._send("text", {"Content": b64encode(body).decode()}, {})

    def _submit(self, kind: str, given: Mapping[str, Any], subject: Subject) -> Asked:
        """A job; its verdict is to be fetched later."""
        if kind == "virus":
            return self._virus(subject)
        conf: dict[str, Any] = {"Async": 1} if kind == "image" else {}
        if self.callback and self.audit.callback:
            conf["Callback"] = self.callback
            conf |= (
                {} if kind in ("image", "document", "webpage") else {"CallbackVersion": "Detail"}
            )
        if kind == "video":
            shots = self.audit.snapshots
            conf["Snapshot"] = {
                "Mode": shots.mode,
                "Count": shots.count,
                "TimeInterval": shots.interval,
            }
            conf["DetectContent"] = int(shots.sound)
        if kind == "document":
            given = {**given, "Type": document_type(subject.key, self.start)}
        if kind == "webpage":
            given = {"Url": self._address(subject)}
        return self._send(kind, given, conf)

    def _send(self, kind: str, given: Mapping[str, Any], conf: Mapping[str, Any]) -> Asked:
        audit = self.audit
        conf = {**conf, **({"BizType": audit.biz_type} if audit.biz_type else {})}
        if audit.scenes:
            conf["DetectType"] = ",".join(audit.scenes)
        if audit.freeze and kind != "webpage":
            conf["Freeze"] = {f"{scene}Score": score for scene, score in audit.freeze}
        content = {**given, **({"UserInfo": user} if (user := self._user()) else {})}
        if data_id := self._data_id():
            content["DataId"] = data_id
        data = self.cos.call(
            f"Audit{kind.capitalize()}",
            lambda client: client.ci_auditing_submit_common(
                Bucket=self.upload.bucket, Key="", DetectType=None, Type=kind, Conf=conf,
                Input=content,
            ),
            is_paced=True,
        )  # fmt: skip
        return self._answered(kind, data.get("JobsDetail"), content.get("Object"))

    def _virus(self, subject: Subject) -> Asked:
        callback = self.callback if self.audit.callback else ""
        data = self.cos.call(
            "AuditVirus",
            lambda client: client.ci_auditing_virus_submit(
                Bucket=subject.bucket, Key=subject.key, Callback=callback or None
            ),
            is_paced=True,
        )
        return self._answered("virus", data.get("JobsDetail"), subject.key)

    def _answered(self, kind: str, details: Any, key: str | None) -> Asked:
        """`key` is the object that was asked about, None where the content was sent."""
        if isinstance(details, list) and len(details) == 1:
            details = details[0]
        request_id = self.cos.request_id
        if is_about_another(details, key):
            return self._refused(kind, ANOTHER)
        verdict = of_job(kind, details, self.audit.policy, request_id)
        if verdict is not None:
            return Asked(kind, verdict, verdict.job_id, request_id)
        job_id = str(details.get("JobId") or "")
        if not job_id:
            raise CloudError("InvalidResponse", "CI named no job", status=502)
        return Asked(kind, None, job_id, request_id)

    def _address(self, subject: Subject) -> str:
        """An address that CI can read the object at, for as long as the job may take."""
        return self.cos.signed_address(subject.bucket, subject.key, self.audit.timeout)

    def _data_id(self) -> str:
        return self._rendered(self.audit.data_id, _MAX_DATA_ID) if self.audit.data_id else ""

    def _user(self) -> dict[str, str]:
        found = {name: self._rendered(value, _MAX_USER) for name, value in self.audit.user}
        return {name: value for name, value in found.items() if value}

    def _rendered(self, template: Any, most: int) -> str:
        """Cut where CI would refuse the whole request: it is for finding things again."""
        from shared import blind_text

        values = self.pipeline.values(self.upload, "audit", "")
        text = template.render({**values, **blind_text.values(template, self.upload)})
        kept = "".join(each for each in text if each.isprintable())
        return kept.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")

    def described(self, kind: str) -> dict[str, Any]:
        """What was asked, for the record: no content and no address."""
        audit = self.audit
        found: dict[str, Any] = {
            "kind": kind,
            "scenes": list(audit.scenes),
            "biz_type": audit.biz_type,
        }
        if kind == "image":
            found |= {"interval": audit.interval, "max_frames": audit.max_frames}
        if kind == "video":
            found["snapshots"] = asdict(audit.snapshots)
        if audit.freeze:
            found["freeze"] = dict(audit.freeze)
        return found


def is_about_another(details: object, key: str | None) -> bool:
    """Whether an answer names another object: XML knows no key with a carriage return, and may lose
    the spaces at its ends."""
    named = details.get("Object") if isinstance(details, Mapping) else None
    return bool(named and key is not None and named != key)


def beginning(cos: Cos, subject: Subject, most: int) -> bytes:
    """The first `most` bytes of the object, which is not empty. Raises `CloudError` NoSuchKey if it
    is another one by now."""
    found = cos.read_start(subject.bucket, subject.key, most)
    if found is None or found.etag != subject.etag:
        raise CloudError("NoSuchKey", "the object was replaced or deleted", status=404)
    return found.body


def fetch_result(cos: Cos, upload: Upload, kind: str, job_id: str, audit: Audit) -> Verdict | None:
    """What CI itself says of a job now; None while it is not done. Raises `CloudError`.

    A job that names another object than the upload is for review: it speaks of something else.
    """
    bucket, key = upload.bucket, upload.key
    if kind == "virus":
        data = cos.call(
            "AuditResult",
            lambda client: client.ci_auditing_virus_query(Bucket=bucket, JobID=job_id),
        )
    else:
        data = cos.call(
            "AuditResult",
            lambda client: client.ci_auditing_query_common(Bucket=bucket, Type=kind, JobID=job_id),
        )
    details = data.get("JobsDetail")
    if isinstance(details, list) and len(details) == 1:
        details = details[0]
    if is_about_another(details, key):
        return undecided(kind, ANOTHER, audit.policy, job_id=job_id)
    return of_job(kind, details, audit.policy, cos.request_id)

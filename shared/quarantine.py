"""Putting an object away so that it can be brought back: a copy, its record, and then no original.

`<prefix><id>/content` is the copy and `<prefix><id>/manifest.json` says where it came from, what it
was like and why it is here. The id is that of the upload, so that whoever repeats an attempt that
died finds what it had done. The names have no suffix of a picture's, so that no pipeline of such a
suffix is woken.

Order: copy (of the judged version alone), manifest, compare the copy, look again, delete. A newer
upload of the key is never deleted: without versions COS has no conditional delete, so between the
last look and the delete there is one request's time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.audit_subject import Subject, look
from shared.claims import Version
from shared.cos import Cos, wire_key
from shared.decisions import Decision, decide
from shared.errors import CloudError
from shared.events import Upload
from shared.records import timestamp
from shared.verdicts import PASS

MANIFEST = "/manifest.json"
CONTENT = "/content"


@dataclass(frozen=True)
class Manifest:
    """Why an object was put away. `source` is what it was (a `Subject`), `place` where it is now,
    `acl` and `tags` what restoring gives back; `verdict` as records show it."""

    id: str
    source: dict[str, Any]
    region: str
    place: dict[str, str]
    acl: str
    tags: dict[str, str]
    verdict: dict[str, Any]
    pipeline: str
    upload: dict[str, Any]
    time: str
    invocation: str
    version: int = 1

    @property
    def subject(self) -> Subject:
        return Subject(**self.source)


def identity(upload: Upload, pipeline: str) -> str:
    """The id under which an upload is put away."""
    text = "\0".join((upload.bucket, upload.key, pipeline, Version.of(upload).token))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True)
class Store:
    """The quarantine below one prefix. Methods raise `CloudError`."""

    cos: Cos
    bucket: str
    prefix: str

    def read(self, id: str) -> Manifest | None:
        """One manifest. Raises `CloudError` InvalidState for an object that is none."""
        key = self._key(id, MANIFEST)
        found = self.cos.read_object(self.bucket, key)
        if found is None:
            return None
        try:
            manifest = Manifest(**json.loads(found.body))
            known = manifest.subject
            place = (manifest.place["bucket"], manifest.place["key"])
            right = manifest.id == id and place == (self.bucket, self._key(id, CONTENT))
            if not right or not isinstance(known.key, str) or not known.etag:
                raise ValueError("it speaks of another object")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CloudError("InvalidState", f"{key} is no manifest: {error}", status=400) from None
        return manifest

    def ids(self) -> Iterator[str]:
        """All that is put away, in the order of ids."""
        for listed in self.cos.all_objects(self.bucket, self.prefix):
            id, slash, name = listed.key[len(self.prefix) :].partition("/")
            if slash and f"/{name}" == MANIFEST:
                yield id

    def put_away(
        self,
        subject: Subject,
        upload: Upload,
        pipeline: str,
        verdict: Mapping[str, Any],
        *,
        acl: str,
        tags: Mapping[str, str],
        invocation: str = "",
    ) -> Manifest:
        """Move `subject` here. Raises `CloudError` ObjectChanged if it is not there as judged."""
        id = identity(upload, pipeline)
        place = {"bucket": self.bucket, "key": self._key(id, CONTENT)}
        crc64 = copy(self.cos, subject, upload.region, self.bucket, place["key"], acl="private")
        manifest = Manifest(
            id=id,
            source=subject._asdict(),
            region=upload.region,
            place=place,
            acl=acl,
            tags=dict(tags),
            verdict=dict(verdict),
            pipeline=pipeline,
            upload={
                "request_id": upload.request_id,
                "version_id": upload.version_id,
                "event_time": upload.event_time,
            },
            time=timestamp(time.time()),
            invocation=invocation,
        )
        body = json.dumps(asdict(manifest), ensure_ascii=True, indent=2).encode()
        self.cos.put_object(
            self.bucket, self._key(id, MANIFEST), body, "application/json",
            headers={"x-cos-acl": "private"},
        )  # fmt: skip
        if not crc64 or crc64 != subject.crc64:
            check(self.cos, subject, self.bucket, place["key"])
        if not subject.is_same(look(self.cos, subject.bucket, subject.key, subject.version_id)):
            raise changed(subject)
        delete(self.cos, subject)
        return manifest

    def restore(self, manifest: Manifest, by: str, key: str = "") -> None:
        """Bring an object back to where it was (or to `key`), with its tags and its ACL.

        A decision is written first, which the audit of the restored object finds: a person has let
        it pass. Raises `CloudError` FileAlreadyExists if there is an object at the key.
        """
        source, place = manifest.subject, manifest.place
        target = key or source.key
        kept = check(self.cos, source, place["bucket"], place["key"])
        if look(self.cos, source.bucket, target) is not None:
            raise CloudError("FileAlreadyExists", f"there is an object {target} already",
                             status=409)  # fmt: skip
        restored = kept._replace(bucket=source.bucket, key=target)
        decide(self.cos, restored, Decision(PASS, by))
        copy(self.cos, kept, manifest.region, source.bucket, target, acl=manifest.acl)
        check(self.cos, source, source.bucket, target)
        tag_set = [{"Key": name, "Value": value} for name, value in manifest.tags.items()]
        self.cos.call(
            "PutObjectTagging" if tag_set else "DeleteObjectTagging",
            lambda client: (
                client.put_object_tagging(
                    Bucket=source.bucket, Key=wire_key(target),
                    Tagging={"TagSet": {"Tag": tag_set}},
                )
                if tag_set
                else client.delete_object_tagging(Bucket=source.bucket, Key=wire_key(target))
            ),
        )  # fmt: skip
        self.drop(manifest.id)

    def drop(self, id: str) -> None:
        """Delete for good what is put away, the manifest last."""
        self.cos.delete_object(self.bucket, self._key(id, CONTENT))
        self.cos.delete_object(self.bucket, self._key(id, MANIFEST))

    def _key(self, id: str, name: str) -> str:
        if len(id) != 32 or not set(id) <= set("0123456789abcdef"):
            raise CloudError("InvalidArgument", f"{id[:80]!r}: the 32 hexadecimal digits of a "
                             "listing are expected", status=400)  # fmt: skip
        return f"{self.prefix}{id}{name}"


def changed(subject: Subject) -> CloudError:
    return CloudError(
        "ObjectChanged", f"{subject.key} is not there any more as it was judged", status=409
    )


def copy(
    cos: Cos, source: Subject, region: str, bucket: str, key: str, *, acl: str,
    metadata: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Copy exactly this version, with other `metadata` if given; the copy's CRC-64, empty if COS
    tells none. Raises `CloudError` ObjectChanged if it is another by now."""
    where = {"Bucket": source.bucket, "Key": source.key, "Region": region}
    if source.version_id:
        where["VersionId"] = source.version_id
    more: dict[str, Any] = {} if acl in ("", "default") else {"ACL": acl}
    if metadata is not None:
        more |= {"CopyStatus": "Replaced", "Metadata": dict(metadata)}
    try:
        answer = cos.call(
            "CopyObject",
            lambda client: client.copy_object(
                Bucket=bucket, Key=wire_key(key), CopySource=where, CopySourceIfMatch=source.etag,
                **more,
            ),
        )  # fmt: skip
    except CloudError as error:
        # A bucket that is missing is no word about the object.
        if error.status == 412 or error.code in ("NoSuchKey", "NoSuchVersion"):
            raise changed(source) from None
        raise
    return str(answer.get("x-cos-hash-crc64ecma") or answer.get("CRC64") or "")


def check(cos: Cos, wanted: Subject, bucket: str, key: str) -> Subject:
    """The object at `key` if it has the content of `wanted`.

    By the CRC where both have one: copies of multipart uploads have another ETag. Raises
    `CloudError` DamagedCopy.
    """
    found = look(cos, bucket, key)
    by_crc = found is not None and bool(found.crc64 and wanted.crc64)
    same = found is not None and found.size == wanted.size and (
        found.crc64 == wanted.crc64 if by_crc else found.etag == wanted.etag
    )  # fmt: skip
    if found is None or not same:
        raise CloudError("DamagedCopy", f"{bucket}/{key} is not the object that was judged",
                         status=409)  # fmt: skip
    return found


def delete(cos: Cos, subject: Subject) -> None:
    """Delete this version for good."""
    more = {"VersionId": subject.version_id} if subject.version_id else {}
    cos.call(
        "DeleteObject",
        lambda client: client.delete_object(
            Bucket=subject.bucket, Key=wire_key(subject.key), **more
        ),
    )

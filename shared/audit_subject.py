"""The object that an audit is about: what was judged, and whether it is still that."""

from __future__ import annotations

import time
from typing import NamedTuple

from shared.cos import Cos, wire_key
from shared.errors import CloudError
from shared.session import unix_time


class Subject(NamedTuple):
    """The object that is judged, as HEAD shows it. `crc64` is empty where COS tells none,
    `modified` is the header `Last-Modified`."""

    bucket: str
    key: str
    version_id: str
    etag: str
    size: int
    content_type: str
    crc64: str = ""
    modified: str = ""

    def is_same(self, other: Subject | None, *, copied: bool = False) -> bool:
        """Whether `other` is this very content, so that a verdict on this one speaks of it.

        Not if it was away in between: then something else may have been judged. `copied`: we may
        have written it onto itself since.
        """
        if other is None or (self.etag, self.size) != (other.etag, other.size):
            return False
        known = ((self.version_id, other.version_id), (self.modified, other.modified))
        return copied or all(mine == theirs for mine, theirs in known if mine and theirs)


def settle(cos: Cos, subject: Subject) -> None:
    """Wait until whatever takes the object's place would show: `modified` has whole seconds, and
    another of the same second would look like this one when it is put back."""
    if not subject.version_id and unix_time(subject.modified) >= cos.date:
        time.sleep(1.0)


def look(cos: Cos, bucket: str, key: str, version_id: str = "") -> Subject | None:
    """The object as it is now (or one version of it); None if there is none."""
    more = {"VersionId": version_id} if version_id else {}
    try:
        found = cos.call(
            "HeadObject",
            lambda client: client.head_object(Bucket=bucket, Key=wire_key(key), **more),
        )
    except CloudError as error:
        if error.status == 404:
            return None
        raise
    try:
        size = int(found["Content-Length"])
    except (KeyError, ValueError):
        raise CloudError("InvalidResponse", "HEAD told no Content-Length", status=502) from None
    return Subject(
        bucket,
        key,
        found.get("x-cos-version-id", ""),
        found.get("ETag", "").strip('"'),
        size,
        found.get("Content-Type", ""),
        found.get("x-cos-hash-crc64ecma", ""),
        found.get("Last-Modified", ""),
    )

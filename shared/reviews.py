"""What waits for a person: an object for each upload whose verdict is `review`, under `reviews/`.

It is written with the actions of the verdict. Whoever decides reads it and has the upload audited
once more, which finds the decision in place of asking CI.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from shared import events
from shared.audit_subject import Subject, look
from shared.audits import METADATA, Audit
from shared.cos import Cos
from shared.dead_letters import Invoke
from shared.decisions import Decision, decide, withdraw
from shared.errors import CloudError
from shared.events import FORCED, ONLY, Upload
from shared.quarantine import changed
from shared.records import timestamp
from shared.verdicts import REVIEW


@dataclass(frozen=True)
class Review:
    """`source` is the `Subject` that was judged, `verdict` as records show it, `event` the COS
    event of the upload, `record` the key of its record. `copied`: the audit may have written its
    metadata, so that the object is a copy of what was judged."""

    id: str
    source: dict[str, Any]
    verdict: dict[str, Any]
    pipeline: str
    function: str
    event: dict[str, Any]
    record: str
    time: str
    copied: bool = False
    version: int = 1

    @property
    def subject(self) -> Subject:
        return Subject(**self.source)

    @classmethod
    def of(
        cls,
        id: str,
        subject: Subject,
        verdict: Mapping[str, Any],
        upload: Upload,
        *,
        pipeline: str,
        function: str,
        record: str,
        audit: Audit,
    ) -> Review:
        return cls(
            id, subject._asdict(), dict(verdict), pipeline, function, events.document(upload),
            record, timestamp(time.time()), METADATA in audit.actions(REVIEW),
        )  # fmt: skip


@dataclass(frozen=True)
class Reviews:
    """The reviews of one state bucket. Methods raise `CloudError`."""

    cos: Cos
    bucket: str

    def write(self, review: Review) -> None:
        """Store a review in the place of an older one of the same upload."""
        body = json.dumps(asdict(review), ensure_ascii=True, indent=2).encode()
        self.cos.put_object(self.bucket, self._key(review.id), body, "application/json")

    def read(self, id: str) -> Review | None:
        """One review. Raises `CloudError` InvalidState for an object that is none."""
        key = self._key(id)
        found = self.cos.read_object(self.bucket, key)
        if found is None:
            return None
        try:
            review = Review(**json.loads(found.body))
            [upload] = events.parse(review.event)
            if (upload.bucket, upload.key) != (review.subject.bucket, review.subject.key):
                raise ValueError("its event is about another object")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CloudError("InvalidState", f"{key} is no review: {error}", status=400) from None
        return review

    def ids(self) -> Iterator[str]:
        """All that waits, in the order of ids."""
        for listed in self.cos.all_objects(self.bucket, self._folder):
            yield listed.key.rpartition("/")[2].removesuffix(".json")

    def waits(self, review: Review) -> bool:
        """Whether it still needs a person: the object is there as it was judged, and its record
        says `review`."""
        subject = review.subject
        now = look(self.cos, subject.bucket, subject.key)
        if not subject.is_same(now, copied=review.copied):
            return False
        found = self.cos.read_object(subject.bucket, review.record)
        try:
            result = json.loads(found.body)["audit"]["verdict"]["result"] if found else REVIEW
        except (ValueError, TypeError, KeyError, RecursionError):
            return True
        return bool(result == REVIEW)

    def settle(self, review: Review, decision: Decision, invoke: Invoke) -> str:
        """Keep a decision and have its function act on it; the id of the invocation.

        `invoke(function, event)` begins an asynchronous invocation; where it fails nothing is
        decided. Raises `CloudError` ObjectChanged for an object that is another one by now.
        """
        subject = review.subject
        now = look(self.cos, subject.bucket, subject.key)
        if now is None or not subject.is_same(now, copied=review.copied):
            raise changed(subject)
        [upload] = events.parse(review.event)
        # An upload of its own to the ledger; its log lines are still found by the first one's id.
        id = f"{FORCED}review-{int(time.time())}-{upload.request_id}"
        event = {**events.document(replace(upload, request_id=id)), ONLY: [review.pipeline]}
        decide(self.cos, now, decision)
        try:
            invocation = invoke(review.function, event)
        except BaseException:
            withdraw(self.cos, now)
            raise
        self.drop(review.id)
        return invocation

    def drop(self, id: str) -> None:
        """Forget a review."""
        self.cos.delete_object(self.bucket, self._key(id))

    def _key(self, id: str) -> str:
        if not set(id) <= set("0123456789abcdef") or len(id) != 32:
            raise CloudError("InvalidArgument", f"{id[:80]!r}: the 32 hexadecimal digits of a "
                             "listing are expected", status=400)  # fmt: skip
        return f"{self._folder}{id}.json"

    @property
    def _folder(self) -> str:
        return f"{self.cos.settings.state_prefix}reviews/"

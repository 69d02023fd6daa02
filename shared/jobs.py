"""Which claim waits for a job of CI: one small object for each job, under `jobs/`.

CI tells of a job's end by its id alone. Whoever submits a job writes this before the claim is
submitted. They expire with the claims, by a lifecycle rule.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from shared.cos import Cos
from shared.errors import CloudError

ID = re.compile(r"[A-Za-z0-9_-]{4,64}")


class Job(NamedTuple):
    """`claim` is the key of the claim that waits for it, `bucket` that of its upload."""

    id: str
    claim: str
    bucket: str


class Jobs:
    """The jobs that are kept in `bucket`, under the state prefix. Methods raise `CloudError`."""

    def __init__(self, cos: Cos, bucket: str, prefix: str) -> None:
        self.cos = cos
        self.bucket = bucket
        self.prefix = prefix

    def write(self, job: Job) -> None:
        """Keep a job. Raises `CloudError` InvalidState for an id that CI does not give."""
        body = json.dumps({"claim": job.claim, "bucket": job.bucket}).encode()
        self.cos.put_object(self.bucket, self._key(job.id), body, "application/json")

    def read(self, id: str) -> Job | None:
        """The job with this id; None if no claim of ours waits for it."""
        if not ID.fullmatch(id):
            return None
        key = self._key(id)
        found = self.cos.read_object(self.bucket, key)
        if found is None:
            return None
        try:
            document = json.loads(found.body)
            return Job(id, str(document["claim"]), str(document["bucket"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise CloudError(
                "InvalidState", f"the object {key} cannot be read", status=400
            ) from None

    def _key(self, id: str) -> str:
        if not ID.fullmatch(id):
            raise CloudError("InvalidState", f"{id[:80]!r} is no id of a job", status=400)
        return f"{self.prefix}jobs/{id}"

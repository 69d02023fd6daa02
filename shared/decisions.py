"""What a person has decided about a content: it passes, or it is blocked, whatever CI says of it.

A decision lies beside the ledger, where uploaders may not write, and is about one content under one
key. Audits look for it where they are asked to: when an object is copied, which is how restoring
brings it back, and in the forced event of a review or a backfill.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import NamedTuple

from shared.audit_subject import Subject
from shared.cos import Cos
from shared.records import timestamp
from shared.verdicts import BLOCK, PASS

FOLDER = "decisions/"  # below the state prefix


class Decision(NamedTuple):
    """`result` is pass or block, `by` who decided."""

    result: str
    by: str


def decide(cos: Cos, subject: Subject, decision: Decision) -> None:
    """Keep a decision. Raises `CloudError`."""
    body = json.dumps({**decision._asdict(), "time": timestamp(time.time())}).encode()
    cos.put_object(*_place(cos, subject), body, "application/json")


def withdraw(cos: Cos, subject: Subject) -> None:
    """Forget a decision. Raises `CloudError`."""
    cos.delete_object(*_place(cos, subject))


def decided(cos: Cos, subject: Subject) -> Decision | None:
    """The decision about this content, if there is one that can be read. Raises `CloudError`."""
    found = cos.read_object(*_place(cos, subject))
    try:
        document = json.loads(found.body) if found else {}
        result, by = str(document["result"]), str(document["by"])[:200]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Decision(result, by) if result in (PASS, BLOCK) and by else None


def _place(cos: Cos, subject: Subject) -> tuple[str, str]:
    content = subject.crc64 or subject.etag
    text = "\0".join((subject.bucket, subject.key, content, str(subject.size)))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    settings = cos.settings
    return settings.state_bucket or subject.bucket, f"{settings.state_prefix}{FOLDER}{digest}.json"

"""How the work on one upload ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import CloudError
from shared.pic_operations import OriginalInfo, ProcessedObject

DONE, SKIPPED, REJECTED, FAILED = "done", "skipped", "rejected", "failed"
SUBMITTED = "submitted"


@dataclass(frozen=True)
class OutputResult:
    """One stored output: its name in the pipeline, where it is, and what CI said of it."""

    name: str
    bucket: str
    key: str
    rule: str
    facts: ProcessedObject


@dataclass(frozen=True)
class Call:
    """One request to CI: its id, how many rules it carried, its duration in milliseconds."""

    id: str
    rules: int
    milliseconds: int


@dataclass(frozen=True)
class Outcome:
    """What a function did with one upload.

    `done`: all outputs are stored. `skipped`: there was nothing to do. `submitted`: another
    function or service has taken it over.
    `rejected`: the file is at fault, no retry helps. `failed`: the surroundings are at fault;
    `retry` says whether another attempt can succeed.
    `details` stand in the record besides, or travel with the claim of submitted work, which `lease`
    seconds from now has ended for sure.
    """

    status: str
    outputs: tuple[OutputResult, ...] = ()
    original: OriginalInfo | None = None
    calls: tuple[Call, ...] = ()
    error: CloudError | None = None
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    lease: float = 0.0

    @property
    def retry(self) -> bool:
        return self.status == FAILED and self.error is not None and self.error.retryable


def error_document(error: CloudError | None) -> dict[str, Any] | None:
    """The error as records and logs show it."""
    if error is None:
        return None
    return {
        "code": error.code,
        "message": error.message,
        "status": error.status,
        "request_id": error.request_id,
        "advice": error.advice,
    }

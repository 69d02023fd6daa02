"""What can go wrong with an audit: CI's numbers (CI manual 004:94168, 004:94197).

A job that fails carries the number in `Code`. The one audit that answers on the bucket's own host
has it in `X-ErrNo`, and in `Code` the name that COS has for the same.
"""

from __future__ import annotations

from localcloud.ci.errors import Row
from localcloud.detectors.judgement import (
    BROKEN,
    MISSING,
    NOT_ELIGIBLE,
    TOO_LARGE,
    TOO_SMALL,
    UnjudgeableError,
)
from localcloud.errors import ServiceError

DOWNLOAD_FAILED, NO_SCENE, NO_POLICY = -65010, -65015, -65016
INVALID_ARGUMENT, INTERNAL = "InvalidArgument", "InternalError"

NUMBERS = {
    MISSING: Row("NoSuchKey", 404, "the file does not exist"),
    BROKEN: Row("InvalidImageSource", 400, "the content is broken and cannot be decoded"),
    DOWNLOAD_FAILED: Row("ImageFetchFailed", 400, "the file could not be downloaded"),
    TOO_LARGE: Row("ImageTooLarge", 400, "the file is too large"),
    TOO_SMALL: Row("ImageResolutionExceed", 400, "the picture's resolution is too low"),
    NOT_ELIGIBLE: Row("InvalidImageFormat", 400, "the file does not meet the requirements"),
    NO_SCENE: Row(INVALID_ARGUMENT, 400, "no scene is enabled"),
    NO_POLICY: Row(INVALID_ARGUMENT, 400, "the BizType does not exist"),
}
_OTHER = Row(INTERNAL, 500, "internal error")


class AuditError(Exception):
    """A content cannot be audited. `code` is what stands in the job: a number, or a name."""

    def __init__(self, code: int | str, message: str = "") -> None:
        self.code = str(code)
        row = NUMBERS.get(code, _OTHER) if isinstance(code, int) else _OTHER
        self.message = message or row.meaning
        super().__init__(f"{self.code}: {self.message}")


def from_unjudgeable(error: UnjudgeableError) -> AuditError:
    """What the engines say of content that they cannot judge."""
    return AuditError(error.number, error.message)


def from_service(error: ServiceError) -> AuditError:
    """What COS answers to the download of the content."""
    if error.code in ("NoSuchKey", "NoSuchVersion", "NoSuchBucket"):
        return AuditError(MISSING, error.message)
    return AuditError(DOWNLOAD_FAILED, f"{error.code}: {error.message}")


def to_service(error: AuditError) -> ServiceError:
    """The answer of an audit on the bucket's own host."""
    if not error.code.startswith("-"):
        return ServiceError(error.code, error.message)
    number = int(error.code)
    row = NUMBERS.get(number, _OTHER)
    return ServiceError(row.code, error.message, status=row.status, errno=number)


def illegal(name: str, value: str, allowed: str) -> ServiceError:
    """A parameter that is wrong, in the words of the service and some more."""
    return ServiceError(
        INVALID_ARGUMENT, f"Param {name} is illegal: it is {value[:100]!r}, {allowed}"
    )

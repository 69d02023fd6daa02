"""CI's error numbers, and how everything that can go wrong with a picture becomes one of them.

Downloads carry the number in `X-ErrNo` (CI manual 004:93924), persistent processing has numbers of
its own (004:94096). Neither page prints a body or an HTTP status: the body is COS's error XML with
the code names of COS's error list, the statuses are ours. A message is one sentence: which field or
file, its value, what is allowed; the row's meaning stands in where there is nothing to add.
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.errors import ServiceError
from localcloud.imaging import ImageError, NotEnabledError
from shared.pic_operations import PicOperationsError
from shared.rules import RuleError


@dataclass(frozen=True)
class Row:
    """What one number stands for: the `Code` in the XML, the HTTP status, the manual's words."""

    code: str
    status: int
    meaning: str


NUMBERS = {
    # Downloads
    -105: Row("NoSuchStyle", 404, "the style is not configured"),
    -106: Row("InvalidArgument", 400, "the processing rule in the URL is not valid"),
    -108: Row("AccessDenied", 403, "hotlink protection"),
    -120: Row("InvalidImageSource", 400, "the source's data is damaged"),
    -154: Row("AccessDenied", 403, "origin protection"),
    -163: Row("MediaBucketUnBinded", 403, "the bucket is not bound to Cloud Infinite"),
    -167: Row("ImageTooLarge", 400, "the file is too large"),
    -441: Row("InvalidImageFormat", 400, "the picture's format cannot be processed"),
    -442: Row("ImageResolutionExceed", 400, "the picture exceeds the size limit"),
    -443: Row("InvalidImageFormat", 400, "the picture's format is not within the limits"),
    -447: Row("ImageResolutionExceed", 400, "the resolution or the number of frames is too high"),
    -901: Row("ProcessTimeout", 504, "processing took too long"),
    -40168: Row("InvalidImageSource", 400, "the source is empty"),
    -46618: Row("SignatureDoesNotMatch", 403, "the signature does not fit"),
    -46619: Row("AccessDenied", 403, "the signature has expired"),
    -46628: Row("NoSuchKey", 404, "the file does not exist"),
    -46661: Row("AccessDenied", 403, "no right to read the file"),
    # Persistent processing, and the settings of a bucket
    -60936: Row("AccessDenied", 403, "the request is refused"),
    -60949: Row("SlowDown", 503, "there are too many requests"),
    -60957: Row("TooManyStyles", 400, "there are too many styles"),
    -60967: Row("NoSuchStyle", 404, "the style does not exist"),
    -60972: Row("InvalidRegionName", 400, "the region does not fit"),
    -60987: Row("ImageFetchFailed", 404, "the picture could not be fetched"),
    -60996: Row("ImageTooLarge", 400, "the file is too large"),
    -60997: Row("InvalidPicOperations", 400, "there are too many rules"),
    -60998: Row("InvalidPicOperations", 400, "a processing parameter is not valid"),
    -62999: Row("InvalidImageFormat", 400, "the picture's format is not valid"),
}
# What the job APIs answer (host ci, CI manual 004:94197); the manual prints neither a body nor a
# status: the name is the `Code` of COS's error XML.
JOB_NUMBERS = {
    1007: Row("InternalError", 500, "internal error"),
    1010: Row("InvalidUrl", 400, "the address is not valid"),
    1011: Row("InvalidContent", 400, "the body is not valid"),
    1012: Row("MissingAuthorization", 403, "the signature is missing"),
    1013: Row("InvalidAuthorization", 403, "the signature is not valid"),
    1014: Row("SignatureExpired", 403, "the signature has expired"),
    1015: Row("InvalidArgument", 400, "a parameter is not valid"),
    1016: Row("MissingContent", 400, "the body is missing"),
    1018: Row("AccessDenied", 403, "access is denied"),
    1019: Row("SecretidNotExist", 403, "the key does not exist"),
    1020: Row("SlowDown", 503, "there are too many requests"),
    1021: Row("InvalidContentType", 400, "the body's type is not valid"),
    1103: Row("ResourceNotFound", 404, "the resource does not exist"),
    1111: Row("MediaBucketUnBinded", 403, "the bucket is not bound to Cloud Infinite"),
}
_JOB_CODES = {
    "SignatureDoesNotMatch": 1013,
    "InvalidAccessKeyId": 1019,
    "ExpiredToken": 1014,
    "RequestTimeTooSkewed": 1014,
}
# What only the service itself has cause to answer: its accounts, bans, mirrors and hosts.
NOT_PLAYED = {
    -103: "the request cannot be understood",
    -104: "the APPID is not valid, or the domain is not bound to it",
    -107: "the Host is not valid",
    -109: "there is no picture for the style",
    -110: "the picture is on the black list",
    -124: "the range's offset is wrong",
    -156: "a redirection is forced",
    -162: "the account is in arrears",
    -164: "a popular picture is limited",
    -165: "downloads that look like an attack are limited",
    -166: "the message's format is wrong",
    -902: "the mirrored origin did not answer in time",
    -5062: "the picture is suspected to be illegal",
    -6101: "the picture is not there",
    -29033: "no range is valid",
    -29034: "the offset is beyond the file",
    -29214: "there are too many requests",
    -46152: "the bucket's name is not valid",
    -46154: "the APPID is not valid",
    -46614: "the upload is not complete",
    -46617: "the black list was hit",
    -46620: "the bucket is banned",
    -46621: "the file is banned",
    -46627: "the user is on the black list",
    -46642: "the APPID does not exist",
    -46646: "the file is banned",
    -60932: "the signature is wrong",
    -60938: "the signature is not complete",
    -60948: "the account is banned",
    -60950: "no file is named",
    -60955: "the URL is not valid",
    -60983: "the Host is not valid",
}
# A service of the bucket that is not switched on (004:10391).
_NOT_ENABLED = Row("FailedOperation.UnOpenError", 403, "the service is not enabled")
_OTHER = Row("InvalidImageSource", 400, "the picture cannot be processed")
# The number that persistent processing has for what a download calls otherwise, and back.
_PERSISTENT = {-105: -60967, -106: -60998, -167: -60996, -441: -62999, -443: -62999}
_DOWNLOAD = {-60998: -106}
# What COS refuses keeps its code and message; a download to be processed gets a number as well.
_OF_COS = {
    "NoSuchKey": -46628,
    "SignatureDoesNotMatch": -46618,
    "InvalidAccessKeyId": -46618,
    "RequestTimeTooSkewed": -46619,
    "ExpiredToken": -46619,
    "AccessDenied": -46661,
}


def refusal(number: int, message: str = "", *, persistent: bool = False) -> ServiceError:
    """The answer for `number`; `message` is a whole sentence: what is wrong and what is allowed."""
    if persistent:
        number = _PERSISTENT.get(number, number)
    row = NUMBERS.get(number, _OTHER)
    return ServiceError(row.code, message or row.meaning, status=row.status, errno=number)


def job_refusal(number: int, message: str = "") -> ServiceError:
    """The answer of a job API for `number`."""
    row = JOB_NUMBERS[number]
    return ServiceError(row.code, message or row.meaning, status=row.status)


def as_job_error(error: ServiceError, *, is_signed: bool) -> ServiceError:
    """What COS refuses, in the words of the job APIs where they have their own."""
    number = _JOB_CODES.get(error.code)
    if error.code == "AccessDenied":
        expired = bool(error.details)  # only then the server's time is told
        number = 1014 if expired else 1018 if is_signed else 1012
    if number is None:
        return error
    row = JOB_NUMBERS[number]
    return ServiceError(row.code, error.message, status=row.status, details=error.details)


def add_number(error: ServiceError) -> None:
    """Give what COS refuses its `X-ErrNo`, if CI has one and none is there."""
    if error.errno is None:
        # Only an expired signature tells the server's time beside a plain refusal.
        expired = error.code == "AccessDenied" and error.details
        error.errno = -46619 if expired else _OF_COS.get(error.code)


def from_image(error: ImageError, *, persistent: bool = False) -> ServiceError:
    """A picture that cannot be processed."""
    if isinstance(error, NotEnabledError):
        row = _NOT_ENABLED
        text = f"{row.meaning}: {error.message}"
        return ServiceError(row.code, text, status=row.status, errno=error.number)
    number = error.number if persistent else _DOWNLOAD.get(error.number, error.number)
    return refusal(number, error.message, persistent=persistent)


def from_rule(error: RuleError, *, persistent: bool = False, where: str = "") -> ServiceError:
    """A rule that is wrong, or not built yet; `where` names the field that holds it."""
    return refusal(-106, f"{where}: {error}" if where else str(error), persistent=persistent)


def from_pic_operations(error: PicOperationsError) -> ServiceError:
    """A `Pic-Operations` header that is wrong."""
    return refusal(error.number, error.message)

"""The service's errors: one type, one table of codes, one XML document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

# https://cloud.tencent.com/document/product/436/7730; codes of CI are in its manual.
STATUS = {
    "AccessDenied": 403,
    "AccessForbidden": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "BadRequest": 400,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNameTooLong": 400,
    "BucketNotEmpty": 409,
    "DomainConfigNotFoundError": 404,
    "DuplicateInventoryId": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "FileAlreadyExists": 409,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidCopySource": 400,
    "InvalidDigest": 400,
    "InvalidImageFormat": 400,
    "InvalidObjectName": 400,
    "InvalidObjectState": 403,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidPicOperations": 400,
    "InvalidPolicyDocument": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidTag": 400,
    "InvalidURI": 400,
    "KeyTooLong": 400,
    "MalformedPOSTRequest": 400,
    "MalformedPolicy": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchBucketPolicy": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchConfiguration": 404,
    "NoSuchCopySource": 404,
    "NoSuchEncryptionConfiguration": 404,
    "NoSuchInventory": 404,
    "NoSuchKey": 404,
    "NoSuchObjectLockConfiguration": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchOriginConfiguration": 404,
    "NoSuchTagSet": 404,
    "NoSuchTask": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NoSuchWebsiteConfiguration": 404,
    "NotImplemented": 501,
    "NotSymlink": 400,
    "ObjectNotAppendable": 409,
    "OperationConflict": 409,
    "PositionNotEqualToLength": 409,
    "ObjectLockConfigurationNotFoundError": 404,
    "PolicyTooLarge": 400,
    "PreconditionFailed": 412,
    "ReplicationConfigurationnotFoundError": 404,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "RestoreAlreadyInProgress": 409,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "SymlinkTargetNotExist": 404,
    "TooManyBuckets": 400,
    "XAmzContentSHA256Mismatch": 400,
    "XMLSizeLimit": 400,
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ServiceError(Exception):
    """A refusal as the service words it.

    `status` comes from the table of codes unless given (400 for a code that is not in it). `errno`
    is sent as `X-ErrNo`; `headers` go out with the answer; `details` become further elements of
    the document, such as `StringToSign`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        resource: str = "",
        errno: int | None = None,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = STATUS.get(code, 400) if status is None else status
        self.resource = resource
        self.errno = errno
        self.headers = dict(headers or {})
        self.details = dict(details or {})

    def to_xml(self, resource: str, request_id: str, trace_id: str) -> bytes:
        """The document. The five elements of every error are never empty: clients rely on it."""
        elements = {
            "Code": self.code,
            "Message": self.message or self.code,
            **self.details,
            "Resource": self.resource or resource or "/",
            "RequestId": request_id,
            "TraceId": trace_id,
        }
        lines = "".join(f"\t<{name}>{xml_text(text)}</{name}>\n" for name, text in elements.items())
        return f"<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n{lines}</Error>\n".encode()


def xml_text(text: str) -> str:
    """`text` as XML content; what XML cannot say becomes U+FFFD, and \\r survives parsing."""
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})

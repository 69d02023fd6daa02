"""The errors that cross modules: what a file gets wrong, and what COS and CI refuse."""

from __future__ import annotations

# What the operator of a bucket can do; by the code of the service's answer.
_ADVICE = {
    "AccessDenied": "grant the function's role access to this bucket and to CI (ci:*, cos:*)",
    "InvalidAccessKeyId": "check the secret id, and that temporary credentials carry their token",
    "FailedOperation.UnOpenError": "switch the service on for the bucket (console: advanced "
    "compression), or choose another format in pipelines.yml",
    "ImageFetchFailed": "check the watermark's address in pipelines.yml: an object of the upload's "
    "own bucket that everybody may read, or a signed address",
    "ImageResolutionExceed": "upload a smaller picture; the message names the limit",
    "ImageTooLarge": "upload a smaller file; the message names the limit",
    "InvalidBlindWatermark": "upload with the header that the text needs (x-cos-meta-user for "
    "{meta.user}), or change the text in pipelines.yml",
    "InvalidImageFormat": "upload a picture in a format that CI reads; the name does not count",
    "InvalidImageSource": "upload the file again: it is empty, damaged or incomplete",
    "InvalidState": "delete the object that the message names; what it stood for is done again",
    "InvalidPicOperations": "correct the rule in pipelines.yml; the message names the part",
    "NetworkError": "the service could not be reached; this is tried again",
    "AuthFailure": "check the credentials, and that temporary ones carry their token",
    "NoSuchBucket": "create the bucket, or correct its name and region",
    "NoSuchKey": "the object was deleted or replaced since the event; nothing to do",
    "NoSuchStyle": "add the style to the bucket, or correct its name in pipelines.yml",
    "NoSuchResource": "the object was deleted or replaced since the event; nothing to do",
    "RequestTimeTooSkewed": "set the clock of the caller",
    "ResourceNotFound": "deploy the function under this name (serverless.yml), or correct "
    "`function` in pipelines.yml",
    "SignatureDoesNotMatch": "check the secret key",
    "UnauthorizedOperation": "allow the function's role scf:InvokeFunction on the functions that "
    "pipelines.yml names, and ims:ImageModeration and tms:TextModeration for provider api3",
    "UnauthorizedOperation.Unauthorized": "activate image and text moderation for the account, or "
    "buy a package of it",
    "VersionedStateBucket": "set STATE_BUCKET to a bucket of this region that never had versions",
    "SlowDown": "too many requests; this is tried again, more slowly",
    "DeadlineExceeded": "raise the function's timeout, or give the pipeline fewer outputs",
}
_RETRYABLE_CODES = frozenset(
    {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "NetworkError"}
)
_THROTTLED = frozenset({"SlowDown", "RequestLimitExceeded", "TooManyRequests"})
_UNBOUND = "bind the bucket to Cloud Infinite (console: Data Processing, or PUT / on the pic host)"


class CloudError(Exception):
    """A call that COS, CI or SCF did not carry out.

    `status` is the HTTP status, 0 when no answer came; `request_id` is what the provider's support
    asks for; `retryable` says whether the same call can succeed later, and `retry_after` after how
    many seconds the service wants to see it again (0 if it did not say).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 0,
        request_id: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        return self.status >= 500 or self.status in (0, 408, 429) or self.code in _RETRYABLE_CODES

    @property
    def throttled(self) -> bool:
        """Whether the service says that there are too many requests."""
        return self.status == 429 or self.code in _THROTTLED

    @property
    def advice(self) -> str:
        """One sentence for the operator; empty when the message says it all."""
        # Codes of API 3.0 are a word and its details: UnauthorizedOperation.CAM.
        if advice := _ADVICE.get(self.code) or _ADVICE.get(self.code.partition(".")[0]):
            return advice
        if "bind" in self.message.lower() or "not activated" in self.message.lower():
            return _UNBOUND
        return "the service is in trouble; this is tried again" if self.retryable else ""


class ConfigError(ValueError):
    """A file with problems, each as `file:line: sentence`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)

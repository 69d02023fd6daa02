"""What the SDK raises, and what reading its answers does -> `CloudError`."""

from __future__ import annotations

from collections.abc import Mapping

from qcloud_cos import CosClientError, CosServiceError
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from shared.errors import CloudError
from shared.session import Answer

# Of an answer in another shape, from something between us and the service: the SDK and our readers
# take the fields that the service promises.
_NO_SUCH_ANSWER = (ValueError, SyntaxError, TypeError, KeyError, AttributeError)


def translated(error: Exception, answer: Answer) -> CloudError | None:
    """The error in our terms, with what the headers of `answer` say; None for any other exception,
    `CloudError` among them."""
    if isinstance(error, CosServiceError):
        return _of_service(error, answer)
    if isinstance(error, CosClientError | RequestException | HTTPError):
        # The latter two: a body that ends early, read by us.
        return CloudError("NetworkError", _one_line(str(error)))
    if isinstance(error, _NO_SUCH_ANSWER):
        message = _one_line(f"{type(error).__name__}: {error}")
        return CloudError("InvalidResponse", message, status=502)
    return None


def _of_service(error: CosServiceError, answer: Answer) -> CloudError:
    status, wait = error.get_status_code(), answer.retry_after
    digest = error.get_digest_msg()
    if not isinstance(digest, Mapping):
        said = _one_line(str(error.get_origin_msg()))
        return CloudError("Unknown", said, status=status, retry_after=wait)
    fields = {str(name).lower(): str(value) for name, value in digest.items()}
    request_id = fields.get("requestid", fields.get("x-cos-request-id", ""))
    if "code" in fields:
        code, said = fields["code"], _one_line(fields.get("message", ""))
    else:
        # The digest is the answer's headers.
        code, said = "Unknown", f"HTTP {status} without a body"
    return CloudError(code, said, status=status, request_id=request_id, retry_after=wait)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]

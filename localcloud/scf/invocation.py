"""What an invocation comes to: the result or SCF's error, and the log in SCF's form."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from localcloud.scf.instance import InstanceError

MAX_SYNC_EVENT = 6 * 1024 * 1024
MAX_ASYNC_EVENT = 128 * 1024
MAX_RESULT = 6 * 1024 * 1024

# kind -> (errorCode, statusCode, errorMessage): SCF's table of function status codes.
ERRORS = {
    "raised": (1, 430, "user code exception caught"),
    "timeout": (-1, 433, "Invoking task timed out after {timeout} seconds"),
    "memory": (-1, 434, "Memory limit exceeded: the function has {memory} MB"),
    "missing": (-1, 437, "HandlerNotFound: {message}"),
    "exit": (-1, 439, "User process exit when running (code {message})"),
    "load": (1, 443, "UserCodeError: {message}"),
    "start": (-1, 450, "Container start timed out after {init_timeout} seconds"),
    "large": (-1, 407, "The size of response exceeds the upper limit (6MB)"),
    "throttled": (-1, 432, "ResourceLimitReached: {message}"),
    "event": (-1, 406, "RequestTooLarge: the event has {message} bytes, {limit} are allowed"),
}


@dataclass(frozen=True)
class Invocation:
    """One finished invocation. Times in milliseconds, memory in MB; `error` is None if it is well.

    `cold` is the time that starting the instance took, None for a warm one; `result` is what the
    handler returned, decoded from JSON; `log` is what the function printed.
    """

    request_id: str
    function: str
    result: Any
    error: dict[str, Any] | None
    log: str
    duration: float
    memory: int
    max_memory: int
    cold: float | None

    @property
    def ok(self) -> bool:
        """Whether the handler returned."""
        return self.error is None

    @property
    def status(self) -> int:
        """SCF's status code of the function, 200 if it is well."""
        return 200 if self.error is None else int(self.error["statusCode"])

    @property
    def error_text(self) -> str:
        """What went wrong: the stack trace, where there is one."""
        error = self.error or {}
        return str(error.get("stackTrace") or error.get("errorMessage", ""))

    def report(self) -> str:
        """The log in SCF's form: START, what the function printed, END, REPORT."""
        lines = [f"START RequestId: {self.request_id}"]
        if self.cold is not None:
            lines.append(f"Init Report RequestId: {self.request_id} Coldstart: {self.cold:.0f} ms")
        if self.log:
            lines.append(self.log.rstrip("\n"))
        if self.error is not None:
            shown = {name: value for name, value in self.error.items() if name != "stackTrace"}
            if trace := self.error.get("stackTrace"):
                lines.append(trace.rstrip("\n"))
            lines.append(
                f"ERROR RequestId: {self.request_id} "
                f"Result: {json.dumps(shown, ensure_ascii=False)}"
            )
        lines.append(f"END RequestId: {self.request_id}")
        lines.append(
            f"REPORT RequestId: {self.request_id} Duration: {self.duration:.0f} ms "
            f"Billed Duration: {math.ceil(self.duration)} ms Memory Size: {self.memory} MB "
            f"Max Memory Used: {self.max_memory} MB"
        )
        return "\n".join(lines)


def service_error(error: InstanceError, request_id: str, **facts: object) -> dict[str, Any]:
    """The JSON that SCF answers with when a function fails; `facts` fill in the message."""
    code, status, message = ERRORS[error.kind]
    answer: dict[str, Any] = {
        "errorCode": code,
        "errorMessage": message.format(message=error.message, **facts),
        "requestId": request_id,
        "statusCode": status,
    }
    if error.trace:
        answer["stackTrace"] = error.trace
    return answer

"""The one error of API 3.0: a code with parts (`AuthFailure.SignatureFailure`) and a sentence."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal as API 3.0 words it: https://cloud.tencent.com/document/api/1312/48206"""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

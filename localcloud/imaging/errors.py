"""What a picture can be refused for, by CI's own numbers (CI manual 004:93924)."""

from __future__ import annotations

TOO_LARGE = -167
EMPTY = -40168
DAMAGED = -120
NOT_AN_IMAGE = -441
RESULT_TOO_LARGE = -442
BAD_FORMAT = -443
TOO_MANY_PIXELS = -447
BAD_PARAMETER = -60998
NOT_CONFIGURED = -163
TOO_SLOW = -901


class ImageError(Exception):
    """A rule cannot be applied to a picture: `number` is CI's, the message what is allowed."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


class NotEnabledError(ImageError):
    """A format of advanced compression that this machine cannot write (CI manual 004:6149)."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(NOT_CONFIGURED, f"format/{name}: {message}")

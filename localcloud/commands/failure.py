"""The one way for a subcommand to end with a message instead of a stack trace."""

from __future__ import annotations


class CommandError(Exception):
    """Printed as `localcloud: <message>`; `exit_code` is 2 for wrong use, 1 for failure."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class UsageError(CommandError):
    """What the user typed cannot be done; nothing was tried."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=2)

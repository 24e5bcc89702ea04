"""Errors that are for people."""

from __future__ import annotations


class UserError(Exception):
    """Something that the person at the command line can mend; the message is one line.

    It says what was wrong, what it was and what it may be. ``exit_code`` is 2 for bad input and
    1 for what went wrong underway.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Diverged(ArithmeticError):
    """The loss became NaN or infinite."""

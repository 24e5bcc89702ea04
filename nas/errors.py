"""Errors for the user, and how names and numbers stand in messages."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

_MOST_CALLS = 8  # and as many lines of a message


class UserError(Exception):
    """An error that the user can mend; the message is one line.

    The message names the option, what it got and what it may be. ``exit_code`` is 2 for bad input,
    and 1 for an error while the command runs.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def has_no_room(error: OSError) -> bool:
    """Return whether a disk is full, or has no room for this user or file."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def last_calls(error: BaseException) -> str:
    """Return the last calls that led to an error, and its type and message, a line each.

    Of files there are the last folder and the name, since the lines may be sent to others.
    """
    calls = traceback.extract_tb(error.__traceback__)[-_MOST_CALLS:]
    lines = [f"{_short(call.filename)}:{call.lineno} in {call.name}: {call.line}" for call in calls]
    message = str(error).strip().splitlines()[-_MOST_CALLS:] or [""]
    return "\n".join([*lines, f"{type(error).__name__}: {message[0]}".strip(), *message[1:]])


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-2:])


class ClusterLost(UserError):
    """A process of Ray itself, or a machine that is needed, is gone; the work cannot go on."""


class DeviceLost(UserError):
    """The GPU failed, and this process cannot use it any more; another one may."""


class Diverged(ArithmeticError):
    """The loss became NaN or infinite."""


class MetricError(ValueError):
    """A metric has no value, or not one from 0 to 1; the message is one line with its name."""


def nearest_first(name: str, names: Iterable[str]) -> list[str]:
    """Sort names such that those like ``name`` come first; the others keep their order."""
    others = list(names)
    near = get_close_matches(name.lower(), others)
    return [*near, *(other for other in others if other not in near)]


def there_are(count: int, what: str) -> str:
    """Return that there are so many of a thing, such as ``there is 1 core``."""
    return f"there is 1 {what}" if count == 1 else f"there are {count} {what}s"


def first_of(names: Iterable[str], count: int, most: int = 5) -> str:
    """Return the first ``most`` of ``count`` names, such as ``a, b, c, d, e and 7 more``."""
    more = f" and {count - most} more" if count > most else ""
    return ", ".join(islice(names, most)) + more


# Characters that a terminal obeys: controls but for line ends and tabs, and those that reverse the
# direction of text. Lone surrogates, of file names that are not UTF-8, cannot be written at all.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Return the text with characters that a terminal would obey as escapes, such as ``\\x1b``."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)

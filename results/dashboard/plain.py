"""Values from a run's files as JSON that a page can read, whatever the files hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

_DEEPEST = 20
_LARGEST = 2**53  # A page's numbers are doubles.


def number(value: object) -> float | int | None:
    """The value if it is a finite number, else None: a foreign database may hold anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) < _LARGEST else None
    return value if isfinite(value) else None


def whole(value: object) -> int | None:
    """The value if it is a whole number that a page can hold."""
    return value if isinstance(value, int) and number(value) is not None else None


def text(value: object) -> str | None:
    """The value as text; None stays None."""
    return None if value is None else str(value).encode(errors="replace").decode()


def plain(value: object, depth: int = 0) -> Any:
    """The value in JSON types; numbers that no page can hold become text, and so does the rest."""
    if depth > _DEEPEST:
        return "..."
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return str(value) if number(value) is None else value
    if isinstance(value, Mapping):
        return {text(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item, depth + 1) for item in value]
    return text(value)


def to_json(value: object) -> str:
    """Compact JSON in ASCII; ValueError for a number that is not finite."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def for_script(value: object) -> str:
    """JSON that cannot end the script element that it stands in, nor begin a comment there."""
    return to_json(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

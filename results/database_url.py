"""URLs of databases: the file that one names, and how it is shown without its password."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import URL, make_url

# The password of ``user:password@``, in which characters may stand that should be escaped.
_BEFORE_HOST = re.compile(r"(://[^:/?#@\[]*:).*@")
# The same without ``@``, unless it is the number of a port.
_WITHOUT_HOST = re.compile(r"(://[^:/?#@\[]*:)(?!\d+\b|\*\*\*@)[^/?#]+")
_OPTION = re.compile(r"([?&][^=&]*password[^=&]*=)[^&]*", re.IGNORECASE)


def sqlite_url(file: Path) -> str:
    """Return the URL of a record in a file, such as ``sqlite:///runs/a/record.sqlite``."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite URL; None for a server or a database in memory.

    Raises:
        ArgumentError: not a URL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def masked(url: str) -> str:
    """Return the URL with ``***`` for its password, also where it is not a valid URL."""
    url = _BEFORE_HOST.sub(r"\1***@", url)
    return _OPTION.sub(r"\1***", _WITHOUT_HOST.sub(r"\1***", url))


def has_password(url: str) -> bool:
    """Return whether a URL holds a password, also as an option."""
    return masked(url) != url


def display_address(url: str) -> str:
    """Return the address that messages show: a file's path, or the URL without its password."""
    file = sqlite_file(url)
    return masked(url) if file is None else str(file)

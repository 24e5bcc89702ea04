"""What people ask a running search for: to end, or to evaluate a network of theirs next.

Each request is a file in the folder ``requests`` of the run's directory, so that it reaches the
search on any machine that shares the directory, and outlives a search that is killed.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.atomic import write_text
from search_space.architecture import InvalidArchitecture
from search_space.bounds import read_json
from search_space.choices import Option
from search_space.space import Point, Space

FOLDER = "requests"
MOST_WAITING = 100
SCHEMA_VERSION = 1
_STOP = "stop"
_NAME = "next-{at:020d}-{key}.json"


class InvalidRequest(ValueError):
    """A request cannot be met; the message is one line."""


@dataclass(frozen=True)
class Wanted:
    """A network that someone asked for: an option of each choice of the run's space."""

    name: str
    point: Point


class Requests:
    """The requests of one run: a page writes them, and the search meets them.

    What cannot be read, or is no request, is passed over.
    """

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER

    def ask_to_stop(self) -> None:
        """Ask the search to end now, as after Ctrl-C.

        Raises:
            OSError: the run's directory is not writable, or its disk full.
        """
        self._folder.mkdir(exist_ok=True)
        write_text(self._folder / _STOP, "")

    def ask_for(self, point: Mapping[str, Option]) -> Wanted:
        """Ask for the network at a point of the run's space, after those asked for before.

        Raises:
            InvalidRequest: it waits already, or too many do.
            OSError: the run's directory is not writable, or its disk full.
        """
        waiting = self.waiting()
        if any(wanted.point == point for wanted in waiting):
            raise InvalidRequest("it waits already")
        if len(waiting) >= MOST_WAITING:
            raise InvalidRequest(f"{MOST_WAITING} networks are waiting already")
        self._folder.mkdir(exist_ok=True)
        name = _NAME.format(at=time.time_ns(), key=secrets.token_hex(4))
        content = {"schema_version": SCHEMA_VERSION, "point": dict(point)}
        write_text(self._folder / name, f"{json.dumps(content)}\n")
        return Wanted(name, dict(point))

    def withdraw(self, name: str) -> bool:
        """Take a request for a network back; return whether it was still waiting."""
        if name not in self._names():
            return False
        try:
            (self._folder / name).unlink()
        except FileNotFoundError:
            return False
        return True

    def waiting(self) -> list[Wanted]:
        """Return the networks that wait, the first to be evaluated first."""
        found = (self._read(name) for name in self._names())
        return [wanted for wanted in found if wanted is not None]

    def asks_to_stop(self) -> bool:
        """Return whether the search is asked to end."""
        return (self._folder / _STOP).exists()

    def forget_stop(self) -> None:
        """Remove a request to stop; one that cannot be removed is left."""
        with suppress(OSError):
            (self._folder / _STOP).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        """Return the names of the files with networks, by the time of the request."""
        try:
            return sorted(path.name for path in self._folder.glob("next-*.json"))
        except OSError:
            return []

    def _read(self, name: str) -> Wanted | None:
        try:
            point = read_json(self._folder / name)["point"]
            return Wanted(name, {str(choice): option for choice, option in point.items()})
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None


def point_in(space: Space, choices: Any) -> Point:
    """Return the point of a network that is given by an option of each choice.

    Of a stage that is left out, the other choices are their first options.

    Raises:
        InvalidRequest: it is no network of the space.
    """
    options = space.options()
    if not isinstance(choices, Mapping) or set(choices) != set(options):
        raise InvalidRequest(f"choices: must have an option of each of {', '.join(options)}")
    for name, those in options.items():
        if not _is_among(choices[name], those):
            names = ", ".join(map(str, those))
            raise InvalidRequest(f"{name}: got {choices[name]!r}, must be one of {names}")
    try:
        return space.encode(space.decode(choices))
    except InvalidArchitecture as error:
        raise InvalidRequest(f"choices: {error}") from error


def _is_among(option: Any, options: tuple[Option, ...]) -> bool:
    """Whether it is one of them, where True is not 1."""
    return any(type(option) is type(own) and option == own for own in options)

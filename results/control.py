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
_STOP, _MET = "stop", "stopping"  # before and after the search has read it
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
        """Ask the search to end now, as when its time is up.

        Raises:
            OSError: the run's directory is not writable, or its disk full.
        """
        self._make_folder()
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
        self._make_folder()
        name = _NAME.format(at=time.time_ns(), key=secrets.token_hex(4))
        content = {"schema_version": SCHEMA_VERSION, "point": dict(point)}
        write_text(self._folder / name, f"{json.dumps(content)}\n")
        return Wanted(name, dict(point))

    def withdraw(self, name: str) -> bool:
        """Take a request for a network back; return whether it was still waiting.

        Raises:
            OSError: the run's directory is not writable.
        """
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
        """Return whether the search is asked to end, until it has ended."""
        try:
            return any((self._folder / name).exists() for name in (_STOP, _MET))
        except OSError:
            return False

    def meet_stop(self) -> bool:
        """Return whether the search is asked to end; a request that it cannot move is none."""
        try:
            (self._folder / _STOP).rename(self._folder / _MET)
        except OSError:
            return False
        return True

    def forget_stop(self) -> None:
        """Remove a request to stop; one that cannot be removed is left."""
        for name in (_STOP, _MET):
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def _make_folder(self) -> None:
        """Make the folder for whoever may write to the run, since page and search may be of two."""
        with suppress(FileExistsError):
            self._folder.mkdir()
            self._folder.chmod(self._folder.parent.stat().st_mode & 0o777)

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
    point = {name: _own(name, choices[name], those) for name, those in options.items()}
    try:
        return space.encode(space.decode(point))
    except InvalidArchitecture as error:
        raise InvalidRequest(f"choices: {error}") from error


def _own(name: str, option: Any, options: tuple[Option, ...]) -> Option:
    """Return the space's own option, where 0 is 0.0, as a browser writes it, and True is not 1."""
    for own in options:
        if not isinstance(option, bool) and option == own:
            return own
    raise InvalidRequest(f"{name}: got {option!r}, must be one of {', '.join(map(str, options))}")

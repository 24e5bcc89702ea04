"""Functions of the library that read and write single files, and published networks by name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nas.api.option_values import path_of
from nas.errors import UserError, nearest_first

if TYPE_CHECKING:
    from results.architecture_file import ArchitectureFile
    from search_space.published import PublishedNetwork
    from search_space.space import Space


def published(name: str) -> PublishedNetwork:
    """Return the published network with this name, one of ``nas.PUBLISHED``.

    Raises:
        UserError: there is none.
    """
    from search_space.published import PUBLISHED
    from search_space.published import published as by_name

    if name not in PUBLISHED:
        names = ", ".join(nearest_first(str(name), PUBLISHED))
        raise UserError(f"published: got {name!r}, must be one of {names}")
    return by_name(name)


def read_space(path: str | os.PathLike[str]) -> Space:
    """Read the space that a YAML file describes.

    Raises:
        UserError: the file is unreadable or wrong.
    """
    from search_space.choices import InvalidSpace
    from search_space.space_file import read_space as read

    try:
        return read(path_of("space", path))
    except InvalidSpace as error:
        raise UserError(f"space: {error}") from error


def read_architecture(path: str | os.PathLike[str]) -> ArchitectureFile:
    """Read a file of an architecture, such as best.json.

    Raises:
        UserError: it is missing, or is none.
    """
    from results.architecture_file import ArchitectureFileError, read

    try:
        return read(path_of("architecture", path))
    except ArchitectureFileError as error:
        raise UserError(f"architecture: {error}") from error


def write_architecture(path: str | os.PathLike[str], file: ArchitectureFile) -> None:
    """Write the file of an architecture, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    from results.architecture_file import write

    try:
        write(path_of("architecture", path), file)
    except (OSError, ValueError) as error:
        raise UserError(f"architecture: {path}: cannot be written ({error})") from error

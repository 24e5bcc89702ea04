"""``--space``: a search space by name or from a YAML file."""

from __future__ import annotations

from pathlib import Path

from nas.errors import UserError
from search_space.choices import InvalidSpace
from search_space.space import Space
from search_space.space_file import read_space
from search_space.spaces import SPACES, default_space


def find_space(name: str | None, image_size: int) -> Space:
    """The space of that name or file, or else the one for the image size in pixels.

    Raises:
        UserError: neither a name nor a readable file.
    """
    name = name or default_space(image_size)
    if name in SPACES:
        return SPACES[name](image_size)
    try:
        if not Path(name).exists():
            names = ", ".join(SPACES)
            raise UserError(f"--space: got {name!r}, must be one of {names} or a YAML file")
        space = read_space(Path(name))
    except (InvalidSpace, OSError) as error:  # OSError: a name that is too long
        raise UserError(f"--space: {error}") from error
    _check_operators(name, space)
    return space


def _check_operators(name: str, space: Space) -> None:
    """A space may list any operator; one to search must have those that can be built."""
    from search_space.operators import OPERATORS

    listed = {operator for choices in space.choices for operator in choices.operator}
    unknown = sorted(listed - OPERATORS.keys())
    if unknown:
        raise UserError(
            f"--space: {name}: operator: got {unknown[0]!r}, must be one of {', '.join(OPERATORS)}"
        )

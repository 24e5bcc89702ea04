"""ARCH: an architecture by a file that this tool wrote, or by a published name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nas.errors import UserError
from results.architecture_file import ArchitectureFile, ArchitectureFileError, read
from reward.complexity import architecture_complexity
from search_space.choices import InvalidSpace
from search_space.network import Network
from search_space.published import PUBLISHED, published
from search_space.space import Space
from search_space.space_file import read_space
from search_space.spaces import SPACES, default_space
from search_space.transforms import fuse


def find_architecture(arch: str) -> ArchitectureFile:
    """The architecture that ``arch`` names, with its image sizes.

    Raises:
        UserError: neither a published name nor a readable file.
    """
    if arch in PUBLISHED:
        network = published(arch)
        return ArchitectureFile(
            name=network.name,
            architecture=network.architecture,
            train_size=network.train_size,
            eval_size=network.eval_size,
        )
    try:
        if not Path(arch).exists():
            names = ", ".join(PUBLISHED)
            raise UserError(
                f"ARCH: got {arch!r}, must be a file such as best.json or one of {names}"
            )
        winner = Path(arch, "best.json")  # of a run's directory
        return read(winner if winner.is_file() else Path(arch))
    except (ArchitectureFileError, OSError) as error:  # OSError: a name that is too long
        raise UserError(f"ARCH: {error}") from error


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


def with_counts(file: ArchitectureFile, argument: str = "ARCH") -> ArchitectureFile:
    """Return the file with its parameters and multiply-adds, counted if it does not hold them.

    ``argument`` is what an error names as given wrongly.

    Raises:
        UserError: the architecture has an unknown operator.
    """
    if file.parameters is not None and file.multiply_adds is not None:
        return file
    try:
        count = architecture_complexity(file.architecture, file.task, file.eval_size)
    except ValueError as error:
        raise UserError(f"{argument}: {file.name}: {error}") from error
    return replace(file, parameters=count.parameters, multiply_adds=count.multiply_adds)


def build_network(file: ArchitectureFile, argument: str = "ARCH") -> Network:
    """The network of an architecture, with weights of its own.

    Raises:
        UserError: an operator that is not known.
    """
    try:
        return Network(file.architecture, file.task.classes, file.task.in_channels)
    except ValueError as error:
        raise UserError(f"{argument}: {file.name}: {error}") from error


_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def fused_variants(file: ArchitectureFile, option: str | None) -> list[ArchitectureFile]:
    """The network once for each range, such as ``none,1-3,1-5``; as it is where none is given.

    Raises:
        UserError: no such range of stages.
    """
    return [_fused_variant(file, one.strip()) for one in option.split(",")] if option else [file]


def _fused_variant(file: ArchitectureFile, stages: str) -> ArchitectureFile:
    if stages == "none":
        return file
    match = _RANGE.fullmatch(stages)
    may_be = "must be stages such as 1-3, or several: none,1-3,1-5"
    if match is None:
        raise UserError(f"--fuse: got {stages!r}, {may_be}")
    first, last = int(match[1]), int(match[2] or match[1])
    try:
        architecture = fuse(file.architecture, first, last)
    except ValueError as error:
        raise UserError(f"--fuse: {file.name}: {error}") from error
    return ArchitectureFile(
        name=f"{file.name} fused {stages}",
        architecture=architecture,
        train_size=file.train_size,
        eval_size=file.eval_size,
        task=file.task,
    )

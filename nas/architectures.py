"""ARCH and SPACE: architectures and spaces by file or by name; without torch until one is built.

A candidate of a run is an architecture too, by the run's directory and its number: ``RUN#7``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import UserError, nearest_first
from nas.imports import import_named
from results.architecture_file import ArchitectureFile, ArchitectureFileError, read
from search_space.bounds import shown
from search_space.choices import InvalidSpace
from search_space.named import is_reference, lookup_function, module_of
from search_space.published import PUBLISHED, published
from search_space.space import Grid, Space
from search_space.space_file import read_space
from search_space.spaces import SPACES, default_space
from search_space.transforms import fuse

if TYPE_CHECKING:
    from search_space.architecture import Architecture
    from search_space.network import Network
    from search_space.operators import Operator

_FORMS = "a file such as best.json, RUN#7 for candidate 7 of a run, or"
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")  # of stages
_NUMBER = re.compile(r"\d{1,9}")


Arch = str | os.PathLike[str] | ArchitectureFile
"""What names an architecture: a text as of ARCH, a path, or what was read already."""


def find_architecture(arch: Arch, argument: str = "ARCH") -> ArchitectureFile:
    """Return the architecture of a published name, a file, a run's candidate, or its winner.

    A run's directory stands for its winner, and ``RUN#7`` for its candidate 7 with what was
    measured of it. ``argument`` is what an error names as given wrongly.

    Raises:
        UserError: ``arch`` is none of these, or cannot be read.
    """
    if isinstance(arch, ArchitectureFile):
        return arch
    if not isinstance(arch, str | os.PathLike):
        raise UserError(f"{argument}: got {shown(arch)}, must be {_FORMS} a published name")
    arch = os.fspath(arch)
    if arch in PUBLISHED:
        network = published(arch)
        return ArchitectureFile(
            name=network.name,
            architecture=network.architecture,
            train_size=network.train_size,
            eval_size=network.eval_size,
            training={"dropout": network.dropout},
        )
    try:
        if Path(arch).exists():
            winner = Path(arch, "best.json")  # of a run's directory
            return read(winner if winner.is_file() else Path(arch))
    except (ArchitectureFileError, OSError) as error:  # OSError: a name that is too long
        raise UserError(f"{argument}: {error}") from error
    if "#" in arch:
        return _candidate(arch, argument)
    raise UserError(f"{argument}: got {arch!r}, {_may_be_architecture(arch)}")


def _candidate(arch: str, argument: str) -> ArchitectureFile:
    """Return the architecture of ``RUN#7``, from the run's record.

    Raises:
        UserError: there is no such run or candidate, or the record cannot be read.
    """
    from nas.run_directory import open_run  # and with it SQLAlchemy, which takes a while
    from results.candidate_file import NoSuchCandidate, candidate_file
    from results.database import RecordError

    path, _, number = arch.rpartition("#")
    if not _NUMBER.fullmatch(number):
        raise UserError(
            f"{argument}: got {arch!r}, must end in a candidate's number, such as {path}#7"
        )
    run = open_run(Path(path), argument)
    try:
        with run.read_record() as record:
            candidates, settings = record.candidates(), record.settings()
    except RecordError as error:
        raise UserError(f"{argument}: {error}", exit_code=1) from error
    try:
        return candidate_file(candidates, int(number), settings, run.run_id)
    except (NoSuchCandidate, ValueError) as error:
        damage = f" ({record.damage})" if record.damage else ""
        raise UserError(f"{argument}: {path}: {error}{damage}") from error


def _may_be_architecture(arch: str) -> str:
    if _is_path(arch):
        return f"no such file, must be {_FORMS} a published name such as efficientnetv2-s"
    names = ", ".join(nearest_first(arch, PUBLISHED))
    return f"must be {_FORMS} one of {names}"


def _is_path(text: str) -> bool:
    """Whether the text looks like the path of a file, and not like a name."""
    return "/" in text or bool(Path(text).suffix)


def find_space(name: str | Space | None, image_size: int) -> Space:
    """Return the space of a name, a YAML file or a function; None is the one for the image size.

    A :class:`Space` is returned as it is.

    A function of the user's own, as ``package.module:attribute``, gets the image size in pixels.

    Raises:
        UserError: ``name`` is none of these, or the space has an unknown operator.
    """
    name = name or default_space(image_size)
    if isinstance(name, Space):
        space, name = name, name.name
    elif name in SPACES:
        return SPACES[name](image_size)
    else:
        space = _imported_space(name, image_size) if is_reference(name) else _read_space(name)
    try:
        check_operators(space)
    except ValueError as error:
        raise UserError(f"--space: {name}: {error}") from error
    return space


def _read_space(name: str) -> Space:
    try:
        if not Path(name).exists():
            missing = "no such file, " if _is_path(name) else ""
            names = ", ".join(nearest_first(name, SPACES))
            raise UserError(
                f"--space: got {name!r}, {missing}must be one of {names}, a YAML file or a "
                "function as package.module:attribute"
            )
        return read_space(Path(name))
    except (InvalidSpace, OSError) as error:  # OSError: a name that is too long
        raise UserError(f"--space: {error}") from error


def _imported_space(name: str, image_size: int) -> Space:
    import_named(name, "--space")
    try:
        space = lookup_function(name)(image_size)
    except Exception as error:  # of any type, as it is the user's function
        raise UserError(f"--space: {name}: {type(error).__name__}: {error}") from error
    if not isinstance(space, Space):
        raise UserError(
            f"--space: {name}: got a {type(space).__name__}, must return a Space for an image size "
            "in pixels"
        )
    return space


def operator_names(grid: Grid, others: Iterable[Architecture] = ()) -> list[str]:
    """Return the names of the operators that candidates of a grid, and others, may have."""
    architectures = (grid.backbone, *others)
    names = {name for each in architectures for name in each.functions}
    if isinstance(grid, Space):
        names |= {operator for choices in grid.choices for operator in choices.operator}
    return sorted(names)


def modules_of_operators(architectures: Iterable[Architecture]) -> list[str]:
    """Return the modules of the user's own operators, for another process to import.

    Raises:
        UserError: an operator is not known.
    """
    from search_space.operators import OPERATORS, find_operator

    names = {name for each in architectures for name in each.functions}
    try:
        functions = {name: find_operator(name) for name in names}
    except ValueError as error:
        raise UserError(str(error)) from error
    modules = {
        function.__module__ if name in OPERATORS else module_of(name)
        for name, function in functions.items()
    }
    return sorted(modules - {"__main__"})


def check_operators(grid: Grid, others: Iterable[Architecture] = ()) -> None:
    """Check that every operator of candidates can be built, which a file alone does not ensure.

    Raises:
        ValueError: one is not known; :class:`NotImported` if ``--import`` would mend it.
    """
    from search_space.operators import find_operator

    for operator in operator_names(grid, others):
        find_operator(operator)


def with_counts(file: ArchitectureFile, argument: str = "ARCH") -> ArchitectureFile:
    """Return the file with its parameters and multiply-adds, counted if it does not hold them.

    ``argument`` is what an error names as given wrongly.

    Raises:
        UserError: the architecture has an unknown operator.
    """
    if file.parameters is not None and file.multiply_adds is not None:
        return file
    from reward.complexity import architecture_complexity

    try:
        count = architecture_complexity(file.architecture, file.task, file.eval_size)
    except ValueError as error:
        raise UserError(f"{argument}: {file.name}: {error}") from error
    return replace(file, parameters=count.parameters, multiply_adds=count.multiply_adds)


def operators_of(architecture: Architecture, argument: str = "ARCH") -> dict[str, Operator]:
    """Return the operators of a network by name, which other processes may not know by themselves.

    ``argument`` is what an error names as given wrongly.

    Raises:
        UserError: an operator is not known.
    """
    from search_space.operators import find_operator

    try:
        return {name: find_operator(name) for name in architecture.functions}
    except ValueError as error:
        raise UserError(f"{argument}: {error}") from error


def build_network(file: ArchitectureFile, argument: str = "ARCH") -> Network:
    """Build the network of an architecture, with random weights.

    ``argument`` is what an error names as given wrongly.

    Raises:
        UserError: the architecture has an unknown operator.
    """
    from search_space.network import Network

    try:
        return Network(file.architecture, file.task.classes, file.task.in_channels)
    except ValueError as error:
        raise UserError(f"{argument}: {file.name}: {error}") from error


def fused_variants(file: ArchitectureFile, option: str | None) -> list[ArchitectureFile]:
    """Return the network with Fused-MBConv in each range of stages, such as ``none,1-3,1-5``.

    Without the option the network is the only one.

    Raises:
        UserError: the network has no such stages.
    """
    if not option:
        return [file]
    return [_fused_variant(file, stages.strip()) for stages in option.split(",")]


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

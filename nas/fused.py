"""``--fuse``: Fused-MBConv put into some stages of a network."""

from __future__ import annotations

import re

from nas.errors import UserError
from results.architecture_file import ArchitectureFile
from search_space.fuse import fuse

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def fused(file: ArchitectureFile, option: str | None) -> list[ArchitectureFile]:
    """The network once for each range, such as ``none,1-3,1-5``; as it is where none is given.

    Raises:
        UserError: no such range of stages.
    """
    return [_fused(file, one.strip()) for one in option.split(",")] if option else [file]


def _fused(file: ArchitectureFile, stages: str) -> ArchitectureFile:
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

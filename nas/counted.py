"""The network of an architecture's file, and its counts."""

from __future__ import annotations

from dataclasses import replace

from nas.errors import UserError
from results.architecture_file import ArchitectureFile
from reward.complexity import complexity
from search_space.network import Network


def counted(file: ArchitectureFile, argument: str = "ARCH") -> ArchitectureFile:
    """With its parameters and multiply-adds, counted if the file does not say them.

    ``argument`` is what an error names as given wrongly.
    """
    if file.parameters is not None and file.multiply_adds is not None:
        return file
    count = complexity(network_of(file, argument), file.task.in_channels, file.eval_size)
    return replace(file, parameters=count.parameters, multiply_adds=count.multiply_adds)


def network_of(file: ArchitectureFile, argument: str = "ARCH") -> Network:
    """The network of an architecture, with weights of its own.

    Raises:
        UserError: an operator that is not known.
    """
    try:
        return Network(file.architecture, file.task.classes, file.task.in_channels)
    except ValueError as error:
        raise UserError(f"{argument}: {file.name}: {error}") from error

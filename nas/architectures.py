"""ARCH: an architecture by a file that this tool wrote, or by a published name."""

from __future__ import annotations

from pathlib import Path

from nas.errors import UserError
from results.architecture_file import ArchitectureFile, ArchitectureFileError, read
from search_space.published import PUBLISHED, published


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

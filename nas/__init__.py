"""nas-engine: training-aware neural architecture search, as a library.

Everything that a script or notebook needs is here; the packages beside this one (``search_space``,
``reward``, ``scaling``, ``results``) are where it is written::

    import nas

    network = nas.Network(nas.published("efficientnetv2-s").architecture)  # a torch.nn.Module

Names are imported when they are first used, so that ``import nas`` takes no time.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.errors import UserError
    from results.architecture_file import ArchitectureFile
    from results.architecture_file import read as read_architecture
    from search_space.architecture import Architecture, Stage
    from search_space.network import Network
    from search_space.operators import OPERATORS
    from search_space.published import PUBLISHED, published
    from search_space.space import Space
    from search_space.spaces import SPACES

__all__ = [
    "OPERATORS",
    "PUBLISHED",
    "SPACES",
    "Architecture",
    "ArchitectureFile",
    "Network",
    "Space",
    "Stage",
    "UserError",
    "published",
    "read_architecture",
]

# The module of each public name, and its name there.
_SOURCES = {
    "OPERATORS": ("search_space.operators", "OPERATORS"),
    "PUBLISHED": ("search_space.published", "PUBLISHED"),
    "SPACES": ("search_space.spaces", "SPACES"),
    "Architecture": ("search_space.architecture", "Architecture"),
    "ArchitectureFile": ("results.architecture_file", "ArchitectureFile"),
    "Network": ("search_space.network", "Network"),
    "Space": ("search_space.space", "Space"),
    "Stage": ("search_space.architecture", "Stage"),
    "UserError": ("nas.errors", "UserError"),
    "published": ("search_space.published", "published"),
    "read_architecture": ("results.architecture_file", "read"),
}

# A file of each of our packages, by which it is told from another package of the same name.
PACKAGES = {
    "search_space": "architecture.py",
    "reward": "objective.py",
    "scaling": "families.py",
    "results": "architecture_file.py",
}


def _check_packages() -> None:
    """Refuse to go on where a file of the user hides one of our packages.

    Raises:
        ImportError: in one line, what hides what; SystemExit under ``python -m nas``.
    """
    for name, file in PACKAGES.items():
        spec = find_spec(name)
        folders = [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
        if any((folder / file).is_file() for folder in folders):
            continue
        found = spec and (spec.origin or ", ".join(map(str, folders)))
        message = (
            f"nas: {found or 'nothing'} is found as {name!r}, which is the name of one of "
            "nas-engine's packages; rename it, or run from another folder"
        )
        if sys.argv[:1] == ["-m"]:  # ``python -m nas``: bad input, in one line
            print(message, file=sys.stderr)  # noqa: T201
            raise SystemExit(2)
        raise ImportError(message)


def _import_packages() -> None:
    """Import our packages in a worker of a cluster, before any file of the user."""
    for name in PACKAGES:
        import_module(name)


def __getattr__(name: str) -> Any:
    if name not in _SOURCES:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    module, attribute = _SOURCES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


_check_packages()

"""nas-engine: training-aware neural architecture search, as a library.

Everything that a script or notebook needs is here (docs/python.md explains it)::

    import nas

    run = nas.search("path/to/folder", budget=50)
    family = nas.scale(run.best, "M,L")
    trained = nas.train(family["M"], "path/to/folder", "trained")
    nas.evaluate(trained, "path/to/folder")
    nas.export(trained, "model.onnx")

Errors are :class:`UserError`, in one line. Names are imported when they are first used, so that
``import nas`` takes no time.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.api.comparison import proxy
    from nas.api.networks import Trained, bench, evaluate, export, load, scale, train
    from nas.api.reading import published, read_architecture, read_space, write_architecture
    from nas.api.run import Page, Run
    from nas.api.search import resume, search
    from nas.data.given import Data
    from nas.errors import UserError
    from nas.export.loaded import LoadedNetwork
    from nas.training.recipes import PRESETS, Recipe
    from results.architecture_file import ArchitectureFile
    from search_space.architecture import Architecture, Block, Stage
    from search_space.network import Network
    from search_space.operators import OPERATORS
    from search_space.published import PUBLISHED
    from search_space.space import Space
    from search_space.spaces import SPACES

__all__ = [
    "OPERATORS",
    "PRESETS",
    "PUBLISHED",
    "SPACES",
    "Architecture",
    "ArchitectureFile",
    "Block",
    "Data",
    "LoadedNetwork",
    "Network",
    "Page",
    "Recipe",
    "Run",
    "Space",
    "Stage",
    "Trained",
    "UserError",
    "bench",
    "evaluate",
    "export",
    "load",
    "proxy",
    "published",
    "read_architecture",
    "read_space",
    "resume",
    "scale",
    "search",
    "train",
    "write_architecture",
]

# The module of each public name.
_MODULES = {
    "nas.api.comparison": ("proxy",),
    "nas.api.networks": ("Trained", "bench", "evaluate", "export", "load", "scale", "train"),
    "nas.api.reading": ("published", "read_architecture", "read_space", "write_architecture"),
    "nas.api.run": ("Page", "Run"),
    "nas.api.search": ("resume", "search"),
    "nas.data.given": ("Data",),
    "nas.errors": ("UserError",),
    "nas.export.loaded": ("LoadedNetwork",),
    "nas.training.recipes": ("PRESETS", "Recipe"),
    "results.architecture_file": ("ArchitectureFile",),
    "search_space.architecture": ("Architecture", "Block", "Stage"),
    "search_space.network": ("Network",),
    "search_space.operators": ("OPERATORS",),
    "search_space.published": ("PUBLISHED",),
    "search_space.space": ("Space",),
    "search_space.spaces": ("SPACES",),
}
_SOURCES = {name: module for module, names in _MODULES.items() for name in names}

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
    return getattr(import_module(_SOURCES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


_check_packages()

"""Import what the user names in a command: modules by ``--import``, things by ``module:attribute``.

Nothing that a file holds is imported: a file from elsewhere must not run code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from nas import PACKAGES
from nas.errors import UserError, nearest_first
from search_space.bounds import shown
from search_space.named import FORM, is_module_name, is_reference, lookup, module_of

OURS = (*PACKAGES, "nas")


def import_modules(names: tuple[str, ...], option: str = "--import") -> None:
    """Import these modules; raise UserError, which names the option, for one that cannot be."""
    for name in names:
        if not is_module_name(name):
            raise UserError(f"{option}: got {name!r}, must be a module, such as package.module")
        _import(name, f"{option}: got {name!r}")


def import_named(text: str, option: str) -> None:
    """Import the module of a text that the user typed, if it is a reference to a thing in one.

    Raises:
        UserError: the module cannot be imported, or has no such attribute.
    """
    if not is_reference(text):
        return
    _import(module_of(text), f"{option}: got {text!r}")
    try:
        lookup(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def check_reference(name: str, ours: Iterable[str], may_be: str) -> None:
    """Check that a name that is none of ours has the form ``package.module:attribute``.

    Raises:
        ValueError: it has not; the message names ours, the nearest first, and what else it may be.
    """
    if not is_reference(name):
        names = ", ".join(nearest_first(name, ours))
        raise ValueError(f"got {shown(name)}, must be one of {names}, or {may_be}")


def sources_of(functions: Iterable[object]) -> list[str]:
    """Return the folders and files of the modules that functions of the user's own are from.

    They are those of whole packages. Left out are modules that are installed, which every machine
    of a cluster must have, and the main script, whose functions travel by themselves.
    """
    names = {getattr(function, "__module__", "").partition(".")[0] for function in functions}
    found = set()
    for name in names - {"__main__", *OURS}:
        module = sys.modules.get(name)
        folders = list(getattr(module, "__path__", ()))
        file = folders[0] if len(folders) == 1 else getattr(module, "__file__", None)
        if file and not {"site-packages", "dist-packages"} & set(Path(file).parts):
            found.add(str(file))
    return sorted(found)


def _import(name: str, given: str) -> None:
    """Import a module that is installed, on Python's path, or in the working directory."""
    here = str(Path.cwd())
    is_added = not {here, ""} & set(sys.path)
    if is_added:
        sys.path.append(here)  # last: no file there may hide a module of others
    try:
        import_module(name)
    except Exception as error:  # of any type, as it runs the user's code
        if is_added:
            sys.path.remove(here)
        if isinstance(error, ModuleNotFoundError) and error.name in _with_parents(name):
            why = "no such module is installed, in PYTHONPATH, or in this folder"
        else:
            why = f"which cannot be imported ({type(error).__name__}: {_one_line(error)})"
        raise UserError(f"{given}, {why}, must be {_may_be(given)}") from error


def _may_be(given: str) -> str:
    return "a module, such as package.module" if given.startswith("--import") else FORM


def _with_parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[: i + 1]) for i in range(len(parts))}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

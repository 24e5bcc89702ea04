"""Packages of ours that are functions too: ``nas.search`` is one, and ``nas.search(...)`` works.

A notebook calls ``nas.search``, ``nas.proxy``, ``nas.scale``, ``nas.bench`` and ``nas.export``.
Python binds these names to the packages of the same names as soon as one of their modules is
imported.
"""

from __future__ import annotations

import sys
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import Any

# The package, and the module of the function of the same name.
_FUNCTIONS = {
    "nas.bench": "nas.api.networks",
    "nas.export": "nas.api.networks",
    "nas.proxy": "nas.api.comparison",
    "nas.scale": "nas.api.networks",
    "nas.search": "nas.api.search",
}


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._function()(*arguments, **options)

    @property
    def __signature__(self) -> Signature:
        return signature(self._function())

    def __reduce__(self) -> tuple[Any, ...]:
        return import_module, (self.__name__,)  # a function can be pickled

    def _function(self) -> Any:
        return getattr(import_module(_FUNCTIONS[self.__name__]), self.__name__.rpartition(".")[2])


def make_callable(package: str) -> None:
    """Let a package be called as the library's function of its name."""
    sys.modules[package].__class__ = _CallablePackage

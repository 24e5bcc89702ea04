"""Things of the user's own, named by ``package.module:attribute``.

Such a name stands wherever a name of ours may: for an operator, a metric, a reward, a recipe, a
sampler, a space or data. Files hold these names too, so nothing here imports a module: a file from
elsewhere must not run code. What the user names in a command is imported by
:mod:`nas.imports`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from search_space.bounds import MOST_NAME, shown

_DOTTED = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_MODULE = re.compile(_DOTTED, re.ASCII)
_REFERENCE = re.compile(rf"{_DOTTED}:{_DOTTED}", re.ASCII)

FORM = "package.module:attribute"


class NotImported(ValueError):
    """The module of a name is not imported; the message is one line that says what to do."""


def is_reference(text: str) -> bool:
    """Return whether the text has the form ``package.module:attribute``."""
    return len(text) <= MOST_NAME and _REFERENCE.fullmatch(text) is not None


def is_module_name(text: str) -> bool:
    """Return whether the text has the form ``package.module``."""
    return len(text) <= MOST_NAME and _MODULE.fullmatch(text) is not None


def module_of(reference: str) -> str:
    """Return the name of the module of a reference."""
    return reference.partition(":")[0]


def short_name(text: str) -> str:
    """Return a name without its module, for people: ``block`` of ``package.module:block``."""
    return text.rpartition(":")[2]


def lookup(reference: str) -> Any:
    """Return what a reference names, in a module that this process has imported.

    Raises:
        NotImported: it has not.
        ValueError: the module has no such attribute, or the text is no reference.
    """
    module, _, attribute = reference.partition(":")
    if not is_reference(reference):
        raise ValueError(f"got {shown(reference)}, must be of the form {FORM}")
    if module.partition(".")[0] in sys.stdlib_module_names:  # os:abort is imported in any process
        raise ValueError(f"got {shown(reference)}, but {module} is of Python's own library")
    if module not in sys.modules:
        raise NotImported(
            f"got {shown(reference)}, whose module is not imported: name it by --import {module}, "
            f"or in Python import {module} before"
        )
    try:
        return attrgetter(attribute)(sys.modules[module])
    except AttributeError:
        raise ValueError(
            f"got {shown(reference)}, but the module {module} has no {attribute}"
        ) from None


def lookup_function(reference: str) -> Callable[..., Any]:
    """Return the function that a reference names; raise as :func:`lookup`."""
    found = lookup(reference)
    if not callable(found):
        raise ValueError(f"got {shown(reference)}, which is no function")
    function: Callable[..., Any] = found
    return function

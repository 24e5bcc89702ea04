"""Checks of the options that a program gives, with the bounds of the command line's options."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from nas.errors import UserError, nearest_first
from search_space.bounds import OutOfBounds, shown, text, whole

_MOST = 2**31 - 1
_MOST_COUNT = 10**15  # of parameters and bytes

WHOLE: Mapping[str, tuple[int, ...]] = {
    "baseline": (0,),
    "batch_size": (2,),
    "budget": (1,),
    "confirm": (1,),
    "confirm_epochs": (1,),
    "confirm_seeds": (1,),
    "data_size": (4, 4096),
    "epochs": (1,),
    "full_epochs": (1,),
    "full_size": (4, 4096),
    "image_size": (4, 4096),
    "max_failures": (1,),
    "max_memory": (1, _MOST_COUNT),
    "max_params": (1, _MOST_COUNT),
    "micro_batch": (2,),
    "min_per_class": (1,),
    "networks": (4,),  # that tau is known of
    "patience": (1,),  # of a training, in epochs
    "repeats": (0,),
    "seed": (0,),
    "validate_every": (1,),  # epochs
    "workers": (1,),
}
"""The least value of whole numbers by the option's name, and the largest if not 2**31 - 1; the
command line takes them from here."""
_ABOVE_0 = ("batch_growth", "hours", "max_step_time", "precision", "price", "time_cap", "until")
_SHARES = ("data_share",)
_SECONDS = ("time_limit",)
_FLAGS = ("adaptive", "compile", "in_process", "progressive", "random_sizes", "stream")
_NAMES = ("metric", "network", "recipe", "reward", "sampler")
_TEXTS = ("address", "background", "bound", "scheduler", "storage")


def checked(function: str, given: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the options of a function of the library, with numpy's numbers as Python's.

    ``known`` are the names that it takes. None stands for an option that is not given.

    Raises:
        UserError: an option is unknown or out of its bounds; it is named as on the command line.
    """
    unknown = sorted(given.keys() - set(known))
    if unknown:
        near = ", ".join(nearest_first(unknown[0], known))
        raise UserError(f"{function}: got the option {unknown[0]!r}, must be one of {near}")
    return {name: _checked(name, _plain(value)) for name, value in given.items()}


def listed(given: Any) -> Sequence[Any]:
    """Return what was given, one thing or several of them, as a sequence."""
    return given if isinstance(given, list | tuple) else [] if given is None else [given]


def path_of(name: str, value: object) -> Path:
    """Return what was given as a path.

    Raises:
        UserError: it is none; ``name`` is named as given wrongly.
    """
    if not isinstance(value, str | os.PathLike):
        raise UserError(f"{name}: got {shown(value)}, must be a path")
    return Path(value)


def _checked(name: str, value: Any) -> Any:
    option = f"--{name.replace('_', '-')}"
    if value is None:
        return None
    try:
        if name in WHOLE:
            least, *most = WHOLE[name]
            return whole(option, value, most[0] if most else _MOST, least)
        if name == "minival":
            value = _minival(option, value)
        if name == "background":
            _check_background(option, value)
        _check_kind(name, option, value)
        return text(option, value) if name in (*_NAMES, *_TEXTS) else value
    except OutOfBounds as error:
        raise UserError(str(error)) from None


def _check_kind(name: str, option: str, value: Any) -> None:
    is_number = _is_number(value)
    for names, is_right, may_be in (
        (_ABOVE_0, is_number and 0 < value < inf, "a number above 0"),
        (_SHARES, is_number and 0 < value <= 1, "a number above 0 and at most 1"),
        (_SECONDS, is_number and 0 <= value < inf, "a number of seconds, 0 or more"),
        (_FLAGS, isinstance(value, bool), "True or False"),
        (_NAMES, isinstance(value, str), "a name, or package.module:attribute for one of yours"),
    ):
        if name in names and not is_right:
            _refuse(option, value, may_be)


def _is_number(value: object) -> bool:
    """Return whether a value is a whole number or a float; False for True."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """Return a number of numpy, or of a tensor without dimensions, as one of Python."""
    is_scalar = getattr(value, "shape", None) == () and hasattr(value, "item")
    return value.item() if is_scalar else value


def _minival(option: str, value: object) -> str:
    from nas.data.minival import parse_minival

    try:
        return parse_minival(str(value)).text
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def _check_background(option: str, value: object) -> None:
    from nas.data.decode import parse_background

    try:
        parse_background(str(value))
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def _refuse(option: str, value: object, may_be: str) -> NoReturn:
    raise UserError(f"{option}: got {shown(value)}, must be {may_be}")

"""What ``nas scale`` is asked for, from what and how large; without torch, so quick to say no."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nas.errors import UserError
from results.architecture_file import ArchitectureFile
from results.scaled_from import COEFFICIENTS, base_from_json
from scaling.families import Family, coefficient_family, family_of
from scaling.scaled import Base
from scaling.sizes import ImageSizes
from search_space.architecture import InvalidArchitecture

_UNITS = {
    "k": ("parameters", 1e3),
    "M": ("parameters", 1e6),
    "G": ("multiply-adds", 1e9),
    "x": ("step time", 1.0),
}


@dataclass(frozen=True)
class Target:
    """What a member is to come closest under; ``text`` is as the user put it."""

    text: str
    quantity: str  # parameters, multiply-adds or step time
    amount: float


def parse(text: str, family: Family) -> str | Target:
    """A size's name in capitals, or a target.

    Raises:
        UserError: neither.
    """
    if text.upper() in family.places:
        return text.upper()
    if text[-1:] in _UNITS:
        quantity, unit = _UNITS[text[-1]]
        try:
            amount = float(text[:-1]) * unit
        except ValueError:
            amount = math.nan
        if math.isfinite(amount) and amount > 0:
            return Target(text, quantity, amount)
    raise UserError(
        f"--to: got {text!r}, must be one of {', '.join(family.places)} (the family of "
        f"{family.base.name}), several with commas, or a target such as 50M, 300k, 8G or 2.0x"
    )


def family_from(file: ArchitectureFile) -> Family:
    """The family that the file's network belongs to: by its own coefficients, if it has any."""
    base, own = base_of(file), file.provenance.get("coefficients")
    if own is None:
        return family_of(base)
    try:
        return coefficient_family(base, *(float(own[name]) for name in COEFFICIENTS))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"--from: {file.name}: got coefficients that cannot be read ({error!r}), "
            "must be as nas scale --fit writes them"
        ) from error


def base_of(file: ArchitectureFile) -> Base:
    """What the file was scaled from, so that a scaled network stays in its family; else itself."""
    parent = file.provenance.get("parent")
    if parent is None:
        return Base(file.name, file.architecture, ImageSizes(file.train_size, file.eval_size))
    try:
        return base_from_json(parent)
    except (KeyError, TypeError, ValueError, InvalidArchitecture) as error:
        raise UserError(
            f"--from: {file.name}: got a parent that cannot be read ({error!r}), "
            "must be as nas scale writes it"
        ) from error

"""Larger and smaller networks, by size, target or factors, as files; torch only to count."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from nas.bench.measure import MeasurementRequest, SizedArchitecture, measure_in_subprocess
from nas.errors import UserError
from nas.versions import versions
from results.architecture_file import COEFFICIENTS, ArchitectureFile, base_from_json, base_json
from results.files import step_time_json
from reward.step_time.measurement import StepTime, normalized
from scaling.compound import Multipliers
from scaling.families import (
    Family,
    OutOfReach,
    by_factors,
    closest_under,
    coefficient_family,
    family_of,
    sml_parameters,
)
from scaling.regularization import regularization
from scaling.scaled import Base, ImageSizes, Scaled
from search_space import bounds
from search_space.architecture import Architecture, InvalidArchitecture
from search_space.published import PUBLISHED, published

# Steps of the bisection. Measuring a step time takes seconds or more and is accurate to a few per
# cent only, so that more steps would not help.
_HALVINGS = {"parameters": 16, "multiply-adds": 12, "step time": 7}

# The quantity and the factor that the unit of a target stands for.
_UNITS = {
    "k": ("parameters", 1e3),
    "M": ("parameters", 1e6),
    "G": ("multiply-adds", 1e9),
    "x": ("step time", 1.0),
}


# By letter, the dimension that a factor multiplies, such as w2.0 or d1.4w1.2r1.3.
_DIMENSIONS = {"w": "width", "d": "depth", "r": "resolution"}
_FACTOR = re.compile(r"([wdr])(\d{1,6}(?:\.\d{1,6})?)")


@dataclass(frozen=True)
class Factors:
    """Factors on width, depth and resolution; ``text`` is the user's."""

    text: str
    multipliers: Multipliers


@dataclass(frozen=True)
class Target:
    """The largest amount of a quantity that a member may have; ``text`` is the user's."""

    text: str
    quantity: str  # parameters, multiply-adds or step time
    amount: float


Size = str | Target | Factors
"""What ``--to`` asks for: the name of a member in capitals, a target, or factors."""


def parse_size(text: str, family: Family) -> Size:
    """Return the size that a text asks for.

    Raises:
        UserError: it is none that the family has, and neither a target nor factors.
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
    multipliers = _parse_factors(text.lower())
    if multipliers is not None:
        return Factors(text, multipliers)
    raise UserError(
        f"--to: got {text!r}, must be one of {', '.join(family.places)} (the family of "
        f"{family.base.name}), several with commas, a target such as 50M, 300k, 8G or 2.0x, or "
        "factors on width, depth or resolution such as w2.0, d2.0 or r1.5"
    )


def _parse_factors(text: str) -> Multipliers | None:
    """Return the factors of a text such as ``w2.0`` or ``d1.4w1.2r1.3``; None for any other."""
    found = _FACTOR.findall(text)
    factors = {_DIMENSIONS[letter]: float(number) for letter, number in found}
    is_whole = "".join(map("".join, found)) == text and len(factors) == len(found)
    if not factors or not is_whole or not all(factors.values()):
        return None
    return Multipliers(**factors)


def family_from(file: ArchitectureFile) -> Family:
    """Return the family of the file's network, by the file's own coefficients if it has any.

    Raises:
        UserError: the file's coefficients or its parent cannot be read.
    """
    base, coefficients = base_of(file), file.provenance.get("coefficients")
    if coefficients is None:
        return family_of(base)
    most = bounds.MOST_COEFFICIENT
    try:
        values = (bounds.real(name, coefficients[name], most, 1) for name in COEFFICIENTS)
        return coefficient_family(base, *values)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"--from: {file.name}: got coefficients that cannot be read ({error!r}), "
            "must be as nas scale --fit writes them"
        ) from error


def base_of(file: ArchitectureFile) -> Base:
    """Return the network that the file was scaled from, or its own if it was not scaled.

    A scaled network so stays in the family of its parent.

    Raises:
        UserError: the file's parent cannot be read.
    """
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


class Members:
    """Makes networks scaled from a file's, with their counts for the file's own task."""

    def __init__(self, file: ArchitectureFile, family: Family) -> None:
        self._file = file
        self._task = file.task
        self._family = family
        self._parameters = cache(self._count_parameters)
        self._step_time = cache(self._measure_step)

    def sized(self, size: Size) -> ArchitectureFile:
        """Return the network of a size.

        Raises:
            UserError: the family does not reach the target, or the network would be too large.
        """
        if isinstance(size, Target):
            return self.closest(size)
        return self.named(size) if isinstance(size, str) else self.by_factors(size)

    def by_factors(self, factors: Factors) -> ArchitectureFile:
        """Return the file's network with its width, depth and resolution multiplied."""
        file, family = self._file, self._family
        base = Base(file.name, file.architecture, ImageSizes(file.train_size, file.eval_size))
        with self._within_bounds(factors.text):
            member = by_factors(base, factors.multipliers, family.rounding, family.progressive_size)
            return self._to_file(member, factors.text)

    def named(self, name: str) -> ArchitectureFile:
        """Return the member of a name, which is one of the family's ``places``."""
        with self._within_bounds(name):
            return self._to_file(self._family.member(self._family.places[name]), name)

    def closest(self, target: Target) -> ArchitectureFile:
        """Return the largest member that does not exceed the target.

        Raises:
            UserError: the family does not reach the target.
        """
        measures: dict[str, Callable[[Scaled], float]] = {
            "parameters": lambda member: self._parameters(member.architecture),
            "multiply-adds": self._multiply_adds,
            "step time": lambda member: normalized(self._step_time(_sized(member))),
        }
        quantity = target.quantity
        try:
            with self._within_bounds(target.text):
                member = closest_under(
                    self._family, measures[quantity], target.amount, _HALVINGS[quantity]
                )
        except OutOfReach as error:
            raise UserError(
                f"--to: got {target.text}, must be from {_amount(error.low, quantity)} to "
                f"{_amount(error.high, quantity)}, which the family of {self._family.base.name} "
                f"reaches in {quantity}"
            ) from error
        measured = self._step_time(_sized(member)) if quantity == "step time" else None
        with self._within_bounds(target.text):
            return self._to_file(member, target.text, measured)

    @contextmanager
    def _within_bounds(self, to: str) -> Iterator[None]:
        """Turn the error of a network that is larger than any may be into UserError."""
        try:
            yield
        except (InvalidArchitecture, bounds.OutOfBounds) as error:
            raise UserError(
                f"--to: got {to}, but this is beyond what a network may be ({error})"
            ) from error

    def _to_file(
        self, member: Scaled, to: str, measured: StepTime | None = None
    ) -> ArchitectureFile:
        count = self._parameters(member.architecture)
        settings = regularization(
            member.sizes,
            member.architecture.stride,
            count,
            sml_parameters(self._parameters, self._family),
            member.dropout,
            member.progressive_size,
        )
        return ArchitectureFile(
            name=_name(member, to),
            architecture=member.architecture,
            train_size=member.sizes.train,
            eval_size=member.sizes.eval,
            task=self._task,
            parameters=count,
            multiply_adds=self._multiply_adds(member),
            measurements=_measurements(measured) if measured else {},
            provenance=self._provenance(member, to),
            training=settings.to_json(),
        )

    def _multiply_adds(self, member: Scaled) -> int:
        from reward.complexity import architecture_complexity

        try:
            count = architecture_complexity(member.architecture, self._task, member.sizes.eval)
        except ValueError as error:
            raise UserError(f"--from: {error}") from error
        return count.multiply_adds

    def _count_parameters(self, architecture: Architecture) -> int:
        from reward.complexity import count_parameters

        try:
            return count_parameters(architecture, self._task)
        except ValueError as error:
            raise UserError(f"--from: {error}") from error

    def _measure_step(self, network: SizedArchitecture) -> StepTime:
        reference = SizedArchitecture(self._file.architecture, self._file.train_size)
        request = MeasurementRequest(network, reference, self._task)
        return measure_in_subprocess(request).step_time

    def _provenance(self, member: Scaled, to: str) -> dict[str, Any]:
        made_with = versions()
        parent, coefficients = member.parent, self._family.coefficients
        origin = self._file.provenance if self._file.architecture == parent.architecture else {}
        return {
            "rule": member.rule,
            "to": to,
            **(
                {"place": member.place}
                if member.factors is None
                else {"factors": dict(member.factors)}
            ),
            **({"coefficients": dict(coefficients)} if coefficients else {}),
            "parent": base_json(parent, origin),
            "git_commit": made_with.pop("git_commit", None),
            "versions": made_with,
        }


def _amount(amount: float, quantity: str) -> str:
    return f"{amount:.2f}x" if quantity == "step time" else f"{amount:,.0f}"


def _name(member: Scaled, to: str) -> str:
    """Return the published name of the network, or else such as ``base-to-m``."""
    for name in PUBLISHED:
        network = published(name)
        is_published_size = member.sizes == ImageSizes(network.train_size, network.eval_size)
        if network.architecture == member.architecture and (
            is_published_size or member.factors is None
        ):
            return name
    return f"{member.parent.name}-to-{to.lower()}"


def _sized(member: Scaled) -> SizedArchitecture:
    return SizedArchitecture(member.architecture, member.sizes.train)


def _measurements(measured: StepTime) -> dict[str, Any]:
    return {**step_time_json(measured), "image_size": measured.image_size}

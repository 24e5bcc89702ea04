"""The reward of a candidate, from accuracy, step time and parameters, in several forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Self

from search_space.bounds import LEAST_TARGET, MOST_EXPONENT, MOST_TARGET, shown
from search_space.named import is_reference, lookup_function


@dataclass(frozen=True)
class Objective:
    """The weighted product A * S^w * P^v, by default with EfficientNetV2's exponents (section 3.3).

    With these, doubling the step time costs 4.7 % of the reward and doubling the parameters 3.4 %.
    The subclasses have other forms. Each form rises with the accuracy, and each but :class:`Own` is
    affine in it.
    """

    step_time_exponent: float = -0.07
    parameters_exponent: float = -0.05

    def __call__(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """Return the reward of an accuracy in [0, 1] with S/S0 and P/P0, both above 0.

        S0 and P0 belong to the space's backbone on the same device. The paper does not publish its
        normalisation; any other one would multiply all rewards of a product by one factor.
        """
        time_factor: float = normalized_step_time**self.step_time_exponent
        size_factor: float = normalized_parameters**self.parameters_exponent
        return accuracy * time_factor * size_factor

    def relative_to(self, reference_step_time_s: float) -> Self:
        """Return the objective for a backbone whose step takes this time: here the same."""
        return self

    def slope(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """Return the reward's rise with the accuracy, at an accuracy in [0, 1]."""
        cost = normalized_step_time, normalized_parameters
        return self(1.0, *cost) - self(0.0, *cost)

    def to_json(self) -> dict[str, object]:
        """Return the form and its numbers in JSON types."""
        return {
            "form": "product",
            "numbers": {"w": self.step_time_exponent, "v": self.parameters_exponent},
            "is_in_seconds": False,
        }

    @property
    def formula(self) -> str:
        """The formula in one line, for people."""
        return (
            f"accuracy * (S/S0)^{self.step_time_exponent:g} * (P/P0)^{self.parameters_exponent:g}"
        )


@dataclass(frozen=True, kw_only=True)
class Targeted(Objective):
    """A reward with a target step time T and without parameters.

    ``target`` is relative to the backbone's step, as S/S0 is, or in seconds.
    """

    target: float
    is_in_seconds: bool = False

    def relative_to(self, reference_step_time_s: float) -> Self:
        """Return the objective with a target in seconds converted to a multiple of the step S0."""
        if not self.is_in_seconds:
            return self
        return replace(self, target=self.target / reference_step_time_s, is_in_seconds=False)

    def _ratio(self, normalized_step_time: float) -> float:
        """Return S/T."""
        if self.is_in_seconds:
            raise ValueError("target: is in seconds, must be converted by relative_to() first")
        return normalized_step_time / self.target

    @property
    def _target_text(self) -> str:
        return f"{self.target:g} s" if self.is_in_seconds else f"{self.target:g} S0"


@dataclass(frozen=True, kw_only=True)
class TargetPower(Targeted):
    """MnasNet's A * (S/T)^w, w = alpha up to the target and beta above it (1807.11626, eq. 2, 3).

    The soft form, alpha = beta = -0.07, also rewards being faster than the target. In the hard
    form, alpha = 0 and beta = -1, the reward is the accuracy up to the target, and half the
    accuracy at twice the target.
    """

    alpha: float
    beta: float

    def __call__(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """Return the reward of an accuracy in [0, 1] with S/S0, above 0; parameters are ignored."""
        ratio = self._ratio(normalized_step_time)
        factor: float = ratio ** (self.alpha if ratio <= 1 else self.beta)
        return accuracy * factor

    def to_json(self) -> dict[str, object]:
        """Return the form and its numbers in JSON types."""
        numbers = {"T": self.target, "alpha": self.alpha, "beta": self.beta}
        return {"form": "power", "numbers": numbers, "is_in_seconds": self.is_in_seconds}

    @property
    def formula(self) -> str:
        """The formula in one line, for people."""
        return (
            f"accuracy * (S/T)^w, w = {self.alpha:g} up to T, {self.beta:g} above; "
            f"T = {self._target_text}"
        )


@dataclass(frozen=True, kw_only=True)
class Absolute(Targeted):
    """TuNAS's A + beta * abs(S/T - 1), beta below 0 (2008.06120, section 3).

    The reward falls on both sides of the target, so faster than T costs too. It can be negative.
    """

    beta: float

    def __call__(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """Return the reward of an accuracy in [0, 1] with S/S0, above 0; parameters are ignored."""
        return accuracy + self.beta * abs(self._ratio(normalized_step_time) - 1)

    def to_json(self) -> dict[str, object]:
        """Return the form and its numbers in JSON types."""
        numbers = {"T": self.target, "beta": self.beta}
        return {"form": "absolute", "numbers": numbers, "is_in_seconds": self.is_in_seconds}

    @property
    def formula(self) -> str:
        """The formula in one line, for people."""
        return f"accuracy + {self.beta:g} * abs(S/T - 1); T = {self._target_text}"


_NEAR = 0.01  # a difference in accuracy, for the slope of a reward that is not affine
_ACCURACIES, _RATIOS = (0.05, 0.35, 0.65, 0.95), (0.5, 1.0, 2.0)  # at which one is tried


@dataclass(frozen=True, kw_only=True)
class Own(Objective):
    """A function of the user's own, of accuracy, S/S0 and P/P0, by its name ``module:function``.

    It returns a finite number that rises with the accuracy. Its module must be imported.
    """

    name: str

    def __call__(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """Return the reward of an accuracy in [0, 1] with S/S0 and P/P0, both above 0.

        Raises:
            ValueError: the function failed, or returned no finite number.
        """
        function = lookup_function(self.name)
        try:
            value = float(function(accuracy, normalized_step_time, normalized_parameters))
        except Exception as error:  # of any type, as it is the user's
            raise ValueError(f"{self.name}: {type(error).__name__}: {error}") from error
        if not math.isfinite(value):
            raise ValueError(
                f"{self.name}: got {value} for accuracy {accuracy:g}, S/S0 "
                f"{normalized_step_time:g} and P/P0 {normalized_parameters:g}, must be finite"
            )
        return value

    def slope(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """Return the reward's rise with the accuracy, near an accuracy in [0, 1]."""
        low, high = max(0.0, accuracy - _NEAR), min(1.0, accuracy + _NEAR)
        cost = normalized_step_time, normalized_parameters
        return (self(high, *cost) - self(low, *cost)) / (high - low)

    def check(self) -> None:
        """Raise ValueError if the function fails, or does not rise with the accuracy, at some."""
        for cost in product(_RATIOS, _RATIOS):
            for low, high in pairwise(_ACCURACIES):
                if not self(low, *cost) < self(high, *cost):
                    raise ValueError(
                        f"{self.name}: got {self(low, *cost):g} for accuracy {low:g} and "
                        f"{self(high, *cost):g} for {high:g}, must rise with the accuracy"
                    )

    def to_json(self) -> dict[str, object]:
        """Return the form and its name in JSON types; it has no numbers."""
        return {"form": "own", "numbers": {}, "is_in_seconds": False, "name": self.name}

    @property
    def formula(self) -> str:
        """The formula in one line, for people."""
        return f"{self.name}(accuracy, S/S0, P/P0)"


FORMS = "product[:w=-0.07,v=-0.05], soft:T=.., hard:T=.. or absolute:T=..[,beta=-0.07]"

# The numbers of each form with their defaults; T has none.
_DEFAULTS: dict[str, dict[str, float | None]] = {
    "product": {"w": -0.07, "v": -0.05},
    "soft": {"T": None, "alpha": -0.07, "beta": -0.07},
    "hard": {"T": None, "alpha": 0.0, "beta": -1.0},
    # MnasNet's soft slope at the target; TuNAS chooses it for each space.
    "absolute": {"T": None, "beta": -0.07},
}


def is_own(text: str) -> bool:
    """Return whether the text names a function of the user's own, and not one of our forms."""
    return is_reference(text) and text.partition(":")[0] not in _DEFAULTS


def parse_reward(text: str) -> Objective:
    """Return the objective that a text names, such as ``product:w=-0.1`` or ``hard:T=1.2``.

    ``T`` is relative to the backbone's step, or in seconds as in ``T=0.05s``. Any other
    ``package.module:attribute`` names a function of the user's own.

    Raises:
        ValueError: the text names none; the message is one line.
        NotImported: the module of a function is not imported.
    """
    name, _, rest = text.partition(":")
    if is_own(text):
        own = Own(name=text)
        own.check()
        return own
    if name not in _DEFAULTS:
        raise ValueError(f"got {shown(text)}, must be {FORMS} or package.module:attribute")
    numbers = dict(_DEFAULTS[name])
    is_in_seconds = False
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if key not in numbers:
            raise ValueError(f"got {part!r} in {text!r}, must be one of {', '.join(numbers)}")
        if key == "T" and value.endswith("s"):
            value, is_in_seconds = value[:-1], True
        numbers[key] = _number(key, value, text)
    given = {key: value for key, value in numbers.items() if value is not None}
    if len(given) < len(numbers):
        raise ValueError(
            f"got {text!r}, must have a target, such as {name}:T=1.2 or {name}:T=0.05s"
        )
    return _MAKE[name](given, is_in_seconds)


def _number(key: str, value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    low, high = (LEAST_TARGET, MOST_TARGET) if key == "T" else (-MOST_EXPONENT, 0.0)
    if not low <= number <= high:
        raise ValueError(
            f"got {key}={value} in {shown(text)}, must be a number from {low:g} to {high:g}"
        )
    return number


def _power(numbers: dict[str, float], is_in_seconds: bool) -> Objective:
    return TargetPower(
        target=numbers["T"],
        is_in_seconds=is_in_seconds,
        alpha=numbers["alpha"],
        beta=numbers["beta"],
    )


_MAKE: dict[str, Callable[[dict[str, float], bool], Objective]] = {
    "product": lambda numbers, _: Objective(numbers["w"], numbers["v"]),
    "soft": _power,
    "hard": _power,
    "absolute": lambda numbers, is_in_seconds: Absolute(
        target=numbers["T"], is_in_seconds=is_in_seconds, beta=numbers["beta"]
    ),
}

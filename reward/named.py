"""``--reward``: the forms by name, with their numbers, such as ``hard:T=1.2``."""

from __future__ import annotations

import math
from collections.abc import Callable

from reward.objective import Absolute, Objective, TargetPower

FORMS = "product[:w=-0.07,v=-0.05], soft:T=.., hard:T=.. or absolute:T=..[,beta=-0.07]"

# The numbers of each form with what they are if left out; T has no such value.
_DEFAULTS: dict[str, dict[str, float | None]] = {
    "product": {"w": -0.07, "v": -0.05},
    "soft": {"T": None, "alpha": -0.07, "beta": -0.07},
    "hard": {"T": None, "alpha": 0.0, "beta": -1.0},
    # MnasNet's soft slope at the target; TuNAS chooses it for each space.
    "absolute": {"T": None, "beta": -0.07},
}


def parse_reward(text: str) -> Objective:
    """The reward that a text names; ``T`` in backbone's steps, or in seconds as in ``T=0.05s``.

    Raises:
        ValueError: not such a text, in one line.
    """
    name, _, rest = text.partition(":")
    if name not in _DEFAULTS:
        raise ValueError(f"got {text!r}, must be {FORMS}")
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
        raise ValueError(f"got {text!r}, must say the target, such as {name}:T=1.2 or T=0.05s")
    return _MAKE[name](given, is_in_seconds)


def _number(key: str, value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    is_valid = number > 0 if key == "T" else number <= 0
    if not (math.isfinite(number) and is_valid):
        may_be = "above 0" if key == "T" else "0 or below"
        raise ValueError(f"got {key}={value} in {text!r}, must be a number {may_be}")
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

"""The options of each stage of a search space, and the checks that make them a valid space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from search_space import bounds
from search_space.architecture import InvalidArchitecture, Stage

Option = str | int | float

# Only MBConv has squeeze-and-excitation, as in EfficientNetV2, Table 4.
SE_RATIO: Mapping[str, float] = {"mbconv": 0.25}


class InvalidSpace(ValueError):
    """The choices form no valid space; the message names the place, the value and valid ones."""


ALWAYS = ("operator", "layers", "kernel", "expansion")
"""The choices that every stage has; the others it may have."""


@dataclass(frozen=True)
class StageChoices:
    """The options of one stage. 0 ``layers`` leave it out, which needs a stride of 1.

    The last three are choices only where they have options. A stage without ``se_ratio`` has that
    of its operator (:class:`search_space.space.Space`); one without ``channels`` or ``activation``
    has the backbone's.
    """

    operator: tuple[str, ...]
    layers: tuple[int, ...]
    kernel: tuple[int, ...]
    expansion: tuple[int, ...]
    se_ratio: tuple[float, ...] = ()
    channels: tuple[int, ...] = ()
    activation: tuple[str, ...] = ()

    def options(self) -> dict[str, tuple[Option, ...]]:
        """Return the options of each choice by its name, in the order of a point."""
        return {name: options for name, options in vars(self).items() if options or name in ALWAYS}

    @property
    def size(self) -> int:
        """The number of different stages; all points without the stage count as one."""
        kept = sum(count > 0 for count in self.layers)
        forms = math.prod(
            len(options) for name, options in self.options().items() if name != "layers"
        )
        return kept * forms + (kept < len(self.layers))


def check(
    stages: tuple[Stage, ...],
    choices: tuple[StageChoices, ...],
    se_ratio: Mapping[str, float],
) -> None:
    """Check that the choices fit the stages of a backbone.

    Raises:
        InvalidSpace: they do not fit.
    """
    if len(choices) != len(stages):
        raise InvalidSpace(
            f"stages: got choices for {len(choices)}, must be the backbone's {len(stages)}"
        )
    for i, (stage, stage_choices) in enumerate(zip(stages, choices, strict=True), 1):
        _check_choices(i, stage, stage_choices, se_ratio)
    if all(0 in stage_choices.layers for stage_choices in choices):
        raise InvalidSpace("stages: got 0 layers in each, must have a stage without 0")
    _check_unambiguous(stages, choices)
    _check_se_ratio(se_ratio, choices)


def _check_choices(
    i: int, stage: Stage, choices: StageChoices, se_ratio: Mapping[str, float]
) -> None:
    where = f"stage {i}"
    for name, options in choices.options().items():
        _check_count(f"{where}: {name}", options)
    for operator in choices.operator:
        _check_option(where, stage, operator=operator, se_ratio=se_ratio.get(operator, 0.0))
    for name, options in choices.options().items():
        for option in options if name != "operator" else ():
            if name != "layers" or option != 0 or isinstance(option, bool):
                _check_option(where, stage, **{name: option})
    _check_layers(where, stage, choices)


def _check_count(where: str, options: tuple[Option, ...]) -> None:
    """Check that there are options, but not too many, and that they differ."""
    if not options or len(set(options)) != len(options):
        raise InvalidSpace(
            f"{where}: got {bounds.shown(options)}, must be one or more different values"
        )
    if len(options) > bounds.MOST_OPTIONS:
        raise InvalidSpace(
            f"{where}: got {len(options):,} values, must be {bounds.MOST_OPTIONS} or fewer"
        )


def _check_layers(where: str, stage: Stage, choices: StageChoices) -> None:
    if max(choices.layers) == 0:
        raise InvalidSpace(f"{where}: layers: got {choices.layers}, must allow 1 or more")
    if 0 in choices.layers and stage.stride != 1:
        raise InvalidSpace(
            f"{where}: layers: got 0 at stride {stage.stride}, must be 1 or more: "
            "only a stage of stride 1 may be left out"
        )
    if choices.size > bounds.MOST_STAGE_FORMS:
        raise InvalidSpace(
            f"{where}: got {choices.size:,} different stages to choose from, "
            f"must be {bounds.MOST_STAGE_FORMS:,} or fewer"
        )


def _check_option(where: str, stage: Stage, **option: Any) -> None:
    try:
        replace(stage, **option)
    except InvalidArchitecture as error:
        raise InvalidSpace(f"{where}: {error}") from None


def _check_unambiguous(stages: tuple[Stage, ...], choices: tuple[StageChoices, ...]) -> None:
    """Check that an architecture shows which stages are left out, as each is to be one point."""
    numbered = enumerate(zip(stages, choices, strict=True), 1)
    for (i, (stage, own)), (_, (other, its_choices)) in permutations(numbered, 2):
        shared = set(widths(stage, own)) & set(widths(other, its_choices))
        if 0 in own.layers and other.stride == stage.stride and shared:
            raise InvalidSpace(
                f"stage {i}: layers: got 0, but another stage also has {min(shared)} channels at "
                "stride 1; a stage may be left out only if no other has its channels and stride"
            )


def widths(stage: Stage, choices: StageChoices) -> tuple[int, ...]:
    """Return the channels that a stage of a space may have; ``stage`` is the backbone's."""
    return choices.channels or (stage.channels,)


def _check_se_ratio(se_ratio: Mapping[str, float], choices: tuple[StageChoices, ...]) -> None:
    known = {name for stage_choices in choices for name in stage_choices.operator} | set(SE_RATIO)
    for operator in se_ratio:
        if operator not in known:
            raise InvalidSpace(f"se_ratio: got {operator!r}, must be one of {sorted(known)}")

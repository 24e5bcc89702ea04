"""The options of each stage of a search space, and the checks that make them a valid space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from search_space import bounds
from search_space.architecture import InvalidArchitecture, Stage

Option = str | int | float

# Only MBConv has squeeze-and-excitation, as in EfficientNetV2, Table 4.
SE_RATIO: Mapping[str, float] = {"mbconv": 0.25}


class InvalidSpace(ValueError):
    """The choices form no valid space; the message names the place, the value and valid ones."""


@dataclass(frozen=True)
class StageChoices:
    """The options of one stage. 0 ``layers`` leave it out, which needs a stride of 1."""

    operator: tuple[str, ...]
    layers: tuple[int, ...]
    kernel: tuple[int, ...]
    expansion: tuple[int, ...]

    def options(self) -> dict[str, tuple[Option, ...]]:
        """Return the options of each choice by its name, in the order of a point."""
        return dict(vars(self))

    @property
    def size(self) -> int:
        """The number of different stages; all points without the stage count as one."""
        kept = sum(count > 0 for count in self.layers)
        forms = len(self.operator) * len(self.kernel) * len(self.expansion)
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
        _check_backbone(i, stage, stage_choices, se_ratio)
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
    for name in ("kernel", "expansion", "layers"):
        for option in getattr(choices, name):
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


def _check_backbone(
    i: int, stage: Stage, choices: StageChoices, se_ratio: Mapping[str, float]
) -> None:
    for name, options in choices.options().items():
        value = getattr(stage, name)
        if value not in options:
            raise InvalidSpace(
                f"stage {i}: {name}: got {bounds.shown(options)}, "
                f"must include the backbone's {value!r}"
            )
    se = se_ratio.get(stage.operator, 0.0)
    if se != stage.se_ratio:
        raise InvalidSpace(
            f"stage {i}: se_ratio: got {se} for {stage.operator}, "
            f"must be the backbone's {stage.se_ratio}"
        )


def _check_unambiguous(stages: tuple[Stage, ...], choices: tuple[StageChoices, ...]) -> None:
    """Check that an architecture shows which stages are left out, as each is to be one point."""
    shapes = [(stage.channels, stage.stride) for stage in stages]
    for i, (shape, stage_choices) in enumerate(zip(shapes, choices, strict=True), 1):
        if 0 in stage_choices.layers and shapes.count(shape) > 1:
            raise InvalidSpace(
                f"stage {i}: layers: got 0, but another stage also has {shape[0]} channels at "
                "stride 1; a stage may be left out only if no other has its channels and stride"
            )


def _check_se_ratio(se_ratio: Mapping[str, float], choices: tuple[StageChoices, ...]) -> None:
    known = {name for stage_choices in choices for name in stage_choices.operator} | set(SE_RATIO)
    for operator in se_ratio:
        if operator not in known:
            raise InvalidSpace(f"se_ratio: got {operator!r}, must be one of {sorted(known)}")

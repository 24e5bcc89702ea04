"""What the stages of a space may be, and what makes such choices a space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from search_space.architecture import InvalidArchitecture, Stage

Choice = str | int | float

# Squeeze-and-excitation goes with MBConv alone, as in EfficientNetV2, Table 4.
SE_RATIO: Mapping[str, float] = {"mbconv": 0.25}


class InvalidSpace(ValueError):
    """Choices that make no space; the message names the place, what it was and what it may be."""


@dataclass(frozen=True)
class StageChoices:
    """What one stage may be. ``layers`` may hold 0, the stage left out, where its stride is 1."""

    operator: tuple[str, ...]
    layers: tuple[int, ...]
    kernel: tuple[int, ...]
    expansion: tuple[int, ...]

    def options(self) -> dict[str, tuple[Choice, ...]]:
        """The choices by name, in the order in which a space's choices list them."""
        return dict(vars(self))

    @property
    def size(self) -> int:
        """The number of different stages: those left out are all one."""
        kept = sum(count > 0 for count in self.layers)
        forms = len(self.operator) * len(self.kernel) * len(self.expansion)
        return kept * forms + (kept < len(self.layers))


def check(
    stages: tuple[Stage, ...],
    choices: tuple[StageChoices, ...],
    se_ratio: Mapping[str, float],
) -> None:
    """That the choices suit a backbone's stages.

    Raises:
        InvalidSpace: they do not.
    """
    if len(choices) != len(stages):
        raise InvalidSpace(
            f"stages: got choices for {len(choices)}, must be the backbone's {len(stages)}"
        )
    for i, (stage, own) in enumerate(zip(stages, choices, strict=True), 1):
        _check_choices(i, stage, own, se_ratio)
        _check_backbone(i, stage, own, se_ratio)
    if all(0 in own.layers for own in choices):
        raise InvalidSpace("stages: got 0 layers in each, one stage or more must stay")
    _check_recognizable(stages, choices)
    _check_se_ratio(se_ratio, choices)


def _check_choices(
    i: int, stage: Stage, choices: StageChoices, se_ratio: Mapping[str, float]
) -> None:
    where = f"stage {i}"
    for name, options in choices.options().items():
        if not options or len(set(options)) != len(options):
            raise InvalidSpace(f"{where}: {name}: got {options}, must be different values")
    for operator, kernel, expansion in product(choices.operator, choices.kernel, choices.expansion):
        try:
            se = se_ratio.get(operator, 0.0)
            Stage(operator, kernel, stage.stride, expansion, stage.channels, 1, se)
        except InvalidArchitecture as error:
            raise InvalidSpace(f"{where}: {error}") from None
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in choices.layers):
        raise InvalidSpace(
            f"{where}: layers: got {choices.layers}, must be whole numbers, 0 or more"
        )
    if max(choices.layers) == 0:
        raise InvalidSpace(f"{where}: layers: got {choices.layers}, must allow 1 or more")
    if 0 in choices.layers and stage.stride != 1:
        raise InvalidSpace(
            f"{where}: layers: got 0 at stride {stage.stride}, "
            "only a stage of stride 1 may be left out"
        )


def _check_backbone(
    i: int, stage: Stage, choices: StageChoices, se_ratio: Mapping[str, float]
) -> None:
    for name, options in choices.options().items():
        own = getattr(stage, name)
        if own not in options:
            raise InvalidSpace(
                f"stage {i}: {name}: got {options}, must hold the backbone's own, {own!r}"
            )
    se = se_ratio.get(stage.operator, 0.0)
    if se != stage.se_ratio:
        raise InvalidSpace(
            f"stage {i}: se_ratio: got {se} for {stage.operator}, "
            f"must be the backbone's own, {stage.se_ratio}"
        )


def _check_recognizable(stages: tuple[Stage, ...], choices: tuple[StageChoices, ...]) -> None:
    """Whether a stage is there or left out must show in the architecture, or two would be one."""
    shapes = [(stage.channels, stage.stride) for stage in stages]
    for i, (shape, own) in enumerate(zip(shapes, choices, strict=True), 1):
        if 0 in own.layers and shapes.count(shape) > 1:
            raise InvalidSpace(
                f"stage {i}: layers: got 0, but another stage too has {shape[0]} channels at "
                "stride 1; only one of its own channels may be left out"
            )


def _check_se_ratio(se_ratio: Mapping[str, float], choices: tuple[StageChoices, ...]) -> None:
    known = {operator for own in choices for operator in own.operator} | set(SE_RATIO)
    for operator in se_ratio:
        if operator not in known:
            raise InvalidSpace(f"se_ratio: got {operator!r}, must be one of {sorted(known)}")

"""The stage-factorized search space: a stage's operator, layers, kernel and expansion.

EfficientNetV2, section 3.3: channels and strides are the backbone's and are not searched.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

from search_space.architecture import Architecture, Stage
from search_space.choices import SE_RATIO, Choice, StageChoices, check

Point = dict[str, Choice]


@dataclass(frozen=True)
class Space:
    """All architectures that have the backbone's channels and strides and one choice a stage.

    The backbone is one of them, and is what step time and parameters are measured against.
    """

    name: str
    backbone: Architecture
    choices: tuple[StageChoices, ...]
    se_ratio: Mapping[str, float] = field(default_factory=lambda: dict(SE_RATIO))

    def __post_init__(self) -> None:
        check(self.backbone.stages, self.choices, self.se_ratio)

    @classmethod
    def of_one(cls, name: str, architecture: Architecture) -> Space:
        """The space that holds this architecture alone.

        Raises:
            InvalidSpace: stages of one operator differ in their squeeze ratio.
        """
        choices = (
            StageChoices((own.operator,), (own.layers,), (own.kernel,), (own.expansion,))
            for own in architecture.stages
        )
        ratios = {own.operator: own.se_ratio for own in architecture.stages}
        return cls(name, architecture, tuple(choices), {**dict.fromkeys(SE_RATIO, 0.0), **ratios})

    def options(self) -> dict[str, tuple[Choice, ...]]:
        """Every choice by its point name, such as ``stage2.kernel``: the space as a plain grid."""
        return {
            f"stage{i}.{name}": options
            for i, choices in enumerate(self.choices, 1)
            for name, options in choices.options().items()
        }

    @property
    def grid_size(self) -> int:
        """The number of points; above :attr:`size` where a stage may be absent."""
        return math.prod(len(options) for options in self.options().values())

    @property
    def size(self) -> int:
        """The number of different architectures."""
        return math.prod(choices.size for choices in self.choices)

    def at(self, index: int) -> Point:
        """The grid's point of that number, from 0 to ``grid_size - 1``."""
        point: Point = {}
        for name, options in self.options().items():
            index, digit = divmod(index, len(options))
            point[name] = options[digit]
        return point

    def decode(self, point: Mapping[str, Choice]) -> Architecture:
        """The architecture of point parameters."""
        stages = (
            self._stage(i, point)
            for i in range(1, len(self.choices) + 1)
            if point[f"stage{i}.layers"] != 0
        )
        backbone = self.backbone
        return Architecture(
            tuple(stages), backbone.stem_channels, backbone.stem_stride, backbone.head_channels
        )

    def encode(self, architecture: Architecture) -> Point:
        """The point parameters of an architecture; a stage left out gets the first of each choice.

        Raises:
            ValueError: the space does not contain it.
        """
        aligned = self._align(architecture)
        if aligned is None:
            raise ValueError(f"architecture: {architecture.architecture_id} is not in {self.name}")
        point: Point = {}
        for i, (stage, choices) in enumerate(zip(aligned, self.choices, strict=True), 1):
            for name, options in choices.options().items():
                absent = 0 if name == "layers" else options[0]
                point[f"stage{i}.{name}"] = getattr(stage, name) if stage else absent
        return point

    def point_of(self, architecture: Architecture) -> Point:
        """As :meth:`encode`, but empty where the space does not contain the architecture."""
        return self.encode(architecture) if self.contains(architecture) else {}

    def image_size(self, point: Mapping[str, Choice]) -> int | None:
        """None: all are trained at the run's size."""
        return None

    def contains(self, architecture: Architecture) -> bool:
        """Whether the architecture is one of the space's."""
        return self._align(architecture) is not None

    def sample(self, generator: random.Random) -> Architecture:
        """An architecture by independent uniform choices."""
        return self.decode(
            {name: generator.choice(options) for name, options in self.options().items()}
        )

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every other architecture that one changed choice makes of this one, each once.

        A stage that is left out may come back in any form, so that being neighbours is mutual.
        """
        point = self.encode(architecture)
        for i, choices in enumerate(self.choices, 1):
            for other in _stage_neighbours(i, point, choices):
                yield self.decode({**point, **other})

    def _stage(self, i: int, point: Mapping[str, Choice]) -> Stage:
        own = self.backbone.stages[i - 1]
        operator = str(point[f"stage{i}.operator"])
        return Stage(
            operator=operator,
            kernel=int(point[f"stage{i}.kernel"]),
            stride=own.stride,
            expansion=int(point[f"stage{i}.expansion"]),
            channels=own.channels,
            layers=int(point[f"stage{i}.layers"]),
            se_ratio=self.se_ratio.get(operator, 0.0),
        )

    def _align(self, architecture: Architecture) -> tuple[Stage | None, ...] | None:
        """The architecture's stage at each of the backbone's, None where it is left out."""
        backbone = self.backbone
        for name in ("stem_channels", "stem_stride", "head_channels"):
            if getattr(architecture, name) != getattr(backbone, name):
                return None
        left = list(architecture.stages)
        aligned: list[Stage | None] = []
        for own, choices in zip(backbone.stages, self.choices, strict=True):
            if left and self._fits(left[0], own, choices):
                aligned.append(left.pop(0))
            elif 0 in choices.layers:
                aligned.append(None)
            else:
                return None
        return None if left else tuple(aligned)

    def _fits(self, stage: Stage, own: Stage, choices: StageChoices) -> bool:
        return (
            (stage.channels, stage.stride) == (own.channels, own.stride)
            and stage.se_ratio == self.se_ratio.get(stage.operator, 0.0)
            and all(getattr(stage, name) in values for name, values in choices.options().items())
        )


def _stage_neighbours(i: int, point: Point, choices: StageChoices) -> Iterator[Point]:
    options = choices.options()
    keys = [f"stage{i}.{name}" for name in options]
    layers = f"stage{i}.layers"
    if point[layers] == 0:
        for values in product(*options.values()):
            form = dict(zip(keys, values, strict=True))
            if form[layers] != 0:
                yield form
        return
    for key, values in zip(keys, options.values(), strict=True):
        yield from ({key: value} for value in values if value != point[key])


class Grid(Protocol):
    """Points, each a value for every one of some named choices."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def backbone(self) -> Architecture:
        """The network that step time and parameters are measured against."""

    @property
    def size(self) -> int:
        """The number of different candidates."""

    @property
    def grid_size(self) -> int:
        """The number of points."""

    def options(self) -> dict[str, tuple[Choice, ...]]:
        """Every choice's options by its name."""

    def at(self, index: int) -> Point:
        """The point of that number, from 0 to ``grid_size - 1``."""

    def decode(self, point: Mapping[str, Choice]) -> Architecture:
        """The network of a point."""

    def image_size(self, point: Mapping[str, Choice]) -> int | None:
        """The pixels that the network of a point is trained at; None where they are the run's."""

    def point_of(self, architecture: Architecture) -> Point:
        """The point that a network alone tells; empty if it tells none."""

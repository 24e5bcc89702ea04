"""Search spaces: each stage chooses its operator, layers, kernel and expansion.

In the paper's space, channels and strides are the backbone's (EfficientNetV2, section 3.3). A space
may also let a stage choose its channels, its squeeze-and-excitation and its activation; strides are
always the backbone's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Protocol

from search_space.architecture import Architecture, InvalidArchitecture, Stage
from search_space.choices import SE_RATIO, InvalidSpace, Option, StageChoices, check

Point = dict[str, Option]
"""One option for each choice of a space, by the choice's name."""


@dataclass(frozen=True)
class Space:
    """All architectures with the backbone's strides and one option of each choice.

    Step time and parameters are measured relative to the backbone, which need not be one of them.
    What a stage does not choose is the backbone's, but for squeeze-and-excitation, which follows
    from the operator by ``se_ratio``; an operator that it lacks has none.

    Raises:
        InvalidSpace: the choices do not fit the backbone.
    """

    name: str
    backbone: Architecture
    choices: tuple[StageChoices, ...]
    se_ratio: Mapping[str, float] = field(default_factory=lambda: dict(SE_RATIO))

    def __post_init__(self) -> None:
        check(self.backbone.stages, self.choices, self.se_ratio)
        self._check_largest()

    @classmethod
    def of_one(cls, name: str, architecture: Architecture) -> Space:
        """Return the space that contains only this architecture."""
        ratios: dict[str, float] = dict.fromkeys(SE_RATIO, 0.0)
        ratios |= {stage.operator: stage.se_ratio for stage in architecture.stages}
        choices = (
            StageChoices(
                (stage.operator,),
                (stage.layers,),
                (stage.kernel,),
                (stage.expansion,),
                # A choice of one option where stages with one operator differ.
                () if ratios[stage.operator] == stage.se_ratio else (stage.se_ratio,),
            )
            for stage in architecture.stages
        )
        return cls(name, architecture, tuple(choices), ratios)

    def options(self) -> dict[str, tuple[Option, ...]]:
        """Return the options of each choice by its name in a point, such as ``stage2.kernel``."""
        return {
            f"stage{i}.{name}": options
            for i, choices in enumerate(self.choices, 1)
            for name, options in choices.options().items()
        }

    @property
    def grid_size(self) -> int:
        """The number of points, which exceeds :attr:`size` if a stage can be left out."""
        return math.prod(len(options) for options in self.options().values())

    @property
    def size(self) -> int:
        """The number of different architectures."""
        return math.prod(choices.size for choices in self.choices)

    def at(self, index: int) -> Point:
        """Return the point with this index, from 0 to ``grid_size - 1``."""
        point: Point = {}
        for name, options in self.options().items():
            index, digit = divmod(index, len(options))
            point[name] = options[digit]
        return point

    def decode(self, point: Mapping[str, Option]) -> Architecture:
        """Return the architecture of a point."""
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
        """Return the point of an architecture; a stage left out gets each choice's first option.

        Raises:
            ValueError: the space does not contain the architecture.
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
        """Return the same as :meth:`encode`, or an empty point for an architecture outside."""
        return self.encode(architecture) if self.contains(architecture) else {}

    def image_size(self, point: Mapping[str, Option]) -> int | None:
        """Return None: every architecture trains at the run's size."""
        return None

    def contains(self, architecture: Architecture) -> bool:
        """Return whether the space contains the architecture."""
        return self._align(architecture) is not None

    def sample(self, generator: random.Random) -> Architecture:
        """Draw an option of each choice, independently and uniformly."""
        return self.decode(
            {name: generator.choice(options) for name, options in self.options().items()}
        )

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Yield each architecture that differs from this one in one choice.

        Adding a stage that was left out, in any form, counts as one choice, because leaving it out
        again is one. So the neighbours of an architecture have it as a neighbour.
        """
        point = self.encode(architecture)
        for i, choices in enumerate(self.choices, 1):
            for other in _stage_neighbours(i, point, choices):
                yield self.decode({**point, **other})

    def _stage(self, i: int, point: Mapping[str, Option]) -> Stage:
        chosen = {name: point[f"stage{i}.{name}"] for name in self.choices[i - 1].options()}
        se_ratio = self.se_ratio.get(str(chosen["operator"]), 0.0)
        options: dict[str, Any] = {"se_ratio": se_ratio, **chosen}
        return replace(self.backbone.stages[i - 1], **options)

    def _check_largest(self) -> None:
        """Check the network with the most layers and channels, for each operator."""
        options = self.options()
        largest = {name: max(values) for name, values in options.items()}
        for k in range(max(len(choices.operator) for choices in self.choices)):
            operators = {
                f"stage{i}.operator": choices.operator[k % len(choices.operator)]
                for i, choices in enumerate(self.choices, 1)
            }
            try:
                self.decode({**largest, **operators})
            except InvalidArchitecture as error:
                raise InvalidSpace(f"stages: the largest network: {error}") from None

    def _align(self, architecture: Architecture) -> tuple[Stage | None, ...] | None:
        """Return, for each backbone stage, the architecture's stage, or None if it is left out.

        Return None alone if the space does not contain the architecture.
        """
        backbone = self.backbone
        for name in ("stem_channels", "stem_stride", "head_channels"):
            if getattr(architecture, name) != getattr(backbone, name):
                return None
        left = list(architecture.stages)
        aligned: list[Stage | None] = []
        for backbone_stage, choices in zip(backbone.stages, self.choices, strict=True):
            if left and self._fits(left[0], backbone_stage, choices):
                aligned.append(left.pop(0))
            elif 0 in choices.layers:
                aligned.append(None)
            else:
                return None
        return None if left else tuple(aligned)

    def _fits(self, stage: Stage, backbone_stage: Stage, choices: StageChoices) -> bool:
        """Return whether a stage of the space can be this one, in the place of the backbone's."""
        options = choices.options()
        own: dict[str, tuple[Option, ...]] = {
            "stride": (backbone_stage.stride,),
            "channels": (backbone_stage.channels,),
            "activation": (backbone_stage.activation,),
            "se_ratio": (self.se_ratio.get(stage.operator, 0.0),),
        }
        return all(getattr(stage, name) in values for name, values in {**own, **options}.items())


def _stage_neighbours(i: int, point: Point, choices: StageChoices) -> Iterator[Point]:
    """Yield the changes to one stage's part of a point."""
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
    """What a search needs of a space: a grid of points, each of which decodes to a network.

    :class:`Space` is one, and :class:`scaling.coefficient_grid.CoefficientGrid` another.
    """

    @property
    def name(self) -> str:
        """The name, for people and files."""

    @property
    def backbone(self) -> Architecture:
        """The network that step time and parameters are measured against."""

    @property
    def size(self) -> int:
        """The number of different candidates."""

    @property
    def grid_size(self) -> int:
        """The number of points."""

    def options(self) -> dict[str, tuple[Option, ...]]:
        """Return the options of each choice by the choice's name."""

    def at(self, index: int) -> Point:
        """Return the point with this index, from 0 to ``grid_size - 1``."""

    def decode(self, point: Mapping[str, Option]) -> Architecture:
        """Return the network of a point."""

    def image_size(self, point: Mapping[str, Option]) -> int | None:
        """Return the size in pixels at which a point trains; None for the run's own size."""

    def point_of(self, architecture: Architecture) -> Point:
        """Return the point of a network, or an empty one if the network does not determine it."""

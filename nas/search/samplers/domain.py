"""What a strategy may propose: a space's points within the limits, none of them twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from optuna.study import Study

from reward.complexity import count_parameters
from search_space.architecture import Architecture, Block
from search_space.choices import Choice
from search_space.operators import OPERATORS, Operator
from search_space.space import Point, Space
from search_space.task import Task

Key = tuple[Choice, ...]


TRIES = 4  # of a strategy's own, before another point is taken for it


WALKED = 20_000  # points looked at before the space counts as used up


class SpaceExhausted(Exception):
    """Nothing is left to propose: all was proposed, or no more is found within the limits."""


@dataclass(frozen=True)
class Domain:
    """A space's points that may be proposed.

    ``max_parameters`` is kept by ``parameters``, exact before any training. With ``points`` only
    these may be proposed, as when a strategy is tried on a recorded table.
    """

    space: Space
    seed: int
    count_parameters: ParameterCount
    max_parameters: int | None = None
    points: Sequence[Point] | None = None

    @cached_property
    def options(self) -> dict[str, tuple[Choice, ...]]:
        """The space's point parameters."""
        return self.space.options()

    def key(self, point: Point) -> Key:
        """What tells points apart: of a stage that is left out, nothing but that it is."""
        layers = (point[name.partition(".")[0] + ".layers"] for name in self.options)
        return tuple(
            0 if count == 0 else point[name]
            for name, count in zip(self.options, layers, strict=True)
        )

    def seen(self, study: Study, but: int) -> set[Key]:
        """The points of all trials, whatever came of them, but trial ``but``'s."""
        trials = study.get_trials(deepcopy=False)
        others = (t.params for t in trials if t.number != but)
        return {self.key(point) for point in others if self.options.keys() <= point.keys()}

    def is_allowed(self, point: Point) -> bool:
        """Whether it is within the limit on parameters."""
        if self.max_parameters is None:
            return True
        return self.count_parameters(self.space.decode(point)) <= self.max_parameters

    def is_open(self, point: Point, seen: Set[Key]) -> bool:
        """Whether it is new and allowed."""
        return self.key(point) not in seen and self.is_allowed(point)

    def open_points(self, seen: Set[Key]) -> list[Point]:
        """What is left of ``points``."""
        return [point for point in self.points or () if self.is_open(point, seen)]

    def resolve(
        self, proposals: Iterable[Point], seen: Set[Key], generator: np.random.Generator
    ) -> Point:
        """The first proposal that is open, else an open point near the last one, else any.

        With ``points``, the first one's nearest. A strategy that has converged proposes the same
        again and again; its neighbours are then what it would learn most from.

        Raises:
            SpaceUsedUp: none is left.
        """
        if self.points is not None:
            return self._nearest(next(iter(proposals)), seen, generator)
        last: Point | None = None
        for last in proposals:
            if self.is_open(last, seen):
                return last
        near = self.neighbours(last) if last is not None else []
        order = generator.permutation(len(near))
        new = (near[i] for i in order if self.is_open(near[i], seen))
        return next(new, None) or self.random_open_point(seen, generator)

    def neighbours(self, point: Point) -> list[Point]:
        """The points one choice away, whether open or not."""
        own = self.space.neighbours(self.space.decode(point))
        return [self.space.encode(architecture) for architecture in own]

    def uniform(self, generator: np.random.Generator) -> Point:
        """A point by independent uniform choices, whether open or not."""
        return {
            name: values[generator.integers(len(values))] for name, values in self.options.items()
        }

    def random_open_point(self, seen: Set[Key], generator: np.random.Generator) -> Point:
        """An open point of the whole space, by chance.

        Raises:
            SpaceUsedUp: none is left, or none found among 20,000.
        """
        size, seed = self.space.grid_size, int(generator.integers(2**31))
        for i in range(min(size, WALKED)):
            point = self.space.at(permuted(i, size, seed))
            if self.is_open(point, seen):
                return point
        raise SpaceExhausted

    def _nearest(self, point: Point, seen: Set[Key], generator: np.random.Generator) -> Point:
        """The open one of ``points`` with most choices in common; among equals by chance."""
        assert self.points is not None
        is_open = np.array([self.is_open(other, seen) for other in self.points])
        if not is_open.any():
            raise SpaceExhausted
        distances = (self._keys != np.array(self._codes(point))).sum(1) + 0.0
        distances[~is_open] = np.inf
        nearest = np.flatnonzero(distances == distances.min())
        return self.points[int(generator.choice(nearest))]

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """The codes of ``points``, (points, parameters)."""
        return np.array([self._codes(point) for point in self.points or ()])

    def _codes(self, point: Point) -> list[int]:
        """A key as numbers: the option's place, -1 within a stage that is left out."""
        keyed = zip(self.options.items(), self.key(point), strict=True)
        return [options.index(value) if value in options else -1 for (_, options), value in keyed]


class ParameterCount:
    """Exact trainable parameters of the built network, each different block built only once.

    A network is its blocks and the rest (stem, head, classifier), whose size depends on few numbers
    that a space's architectures share. So one network is built for each of these, and then sums do.
    """

    def __init__(self, task: Task, operators: Mapping[str, Operator] = OPERATORS) -> None:
        self._task = task
        self._operators = operators
        self._block = lru_cache(maxsize=None)(self._count_block)
        self._rest: dict[tuple[int, int, int], int] = {}

    def __call__(self, architecture: Architecture) -> int:
        """The same as :func:`reward.complexity.count_parameters`."""
        blocks = sum(self.by_stage(architecture))
        last = architecture.stages[-1].channels
        key = (architecture.stem_channels, last, architecture.head_channels)
        if key not in self._rest:
            self._rest[key] = count_parameters(architecture, self._task) - blocks
        return self._rest[key] + blocks

    def by_stage(self, architecture: Architecture) -> list[int]:
        """The parameters of each of its stages."""
        blocks = architecture.blocks()
        return [
            sum(self._block(next(blocks)) for _ in range(stage.layers))
            for stage in architecture.stages
        ]

    def _count_block(self, block: Block) -> int:
        with torch.device("meta"):
            module = self._operators[block.operator](block)
        return sum(p.numel() for p in module.parameters() if p.requires_grad)


ROUNDS = 6


def permuted(index: int, count: int, seed: int) -> int:
    """Where ``index`` goes in a permutation of 0 to ``count`` - 1 that ``seed`` decides.

    A Feistel network over the next even power of two, walked until it falls within the range
    (Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002, section 5). It takes under four
    evaluations on average, however large ``count`` is.
    """
    if not 0 <= index < count:
        raise ValueError(f"index: got {index}, must be from 0 to {count - 1}")
    half_bits = max(1, ((count - 1).bit_length() + 1) // 2)
    while True:
        index = _feistel(index, half_bits, seed)
        if index < count:
            return index


def _feistel(index: int, half_bits: int, seed: int) -> int:
    mask = (1 << half_bits) - 1
    left, right = index >> half_bits, index & mask
    for number in range(ROUNDS):
        digest = hashlib.blake2b(f"{seed}/{number}/{right}".encode(), digest_size=16).digest()
        left, right = right, left ^ int.from_bytes(digest, "big") & mask
    return left << half_bits | right

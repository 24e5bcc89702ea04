"""The points that a sampler may propose: those of a space, within the limits, each only once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from optuna.study import Study

from reward.complexity import count_parameters
from search_space.architecture import Architecture, Block
from search_space.choices import Option
from search_space.operators import OPERATORS, Operator, find_operator
from search_space.space import Point, Space
from search_space.task import Task

Key = tuple[Option, ...]
"""Identifies a point, see :meth:`Domain.key`."""


PROPOSAL_ATTEMPTS = 4  # by the sampler itself, before the domain chooses a point for it


MAX_POINTS_EXAMINED = 20_000  # before the space counts as exhausted


class SpaceExhausted(Exception):
    """Raised when every point was proposed, or none is found that keeps the limits."""


@dataclass(frozen=True)
class Domain:
    """The points of a space that a sampler may propose.

    A point is *open* if it keeps ``max_parameters`` and was not proposed before. Parameters are
    counted exactly, without training. If ``points`` is given, only these may be proposed, as in a
    replay on a recorded table.
    """

    space: Space
    seed: int
    count_parameters: ParameterCount
    max_parameters: int | None = None
    points: Sequence[Point] | None = None

    @cached_property
    def options(self) -> dict[str, tuple[Option, ...]]:
        """The options of each choice, by the choice's name."""
        return self.space.options()

    @cached_property
    def _may_be_absent(self) -> list[str]:
        """The choices of layers that may be 0."""
        return [
            name
            for name, values in self.options.items()
            if name.endswith(".layers") and 0 in values
        ]

    def key(self, point: Point) -> Key:
        """Return what identifies a point: all its choices, with 0 for those of an absent stage."""
        absent = self.absent(point)
        return tuple(0 if name in absent else point[name] for name in self.options)

    def absent(self, point: Point) -> set[str]:
        """Return the names of the choices that mean nothing, since their stage has 0 layers."""
        stages = {
            name.removesuffix(".layers") for name in self._may_be_absent if point.get(name) == 0
        }
        choices = (name.partition(".") for name in self.options) if stages else ()
        return {
            f"{stage}.{choice}"
            for stage, _, choice in choices
            if stage in stages and choice != "layers"
        }

    def seen(self, study: Study, excluding: int) -> set[Key]:
        """Return the keys of all trials in any state, except trial number ``excluding``."""
        trials = study.get_trials(deepcopy=False)
        others = (trial.params for trial in trials if trial.number != excluding)
        return {self.key(point) for point in others if self.options.keys() <= point.keys()}

    def is_allowed(self, point: Point) -> bool:
        """Return whether the point keeps the limit on parameters."""
        if self.max_parameters is None:
            return True
        return self.count_parameters(self.space.decode(point)) <= self.max_parameters

    def is_open(self, point: Point, seen: Set[Key]) -> bool:
        """Return whether the point is allowed and was not proposed before."""
        return self.key(point) not in seen and self.is_allowed(point)

    def open_points(self, seen: Set[Key]) -> list[Point]:
        """Return those of ``points`` that are still open."""
        return [self._listed[i] for i in np.flatnonzero(self._is_listed_open(seen)).tolist()]

    def resolve(
        self, proposals: Iterable[Point], seen: Set[Key], generator: np.random.Generator
    ) -> Point:
        """Return the first open proposal, or else an open point close to the proposals.

        If no proposal is open, an open neighbour of the last one is chosen at random, and if there
        is none, any open point. A converged sampler proposes the same point again and again, and
        learns most from that point's neighbours. If ``points`` is given, the result is the open
        point nearest to the first proposal.

        Raises:
            SpaceExhausted: no open point is left.
        """
        if self.points is not None:
            return self._nearest(next(iter(proposals)), seen, generator)
        last: Point | None = None
        for last in proposals:
            if self.is_open(last, seen):
                return last
        neighbours = self.neighbours(last) if last is not None else []
        order = generator.permutation(len(neighbours))
        open_neighbours = (neighbours[i] for i in order if self.is_open(neighbours[i], seen))
        return next(open_neighbours, None) or self.random_open_point(seen, generator)

    def neighbours(self, point: Point) -> list[Point]:
        """Return the points that differ in one choice, open or not."""
        architectures = self.space.neighbours(self.space.decode(point))
        return [self.space.encode(architecture) for architecture in architectures]

    def uniform(self, generator: np.random.Generator) -> Point:
        """Return a random point, each choice uniform and independent; it need not be open."""
        return {
            name: options[generator.integers(len(options))]
            for name, options in self.options.items()
        }

    def random_open_point(self, seen: Set[Key], generator: np.random.Generator) -> Point:
        """Return an open point, chosen at random from the whole space.

        Raises:
            SpaceExhausted: no open point is left, or none was found among 20,000 points.
        """
        size, seed = self.space.grid_size, int(generator.integers(2**31))
        for i in range(min(size, MAX_POINTS_EXAMINED)):
            point = self.space.at(permuted(i, size, seed))
            if self.is_open(point, seen):
                return point
        raise SpaceExhausted

    def _nearest(self, point: Point, seen: Set[Key], generator: np.random.Generator) -> Point:
        """Return the open one of ``points`` that shares most choices; ties are broken at random."""
        is_open = self._is_listed_open(seen)
        if not is_open.any():
            raise SpaceExhausted
        distances = (self._point_codes != np.array(self._codes(point))).sum(1) + 0.0
        distances[~is_open] = np.inf
        nearest = np.flatnonzero(distances == distances.min())
        return self._listed[int(generator.choice(nearest))]

    @property
    def _listed(self) -> Sequence[Point]:
        return self.points or ()

    def _is_listed_open(self, seen: Set[Key]) -> NDArray[np.bool_]:
        """Return whether each of ``points`` is open, as :meth:`is_open`; a table has thousands."""
        is_open = self._is_listed_allowed.copy()
        for key in seen:
            for place in self._places.get(key, ()):
                is_open[place] = False
        return is_open

    @cached_property
    def _is_listed_allowed(self) -> NDArray[np.bool_]:
        return np.array([self.is_allowed(point) for point in self._listed], dtype=np.bool_)

    @cached_property
    def _places(self) -> dict[Key, list[int]]:
        """Where the points with a key stand in ``points``."""
        places: dict[Key, list[int]] = defaultdict(list)
        for place, point in enumerate(self._listed):
            places[self.key(point)].append(place)
        return dict(places)

    @cached_property
    def _point_codes(self) -> NDArray[np.int64]:
        """The codes of ``points``, (points, choices)."""
        return np.array([self._codes(point) for point in self._listed])

    def _codes(self, point: Point) -> list[int]:
        """Return the index of the option at each choice; -1 for the choices of an absent stage."""
        absent = self.absent(point)
        return [
            -1 if name in absent else options.index(point[name])
            for name, options in self.options.items()
        ]


class ParameterCount:
    """Counts the trainable parameters of an architecture exactly, and builds each block only once.

    A network consists of its blocks and the rest (stem, head, classifier). The size of the rest
    depends on few numbers, which the architectures of a space share. So one network is built for
    each such combination, and all other counts are sums.
    """

    def __init__(self, task: Task, operators: Mapping[str, Operator] = OPERATORS) -> None:
        self._task = task
        self._operators = operators
        self._block = lru_cache(maxsize=None)(self._count_block)
        self._rest: dict[tuple[int, int, int], int] = {}

    def __call__(self, architecture: Architecture) -> int:
        """Return the same count as :func:`reward.complexity.count_parameters`."""
        blocks = sum(self.by_stage(architecture))
        last_channels = architecture.stages[-1].channels
        key = (architecture.stem_channels, last_channels, architecture.head_channels)
        if key not in self._rest:
            self._rest[key] = count_parameters(architecture, self._task) - blocks
        return self._rest[key] + blocks

    def by_stage(self, architecture: Architecture) -> list[int]:
        """Return the number of parameters of each stage."""
        blocks = architecture.blocks()
        return [
            sum(self._block(next(blocks)) for _ in range(stage.layers))
            for stage in architecture.stages
        ]

    def _count_block(self, block: Block) -> int:
        with torch.device("meta"):
            module = find_operator(block.operator, self._operators)(block)
        return sum(p.numel() for p in module.parameters() if p.requires_grad)


FEISTEL_ROUNDS = 6


def permuted(index: int, count: int, seed: int) -> int:
    """Return the image of ``index`` under a pseudo-random permutation of 0 to ``count`` - 1.

    ``seed`` decides the permutation. It is a Feistel network over the next even power of two,
    applied until the result is in the range (Black and Rogaway, Ciphers with Arbitrary Finite
    Domains, 2002, section 5). That takes under four evaluations on average for any ``count``.

    Raises:
        ValueError: ``index`` is not in the range.
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
    for number in range(FEISTEL_ROUNDS):
        digest = hashlib.blake2b(f"{seed}/{number}/{right}".encode(), digest_size=16).digest()
        left, right = right, left ^ int.from_bytes(digest, "big") & mask
    return left << half_bits | right


def candidate_seed(run_seed: int, number: int) -> int:
    """Return the seed of a candidate's weights and training, in [0, 2^31)."""
    digest = hashlib.blake2b(f"{run_seed}/{number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1

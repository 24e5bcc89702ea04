"""Parameters of many architectures of one space, fast enough to count before proposing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch

from nas.parameters import parameters
from search_space.architecture import Architecture, Block
from search_space.operators import OPERATORS, Operator
from search_space.task import Task


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
        """The same as :func:`nas.parameters.parameters`."""
        blocks = sum(self.by_stage(architecture))
        last = architecture.stages[-1].channels
        key = (architecture.stem_channels, last, architecture.head_channels)
        if key not in self._rest:
            self._rest[key] = parameters(architecture, self._task) - blocks
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

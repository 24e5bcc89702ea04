"""``--sampler``: strategies by name."""

from __future__ import annotations

from collections.abc import Callable

from optuna.samplers import BaseSampler

from nas.samplers.random import PermutationSampler
from search_space.space import Space

SAMPLERS: dict[str, Callable[[Space, int], BaseSampler]] = {"random": PermutationSampler}
"""By name, from the space and the run's seed."""

"""A synthetic table: known accuracies and step times, learning curves that cross."""

from __future__ import annotations

import random

import pytest

from nas.replay.table import Table
from nas.search.samplers.domain import ParameterCount
from results.candidate import Candidate, CurvePoint, State
from reward.step_time.measurement import StepTime
from search_space.space import Space
from search_space.space_file import write_space
from search_space.spaces import small
from search_space.task import Task

EPOCHS = 6


def made_table(space: Space, rows: int) -> Table:
    """Make a table of random networks; their accuracy follows from layers and kernels."""
    chance, count = random.Random(0), ParameterCount(Task(4))
    networks = {a.architecture_id: a for a in (space.sample(chance) for _ in range(4 * rows))}
    candidates = []
    for number, architecture in enumerate(list(networks.values())[:rows]):
        layers = sum(stage.layers for stage in architecture.stages)
        kernels = sum(stage.kernel == 5 for stage in architecture.stages)
        accuracy = min(0.99, 0.5 + 0.03 * layers + 0.02 * kernels + chance.gauss(0, 0.01))
        step_time = 0.01 * sum(s.layers * s.expansion for s in architecture.stages)
        rise = chance.uniform(0.3, 0.9)
        candidates.append(
            Candidate(
                number=number,
                state=State.COMPLETE,
                architecture=architecture,
                seed=number,
                proposal=space.encode(architecture),
                accuracy=accuracy,
                parameters=count(architecture),
                multiply_adds=10**6,
                reference_parameters=count(space.backbone),
                step_time=StepTime((step_time,) * 6, (0.2,) * 6, 1000, "cpu", 32, 8),
                curve=tuple(
                    CurvePoint(i, 1.0, accuracy * (1 - (i < EPOCHS) * rise ** (2 * i)), 0.5 * i)
                    for i in range(1, EPOCHS + 1)
                ),
            )
        )
    settings = {"space": write_space(space), "epochs": EPOCHS, "classes": 4, "in_channels": 3}
    return Table(tuple(candidates), settings)


@pytest.fixture(scope="session")
def table() -> Table:
    """Sixty networks of ``small``."""
    return made_table(small(), 60)

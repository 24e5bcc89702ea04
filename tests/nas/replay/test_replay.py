"""Searches on a table."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from nas.replay.replay import Replay, Trace
from nas.replay.table import Table
from nas.search.pruners.base import make_pruners
from nas.search.samplers.domain import Domain, Key, ParameterCount
from nas.search.samplers.registry import SAMPLERS
from results.best_of import expected_best
from results.ranking import reward
from reward.objective import Objective
from search_space.task import Task

OBJECTIVE = Objective()


def rewards(table: Table) -> list[float]:
    return [reward(candidate, OBJECTIVE) or 0.0 for candidate in table.candidates]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_reaches_every_network_of_the_table_once(name: str, table: Table) -> None:
    few = Table(table.candidates[:12], table.settings)
    trace = Replay(few, OBJECTIVE).run(name, seed=0, budget=100)
    assert trace.epochs == tuple(range(6, 6 * 12 + 1, 6))
    assert trace.best[-1] == max(rewards(few))
    assert list(trace.best) == sorted(trace.best)


def test_a_replay_is_the_same_every_time(table: Table) -> None:
    runs = [Replay(table, OBJECTIVE).run("evolution", seed=3, budget=40) for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0] != Replay(table, OBJECTIVE).run("evolution", seed=4, budget=40)


def test_random_search_is_on_average_what_chance_is(table: Table) -> None:
    """The mean best of 20 over 60 searches, within four standard errors of the exact one."""
    replay = Replay(table, OBJECTIVE)
    bests = [replay.run("random", seed, budget=20).best[-1] for seed in range(60)]
    error = float(np.std(bests)) / len(bests) ** 0.5
    assert abs(fmean(bests) - expected_best(rewards(table), 20)) < 4 * error


def test_being_taken_to_the_nearest_network_does_not_cheat(table: Table) -> None:
    """Random points, each replaced by the nearest network left, do as well as random networks.

    If some networks were nearest to more of the space, and better, the replacement would find them
    for any sampler.
    """
    space, values = table.space, dict(zip(_ids(table), rewards(table), strict=True))
    points = [space.encode(candidate.architecture) for candidate in table.candidates]
    count = ParameterCount(Task(4))
    bests = []
    for seed in range(60):
        domain = Domain(space, seed, count, points=points)
        generator = np.random.default_rng(seed)
        seen: set[Key] = set()
        found = []
        for _ in range(20):
            point = domain.resolve([domain.uniform(generator)], seen, generator)
            seen.add(domain.key(point))
            found.append(values[space.decode(point).architecture_id])
        bests.append(max(found))
    error = float(np.std(bests)) / len(bests) ** 0.5
    assert abs(fmean(bests) - expected_best(rewards(table), 20)) < 4 * error


def test_a_proposal_that_is_in_the_table_is_taken_itself(table: Table) -> None:
    space = table.space
    points = [space.encode(candidate.architecture) for candidate in table.candidates]
    domain = Domain(space, 0, ParameterCount(Task(4)), points=points)
    generator = np.random.default_rng(0)
    for point in points:
        assert domain.key(domain.resolve([point], set(), generator)) == domain.key(point)
        near = domain.resolve([point], {domain.key(point)}, generator)
        assert domain.key(near) != domain.key(point)


def test_what_a_pruner_stops_costs_the_epochs_it_was_trained(table: Table) -> None:
    replay = Replay(table, OBJECTIVE)
    whole = replay.run("random", seed=0, budget=60)
    halved = replay.run(
        "random", 0, 60, lambda: make_pruners("asha", "none", OBJECTIVE, table.epochs)
    )
    bound = replay.run(
        "random", 0, 60, lambda: make_pruners("none", "certain", OBJECTIVE, table.epochs)
    )
    assert len(halved.epochs) == len(whole.epochs) == 60
    assert 60 * 3 <= halved.epochs[-1] < 300 < whole.epochs[-1] == 360
    assert bound.epochs[-1] < 360
    assert bound.best == whole.best  # the certain bound never discards the best


def test_a_search_ends_at_its_target(table: Table) -> None:
    target = sorted(rewards(table))[-5]
    trace = Replay(table, OBJECTIVE).run("random", 0, 60, target=target)
    assert trace.best[-1] >= target
    assert all(best < target for best in trace.best[:-1])
    assert trace.epochs_to(target) == trace.epochs[-1]


def test_epochs_to_a_target() -> None:
    trace = Trace((10, 13, 23), (0.5, 0.5, 0.8))
    assert [trace.epochs_to(x) for x in (0.1, 0.5, 0.6, 0.9)] == [10, 10, 23, float("inf")]


def _ids(table: Table) -> list[str]:
    return [candidate.architecture.architecture_id for candidate in table.candidates]

"""The sampler with the recurrent policy: what it learns, and that only results decide it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.search.samplers.base import Observation, PointSampler, SamplerState
from nas.search.samplers.domain import Domain, Key
from nas.search.samplers.policy import PolicySampler
from nas.search.samplers.rnn.controller import Floats
from nas.search.samplers.rnn.ppo import clipped_loss
from nas.search.samplers.rnn.sampler import BATCH, RnnSampler
from results.candidate import Candidate, State
from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Point, Space
from search_space.spaces import small
from tests.nas.search.samplers.conftest import COUNT, Lab

OPERATORS = ("mbconv", "fused_mbconv", "bottleneck")
DEPTHS = (1, 2, 3, 4, 5, 6)


def test_the_clipped_loss_is_the_published_one() -> None:
    """By hand, with a clip of 0.2: what gains no more beyond the clip, and what loses more."""
    ratios = np.array([1.5, 0.5, 1.5, 0.5, 1.1, 0.9])
    advantages = np.array([2.0, 2.0, -2.0, -2.0, 2.0, -2.0])
    expected = [-2.4, -1.0, 3.0, 1.6, -2.2, 1.8]
    assert clipped_loss(ratios, advantages) == pytest.approx(expected)


@pytest.fixture
def wide() -> Domain:
    """Return a space of 3 * 3 * 6^4 = 11,664 networks of four stages."""
    stage = Stage("mbconv", 3, 1, 1, 4, 1, 0.25)
    stages = tuple(replace(stage, channels=4 + 2 * i) for i in range(4))
    choices = [StageChoices(("mbconv",), DEPTHS, (3,), (1,)) for _ in stages]
    choices[0] = StageChoices(OPERATORS, DEPTHS, (3,), (1,))
    choices[1] = StageChoices(OPERATORS, DEPTHS, (3,), (1,))
    architecture = Architecture(stages, stem_channels=4)
    return Domain(Space("wide", architecture, tuple(choices)), 1, COUNT)


def pair_reward(point: Point) -> float:
    """Return 1 if both operators are MBConv, 0 if one is, and 0.55 if none is.

    While the operators are drawn alike, MBConv pays 0.33 in each place, and others 0.37.
    """
    count = sum(point[f"stage{i}.operator"] == "mbconv" for i in (1, 2))
    return (0.55, 0.0, 1.0)[count]


def searched(sampler: PointSampler, count: int) -> list[float]:
    """Return the rewards of a search with one worker, in which no point comes twice."""
    history: list[Observation] = []
    seen: set[Key] = set()
    for number in range(count):
        generator = np.random.default_rng([sampler.domain.seed, number])
        state = SamplerState(history, [], seen, generator)
        proposals = (sampler.propose(state) for _ in range(4))
        point = sampler.domain.resolve(proposals, seen, generator)
        seen.add(sampler.domain.key(point))
        history.append(Observation(number, point, pair_reward(point), is_complete=True))
    return [trial.value or 0.0 for trial in history]


def test_it_learns_a_pair_that_independent_choices_are_led_away_from(wide: Domain) -> None:
    assert np.mean(searched(RnnSampler(wide), 600)[-100:]) > 0.6  # more than 0.55
    assert np.mean(searched(PolicySampler(wide), 200)[-100:]) < 0.57


def results(domain: Domain, count: int) -> list[Observation]:
    """Return random points with the rewards of the pair, a little above each other."""
    generator = np.random.default_rng(0)
    points = [domain.uniform(generator) for _ in range(count)]
    return [
        Observation(i, point, pair_reward(point) + 0.001 * i, is_complete=True)
        for i, point in enumerate(points)
    ]


def weights(sampler: RnnSampler, history: list[Observation]) -> Floats:
    policy = sampler.policy(history)
    return np.concatenate([each.ravel() for each in policy.weights.values()])


def test_learning_at_once_is_learning_step_by_step(wide: Domain) -> None:
    history = results(wide, 3 * BATCH + 5)
    step_by_step = RnnSampler(wide)
    found = [weights(step_by_step, history[:count]) for count in range(len(history) + 1)]
    assert np.array_equal(found[-1], weights(RnnSampler(wide), history))
    assert np.array_equal(found[BATCH - 1], found[0])
    assert not np.array_equal(found[BATCH], found[BATCH - 1])
    assert np.array_equal(found[2 * BATCH + 7], weights(step_by_step, history[: 2 * BATCH]))
    other_seed = replace(wide, seed=2)
    assert not np.array_equal(weights(RnnSampler(other_seed), history), found[-1])


def test_a_trial_that_comes_in_between_is_learnt_in_its_place(wide: Domain) -> None:
    """As in a study that is told trials out of the order of their numbers, without events."""
    history = results(wide, 2 * BATCH)
    sampler = RnnSampler(wide)
    weights(sampler, history[:5] + history[6:])
    assert np.array_equal(weights(sampler, history), weights(RnnSampler(wide), history))


def test_trials_without_a_reward_teach_nothing(wide: Domain) -> None:
    history = results(wide, BATCH + 3)
    failed = [Observation(1000 + i, trial.point) for i, trial in enumerate(history)]
    mixed = [trial for pair in zip(failed, history, strict=True) for trial in pair]
    expected = weights(RnnSampler(wide), history)
    assert np.array_equal(weights(RnnSampler(wide), mixed), expected)
    assert np.array_equal(weights(RnnSampler(wide), failed), weights(RnnSampler(wide), []))


def test_equal_rewards_leave_the_policy_almost_uniform(wide: Domain) -> None:
    history = [replace(trial, value=0.5) for trial in results(wide, 3 * BATCH)]
    sampler = RnnSampler(wide)
    generator = np.random.default_rng(0)
    drawn = [sampler.propose(SamplerState(history, [], set(), generator)) for _ in range(400)]
    count = sum(point["stage2.operator"] == "mbconv" for point in drawn)
    assert 95 < count < 175  # of 133 expected


def test_many_workers_ask_before_anything_has_ended() -> None:
    lab = Lab(small())
    proposals = lab.proposals("rnn", seed=4)
    asked = [proposals.ask() for _ in range(120)]
    running = [lab.evaluated(proposal) for proposal in asked if proposal is not None]
    assert len({candidate.architecture.architecture_id for candidate in running}) == 120
    ended: list[Candidate] = []
    order = np.random.default_rng(0).permutation(120)[:45]
    for place, i in enumerate(order):
        ended.append(replace(running[i], started_event=1 + i, ended_event=121 + place))
        proposals.tell(ended[-1])
    told = {candidate.number for candidate in ended}
    others = [
        replace(
            candidate, state=State.RUNNING, accuracy=None, curve=(), step_time=None,
            started_event=1 + candidate.number, finished_at=None,
        )
        for candidate in running
        if candidate.number not in told
    ]  # fmt: skip
    resumed = lab.proposals("rnn", known=[*ended, *others], seed=4)
    for _ in range(3):
        expected = proposals.ask()
        assert expected is not None
        assert expected == resumed.ask()


def test_a_space_of_one_network_needs_no_policy() -> None:
    stages = (Stage("mbconv", 3, 1, 1, 4, 1, 0.25),)
    choices = (StageChoices(("mbconv",), (1,), (3,), (1,)),)
    lab = Lab(Space("one", Architecture(stages, stem_channels=4), choices))
    history = [Observation(0, lab.space.at(0), 0.5, is_complete=True)] * BATCH
    state = SamplerState(history, [], set(), np.random.default_rng(0))
    assert RnnSampler(lab.domain()).propose(state) == lab.space.at(0)
    assert lab.proposals("rnn").ask() is not None

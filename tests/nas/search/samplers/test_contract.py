"""The contract that every sampler keeps."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from statistics import fmean

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from nas.errors import UserError
from nas.search.samplers.registry import SAMPLERS, SearchProblem, check_sampler, make_sampler
from results.candidate import Candidate, State
from results.ranking import reward
from reward.limits import Limits
from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Space
from search_space.spaces import small
from tests.nas.search.samplers.conftest import COUNT, Lab

FOREIGN = "optuna.samplers:RandomSampler"
ALL = [*SAMPLERS, FOREIGN]
SMALL = StageChoices(("mbconv",), (1,), (3,), (1, 2, 4))
LEARNING = [name for name in SAMPLERS if name not in ("random", "nsga2", "rnn")]  # rnn: test_rnn.py


def proposed(candidates: list[Candidate]) -> list[str]:
    return [candidate.architecture.architecture_id for candidate in candidates]


@pytest.mark.parametrize("name", SAMPLERS)
def test_nothing_is_proposed_twice_and_the_space_ends(name: str, lab: Lab) -> None:
    few = Lab(replace(lab.space, choices=(lab.space.choices[0], SMALL)))
    ended = few.search(few.proposals(name), few.space.size)
    assert len(set(proposed(ended))) == len(ended) == few.space.size == 36


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "random"])
def test_after_the_whole_space_there_is_no_proposal(name: str) -> None:
    """Random search without limits starts again; the driver ends it by counting."""
    stages = (Stage("mbconv", 3, 1, 1, 4, 1, 0.25), Stage("mbconv", 3, 1, 1, 8, 1, 0.25))
    choices = (
        StageChoices(("mbconv",), (1,), (3,), (1,)),
        StageChoices(("mbconv",), (0, 1), (3,), (1, 2)),
    )
    lab = Lab(Space("three", Architecture(stages, stem_channels=4), choices))
    proposals = lab.proposals(name)
    assert len(set(proposed(lab.search(proposals, 10)))) == 3
    assert proposals.ask() is None


@pytest.mark.parametrize("name", ALL)
def test_a_resumed_search_proposes_what_an_uninterrupted_one_would(name: str, lab: Lab) -> None:
    expected = lab.search(lab.proposals(name, seed=5), 26)
    for interrupted in (0, 3, 23):
        resumed = lab.proposals(name, known=expected[:interrupted], seed=5)
        assert lab.search(resumed, 3) == expected[interrupted : interrupted + 3]


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in ("nsga2",)])
def test_a_record_in_which_candidates_ended_out_of_order_decides_alike(name: str, lab: Lab) -> None:
    """Two workers: a sampler's state is what has ended, in the order of the ends."""
    proposals = lab.proposals(name, seed=1)
    chance = random.Random(3)
    running: list[Candidate] = []
    ended: list[Candidate] = []
    clock = 0.0
    for _ in range(14):
        while len(running) < 2:
            proposal = proposals.ask()
            assert proposal is not None
            clock += 1
            running.append(replace(lab.evaluated(proposal), started_at=clock))
        candidate = running.pop(chance.randrange(2))
        clock += 1
        ended.append(replace(candidate, finished_at=clock))
        proposals.tell(ended[-1])
    under_way = replace(running[0], state=State.RUNNING, accuracy=None, curve=(), step_time=None)
    resumed = lab.proposals(name, known=[*ended, under_way], seed=1)
    expected, found = proposals.ask(), resumed.ask()
    assert expected is not None
    assert expected == found


@pytest.mark.parametrize("name", SAMPLERS)
def test_seeds_differ(name: str, lab: Lab) -> None:
    first, second = (lab.search(lab.proposals(name, seed=seed), 8) for seed in (1, 2))
    assert proposed(first) != proposed(second)


@pytest.mark.parametrize("name", LEARNING)
def test_a_sampler_learns(name: str) -> None:
    """Over two seeds in a large space, candidates 27 to 36 are better than random search's."""
    lab = Lab(small())
    means = {}
    for each in (name, "random"):
        found = [
            reward(candidate, lab.objective) or 0.0
            for seed in range(2)
            for candidate in lab.search(lab.proposals(each, seed=seed), 36)[26:]
        ]
        means[each] = fmean(found)
    assert means[name] > means["random"] + 0.01


@pytest.mark.parametrize("name", ALL)
def test_no_more_parameters_than_allowed_are_ever_proposed(name: str, lab: Lab) -> None:
    counts = sorted(COUNT(lab.space.decode(lab.space.at(i))) for i in range(144))
    limits = Limits(max_parameters=counts[19])
    ended = lab.search(lab.proposals(name, limits=limits), 20, limits)
    assert len(set(proposed(ended))) == 20
    assert all((candidate.parameters or 0) <= counts[19] for candidate in ended)


@pytest.mark.parametrize("name", ["tpe", "model"])
def test_step_times_above_the_limit_are_avoided_once_some_were_seen(name: str, lab: Lab) -> None:
    limits = Limits(max_step_time=0.9)
    outside = {}
    for each in (name, "random"):
        found = [
            candidate.state is State.INFEASIBLE
            for seed in range(2)
            for candidate in lab.search(lab.proposals(each, limits=limits, seed=seed), 40, limits)[
                25:
            ]
        ]
        outside[each] = sum(found) / len(found)
    assert outside[name] < outside["random"] - 0.1


@pytest.mark.parametrize("name", ALL)
def test_failed_stopped_and_unfinished_candidates_do_no_harm(name: str, lab: Lab) -> None:
    proposals = lab.proposals(name)
    known = []
    for number in range(16):
        proposal = proposals.ask()
        assert proposal is not None
        whole = lab.evaluated(proposal)
        failed = replace(whole, state=State.FAILED, accuracy=None, curve=(), step_time=None)
        stopped = replace(whole, state=State.STOPPED, curve=whole.curve[:2])
        untrained = replace(whole, state=State.STOPPED, curve=(), accuracy=None)
        known.append((whole, failed, stopped, untrained)[number % 4])
        proposals.tell(known[-1])
    assert proposals.ask() == lab.proposals(name, known=known).ask()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("luck", "--sampler: got 'luck', must be one of random, tpe"),
        ("optuna.samplers:Nothing", "the module optuna.samplers has no Nothing"),
        ("no.such.module:Sampler", "no such module is installed"),
        (":Sampler", "got ':Sampler', must be one of random, tpe"),
        ("optuna.samplers:GridSampler", "must need no argument but a seed: "),
        ("optuna.trial:Trial", "must be a subclass of Optuna's BaseSampler"),
        ("optuna.samplers:BaseSampler", "must need no argument but a seed: "),
    ],
)
def test_an_invalid_sampler_is_one_line(name: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        check_sampler(name)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


class _Suite:
    name = ""

    @pytest.fixture
    def sampler(self, lab: Lab) -> Callable[[], BaseSampler]:
        """Return a function that makes a new sampler at each call."""
        return lambda: make_sampler(self.name, SearchProblem(lab.domain(), lab.objective))


class TestEvolution(_Suite, BasicSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's own test suite."""

    name = "evolution"


class TestPolicy(_Suite, BasicSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's own test suite."""

    name = "policy"


class TestRnn(_Suite, BasicSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's own test suite."""

    name = "rnn"


class TestModel(_Suite, BasicSamplerTestCase, SingleOnlySamplerTestCase):
    """Optuna's own test suite."""

    name = "model"


class TestTpe(_Suite, BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """Optuna's own test suite, on its sampler as we wrap it."""

    name = "tpe"


class TestNsga2(_Suite, BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """Optuna's own test suite, on its sampler as we wrap it."""

    name = "nsga2"

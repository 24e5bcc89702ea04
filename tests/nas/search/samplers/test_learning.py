"""The model sampler with earlier runs: it follows those that agree, and drops the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nas.search.earlier_runs import EarlierCandidate, EarlierRun
from nas.search.samplers.domain import Domain
from nas.search.samplers.model.earlier import EarlierPrediction, Mixture, fit_mixture
from nas.search.samplers.model.sampler import INFORMED_STARTUP_CANDIDATES
from nas.search.samplers.model.surrogate import ACCURACY, Features, fit_surrogate
from nas.search.samplers.registry import SearchProblem, make_sampler
from nas.search.study import Proposal, ProposalStudy
from results.candidate import Candidate
from results.ranking import normalized_step_time, reward
from reward.objective import Objective, parse_reward
from search_space.spaces import small
from tests.nas.search.samplers.conftest import COUNT, Lab


def earlier_run(lab: Lab, seed: int, is_opposite: bool = False) -> EarlierRun:
    """Return 30 random candidates of the lab, or of one where what is best is worst."""
    told = []
    for candidate in lab.search(lab.proposals("random", seed=seed), 30):
        accuracies = tuple(point.accuracy for point in candidate.curve)
        if is_opposite:
            accuracies = tuple(1.2 - accuracy for accuracy in accuracies)
        step_time = normalized_step_time(candidate) or 0.0
        told.append(EarlierCandidate(dict(candidate.proposal), accuracies, True, step_time))
    return EarlierRun("runs/a", "birds", "EPYC", tuple(told))


def learning(
    lab: Lab,
    earlier: EarlierRun,
    known: list[Candidate] | None = None,
    seed: int = 0,
    objective: Objective | None = None,
) -> ProposalStudy:
    objective = objective or lab.objective
    problem = SearchProblem(lab.domain(seed), objective, earlier=[earlier])
    return ProposalStudy(lab.space, make_sampler("model", problem), objective, known or [])


def rewards(lab: Lab, candidates: list[Candidate]) -> list[float]:
    return [reward(candidate, lab.objective) or 0.0 for candidate in candidates]


def test_it_finds_the_best_sooner_by_a_run_that_agrees(lab: Lab) -> None:
    with_it, without = [], []
    for seed in range(5):
        run = earlier_run(lab, seed + 100)
        with_it.append(max(rewards(lab, lab.search(learning(lab, run, seed=seed), 5))))
        without.append(max(rewards(lab, lab.search(lab.proposals("model", seed=seed), 5))))
    assert np.mean(with_it) > np.mean(without) + 0.01


def test_a_run_that_disagrees_does_no_lasting_harm(lab: Lab) -> None:
    with_it, without = [], []
    for seed in range(5):
        run = earlier_run(lab, seed + 100, is_opposite=True)
        with_it.append(max(rewards(lab, lab.search(learning(lab, run, seed=seed), 20))))
        without.append(max(rewards(lab, lab.search(lab.proposals("model", seed=seed), 20))))
    assert np.mean(with_it) > np.mean(without) - 0.005


def test_a_study_that_is_rebuilt_proposes_the_same(lab: Lab) -> None:
    run = earlier_run(lab, 1)
    whole = lab.search(learning(lab, run), 12)
    for kept in (1, 3, INFORMED_STARTUP_CANDIDATES, 9):
        again = learning(lab, run, known=whole[:kept])
        rest = [again.ask()]
        for candidate in whole[kept:-1]:
            again.tell(candidate)
            rest.append(again.ask())
        assert [proposal.architecture for proposal in rest if isinstance(proposal, Proposal)] == [
            candidate.architecture for candidate in whole[kept:]
        ]


def test_half_of_the_first_proposals_are_random(lab: Lab) -> None:
    """So a run that disagrees cannot hide the others."""
    run = earlier_run(lab, 1)
    ours = lab.search(learning(lab, run), INFORMED_STARTUP_CANDIDATES)
    random = lab.search(lab.proposals("model"), INFORMED_STARTUP_CANDIDATES)
    is_equal = [a.architecture == b.architecture for a, b in zip(ours, random, strict=True)]
    assert is_equal == [False, True, False, True]


def test_a_target_in_seconds_waits_for_the_first_backbone(lab: Lab) -> None:
    study = learning(lab, earlier_run(lab, 1), objective=parse_reward("hard:T=0.012s"))
    first = study.ask()
    plain = lab.proposals("model").ask()
    assert first is not None
    assert plain is not None
    assert first.architecture == plain.architecture
    study.tell(lab.evaluated(first))
    assert study.ask() is not None


@pytest.fixture(scope="module")
def features() -> Features:
    return Features(Domain(small(), 0, COUNT))


def drawn(features: Features, count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return features([Domain(small(), 0, COUNT).uniform(generator) for _ in range(count)])


def mixed(
    features: Features, count: int, relation: Callable[[np.ndarray], np.ndarray]
) -> tuple[Mixture, np.ndarray]:
    """Return a mixture given an earlier model of one function, and targets that follow from it."""
    learnt, x = drawn(features, 80, 1), drawn(features, count, 2)
    of_all = np.random.default_rng(3).normal(size=(x.shape[1], 2))
    model = fit_surrogate(ACCURACY, learnt, learnt @ of_all[:, 0])
    prediction = EarlierPrediction([model], features.drawn)
    targets = relation(np.stack([x @ of_all[:, 0], x @ of_all[:, 1]]))
    return fit_mixture([prediction], ACCURACY, x, targets), x


def test_the_weight_follows_from_how_well_a_run_agrees(features: Features) -> None:
    agrees, _ = mixed(features, 25, lambda values: 3 + 0.1 * values[0])
    disagrees, _ = mixed(features, 25, lambda values: 3 - 0.1 * values[0])
    unrelated, _ = mixed(features, 25, lambda values: 3 + 0.1 * values[1])
    assert agrees.slopes @ agrees.weights > 0.5 * agrees.slopes.max()
    assert disagrees.weights[0] > 0.95
    assert unrelated.weights[0] > 0.5
    for mixture in (agrees, disagrees, unrelated):
        assert mixture.weights.sum() == pytest.approx(1.0)


def test_without_a_relation_it_predicts_as_without_the_run(features: Features) -> None:
    mixture, x = mixed(features, 25, lambda values: 3 - 0.1 * values[0])
    alone = replace(mixture, weights=np.eye(len(mixture.weights))[0])
    others = drawn(features, 10, 4)
    mean, deviation = alone(others)
    of_all = np.random.default_rng(3).normal(size=(x.shape[1], 2))
    plain = fit_surrogate(ACCURACY, x, 3 - 0.1 * (x @ of_all[:, 0]))
    assert mean == pytest.approx(plain(others)[0], rel=1e-9)
    assert deviation == pytest.approx(plain(others)[1], rel=1e-9)
    assert alone.mean(others) == pytest.approx(mean)

"""Candidates trained again are ranked by their mean; these trainings are not ranked themselves."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import pytest

from results.architecture_file import read
from results.candidate import Candidate, CurvePoint, State
from results.files import table, write_files
from results.ranking import confirmed, front, ranked, reward, seed_deviation, spread, winner
from reward.objective import Objective
from search_space.task import Task

MakeCandidate = Callable[..., Candidate]


def _curve(epochs: int) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(epoch, 1.0, 0.5, float(epoch)) for epoch in range(1, epochs + 1))


@pytest.fixture
def lucky_and_steady(make_candidate: MakeCandidate) -> list[Candidate]:
    """Return a candidate with one lucky result, a steady one, and two more trainings of each."""
    accuracies = {0: 0.99, 1: 0.97, 2: 0.5, 3: 0.90, 4: 0.96, 5: 0.91, 6: 0.98}
    confirms = {3: 0, 4: 1, 5: 0, 6: 1}
    return [
        make_candidate(number, accuracy=accuracy, confirms=confirms.get(number))
        for number, accuracy in accuracies.items()
    ]


def test_the_mean_decides_not_the_best_training(lucky_and_steady: list[Candidate]) -> None:
    assert ranked(lucky_and_steady, Objective())[0][1].number == 0
    chosen = winner(lucky_and_steady, Objective())
    assert chosen is not None
    assert chosen.number == 1
    steady, lucky = confirmed(lucky_and_steady, Objective())
    assert steady.accuracies == (0.97, 0.96, 0.98)
    assert [c.number for c in lucky.trainings] == [0, 3, 5]


def test_best_json_holds_the_mean_and_its_spread(
    lucky_and_steady: list[Candidate], tmp_path: Path
) -> None:
    write_files(tmp_path, lucky_and_steady, Objective(), "run", Task(10, 1))
    file = read(tmp_path / "best.json")
    assert file.provenance["candidate"] == 1
    rewards = [reward(lucky_and_steady[n], Objective()) or 0 for n in (1, 4, 6)]
    assert file.measurements["confirmation"] == {
        "trainings": 3,
        "epochs": 2,
        "candidates": [1, 4, 6],
        "reward_mean": fmean(rewards),
        "reward_sd": stdev(rewards),
        "accuracy_mean": pytest.approx(0.97),
        "accuracy_sd": pytest.approx(0.01),
        "fresh_trainings": 2,
        "fresh_reward_mean": fmean(rewards[1:]),
        "fresh_accuracy_mean": pytest.approx(0.97),
        # Pooled over both candidates' fresh trainings: 0.96, 0.98 and 0.90, 0.91.
        "seed_reward_sd": pytest.approx(sqrt((0.02**2 + 0.01**2) / 4) * rewards[1] / 0.96),
        "seed_accuracy_sd": pytest.approx(sqrt((0.02**2 + 0.01**2) / 4)),
    }
    assert file.measurements["accuracy"] == pytest.approx(0.97)
    assert file.measurements["reward"] == fmean(rewards[1:])
    assert "confirmation" not in json.dumps(file.to_json()["provenance"])


def test_the_selected_training_is_not_among_the_fresh_ones(
    lucky_and_steady: list[Candidate],
) -> None:
    _, lucky = confirmed(lucky_and_steady, Objective())
    assert lucky.accuracies == (0.99, 0.90, 0.91)
    assert lucky.fresh_accuracies == (0.90, 0.91)


def test_the_winners_curse(make_candidate: MakeCandidate) -> None:
    """Of 200 networks the best first result is mostly luck; fresh trainings are unbiased."""
    generator = random.Random(0)
    lifted, fresh = [], []
    for _ in range(60):
        worth = [generator.gauss(0.7, 0.02) for _ in range(200)]
        firsts = [value + generator.gauss(0, 0.03) for value in worth]
        best = sorted(range(200), key=lambda number: -firsts[number])[:5]
        candidates = [make_candidate(number, accuracy=firsts[number]) for number in best]
        candidates += [
            make_candidate(
                200 + 5 * again + i,
                accuracy=worth[number] + generator.gauss(0, 0.03),
                confirms=number,
            )
            for again in range(2)
            for i, number in enumerate(best)
        ]
        for result in confirmed(candidates, Objective()):
            number = result.candidate.number
            lifted.append((result.candidate.accuracy or 0) - worth[number])
            fresh.append(fmean(result.fresh_accuracies) - worth[number])
    assert fmean(lifted) > 0.04
    assert abs(fmean(fresh)) < 4 * 0.03 / sqrt(2 * len(fresh))


def test_seeds_deviation_is_pooled_over_networks() -> None:
    assert seed_deviation([(1.0, 3.0), (5.0, 5.0, 8.0), (9.0,)]) == pytest.approx(sqrt(8 / 3))
    assert seed_deviation([(1.0,), ()]) is None


def test_a_confirmation_is_neither_ranked_nor_on_the_front(
    make_candidate: MakeCandidate,
) -> None:
    again = make_candidate(1, accuracy=0.999, step_s=0.01, confirms=0)
    candidates = [make_candidate(0), again]
    assert [c.number for _, c in ranked(candidates, Objective())] == [0]
    assert [c.number for c in front(candidates)] == [0]
    assert table(candidates)["confirms"].tolist()[1] == 0


def test_longer_trainings_are_not_averaged_with_the_first(make_candidate: MakeCandidate) -> None:
    candidates = [
        make_candidate(0, accuracy=0.9),
        make_candidate(1, accuracy=0.8),
        make_candidate(2, accuracy=0.95, confirms=0, curve=_curve(5)),
        make_candidate(3, accuracy=0.97, confirms=1, curve=_curve(5)),
        make_candidate(4, accuracy=0.99, confirms=0),  # from before they were made longer
    ]
    first, second = confirmed(candidates, Objective())
    assert (first.candidate.number, first.accuracies) == (1, (0.97,))
    assert second.accuracies == (0.95,)


def test_a_candidate_whose_confirmations_all_failed_does_not_win(
    make_candidate: MakeCandidate,
) -> None:
    candidates = [
        make_candidate(0, accuracy=0.9),
        make_candidate(1, accuracy=0.8),
        make_candidate(2, state=State.FAILED, accuracy=None, confirms=0),
        make_candidate(3, accuracy=0.7, confirms=1),
    ]
    chosen = winner(candidates, Objective())
    assert chosen is not None
    assert chosen.number == 1
    chosen = winner(candidates[:3], Objective())  # nothing confirmed: the highest reward
    assert chosen is not None
    assert chosen.number == 0


def test_a_single_value_has_no_deviation() -> None:
    assert spread([0.5]) == (0.5, None)

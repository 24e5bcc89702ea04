"""The bound never stops the winner of a recorded run, and saves the documented trainings."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nas.search.pruners.base import first_stop
from nas.search.pruners.bound import Bound, CertainCeiling, CredibleCeiling
from results.candidate import Candidate, State
from results.ranking import best
from reward.objective import Objective
from tests.nas.search.pruners.conftest import EPOCHS, after, made

OBJECTIVE = Objective()


def _trained(order: list[Candidate]) -> list[Candidate]:
    """Return the candidates that the certain bound lets train, each judged before it starts."""
    pruner, trained = Bound(OBJECTIVE, CertainCeiling()), []
    for candidate in order:
        ends = first_stop(after(candidate, 0), [pruner])
        if ends is None:
            trained.append(candidate)
        pruner.ended(ends or candidate)
    return trained


@pytest.mark.parametrize("seed", range(50))
def test_the_certain_bound_keeps_the_winner_of_a_recorded_run(
    recorded: list[Candidate], seed: int
) -> None:
    order = random.Random(seed).sample(recorded, len(recorded))
    trained = _trained(order)
    assert best(trained, OBJECTIVE) == best(recorded, OBJECTIVE)
    assert len(trained) < 0.8 * len(recorded)


def test_it_keeps_the_winner_in_the_recorded_order(recorded: list[Candidate]) -> None:
    """Of the 200 candidates 104 need no training, as in benchmarks/README.md."""
    trained = _trained(recorded)
    assert best(trained, OBJECTIVE) == best(recorded, OBJECTIVE)
    assert len(trained) == 96


def test_equals_are_not_stopped() -> None:
    pruner = Bound(OBJECTIVE, CertainCeiling())
    pruner.ended(made(1, [1.0]))
    assert pruner.verdict(after(made(0, [1.0]), 0)) is None
    why = pruner.verdict(after(made(0, [1.0], step_time=1.01), 0))
    assert why == "reward 0.9993 at most, at accuracy 1.000; candidate 1 has 1.0000"


def test_nothing_is_stopped_before_step_time_and_parameters_are_known() -> None:
    pruner = Bound(OBJECTIVE, CertainCeiling())
    slow = after(made(1, [0.5], step_time=100.0), 0)
    assert pruner.verdict(slow) is None  # nothing to compare with either
    pruner.ended(made(0, [0.9]))
    assert pruner.verdict(slow) is not None
    assert pruner.verdict(replace(slow, step_time=None)) is None
    assert pruner.verdict(replace(slow, parameters=None)) is None


def test_only_complete_candidates_raise_the_bound() -> None:
    pruner = Bound(OBJECTIVE, CertainCeiling())
    pruner.ended(replace(made(0, [1.0], step_time=0.01), state=State.STOPPED))
    assert pruner.verdict(after(made(1, [0.5], step_time=2.0), 0)) is None


def test_the_credible_ceiling_is_its_formula() -> None:
    ceiling = CredibleCeiling(epochs=2, min_complete=2, margin=0.5)
    candidate = after(made(9, [0.4, 0.5]), 1)
    ceiling.ended(made(0, [0.5, 0.8]))  # 0.4 of the error left
    assert ceiling.highest_accuracy(candidate) == 1.0  # one is too few
    ceiling.ended(made(1, [0.2, 0.76]))  # 0.3 of it
    assert ceiling.highest_accuracy(candidate) == pytest.approx(1 - 0.6 * 0.3 / 1.5)
    assert ceiling.highest_accuracy(after(candidate, 0)) == 1.0
    ceiling.ended(made(2, [0.9, 0.1]))  # more error than before, so the minimum stays
    assert ceiling.highest_accuracy(candidate) == pytest.approx(1 - 0.6 * 0.3 / 1.5)
    ceiling.ended(made(3, [1.0, 1.0]))  # nothing left of nothing
    assert ceiling.highest_accuracy(candidate) == 1.0


def test_without_the_margin_a_ceiling_is_exceeded_no_oftener_than_proven() -> None:
    """At most 1 / (n + 1) of exchangeable candidates, here n = 9, within three deviations."""
    generator, passed, rounds, n = random.Random(0), 0, 2000, 9
    for _ in range(rounds):
        ceiling = CredibleCeiling(epochs=2, min_complete=n, margin=0.0)
        curves = [[generator.random() * 0.5, 0.5 + generator.random() * 0.5] for _ in range(n + 1)]
        for number, curve in enumerate(curves[:n]):
            ceiling.ended(made(number, curve))
        passed += curves[n][1] > ceiling.highest_accuracy(after(made(n, curves[n]), 1))
    share = 1 / (n + 1)
    assert 0 < passed <= rounds * share + 3 * (rounds * share * (1 - share)) ** 0.5


def test_a_learned_ceiling_stops_what_lags_behind_and_not_what_leads() -> None:
    pruner = Bound(OBJECTIVE, CredibleCeiling(EPOCHS, min_complete=3))
    leading = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
    for number in range(3):
        pruner.ended(made(number, leading))
    lagging = made(3, [0.5 * accuracy for accuracy in leading])
    ends = [epoch for epoch in range(1, EPOCHS) if pruner.verdict(after(lagging, epoch))]
    assert ends
    assert not [epoch for epoch in range(EPOCHS) if pruner.verdict(after(made(4, leading), epoch))]
